import { RamGuestMemory } from '#core';
import { pc } from '#machines';
import { describeAcpi } from '../../../machines/acpi-description.ts';

export { writeAcpi } from '#machines';

export const memory = new RamGuestMemory([{ base: 0, bytes: new Uint8Array(0x10_0000) }]);
export const options = describeAcpi(pc)!;
