import { IoApic, PciHost } from '#devices';
import { TestBoard } from '../../devices/support.ts';

export { createDevice, MemoryDisk } from '#core';
export { VirtioBlock, VirtioConsole, VirtioRng } from '#devices';
export { stream } from './stream.ts';

const bench = new TestBoard();
bench.add('ioapic', IoApic, {});
bench.add('pci', PciHost, { irqs: ['ioapic@16', 'ioapic@17', 'ioapic@18', 'ioapic@19'] });

export const { board } = bench;
export const image = new Uint8Array(0x1_0000);
