import { PciSlots } from '#core';
import { IoApic } from '#devices';
import { TestBoard } from '../../devices/support.ts';

export { createDevice, registers32 } from '#core';
export { PciFunction, PciHost } from '#devices';

const bench = new TestBoard();
bench.add('ioapic', IoApic, {});

export const { board } = bench;
export const slots = board.scope.get(PciSlots);
