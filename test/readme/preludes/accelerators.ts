import { accelerators } from '#accelerators';
import { amd } from '#core';
import { bareBoard } from '../../kit/contract/guest.ts';

export { MapAccess } from '#accelerators';

export const cpu = amd();
export const factory = accelerators.find(({ name }) => name === 'software')!;
export const { ports, mmio, msrs, interrupts, pacer, timestamps } = bareBoard();
