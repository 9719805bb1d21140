import { amd } from '#core';

export { writeSmbios } from '../../../machines/smbios/tables.ts';
export { memory } from './machines-acpi.ts';

export const options = { product: 'virt64', processors: 1, cpu: amd(), memory: 0x10_0000 };
