/** A machine's RAM: allocated, mapped, and as devices and loaders see it. */
import { MapAccess, type VirtualMachine } from '#accelerators';
import { type GuestMemory, RamGuestMemory } from '#core';
import { ramRanges } from './memory.ts';

export function mapRam(machine: VirtualMachine, size: number): GuestMemory {
  return new RamGuestMemory(
    ramRanges(size).map(({ base, size: length }) => {
      const block = machine.allocate(length);
      machine.map(base, block, 0, length, MapAccess.all);
      return { base, bytes: block.bytes, onWrite: (offset: number, count: number) => block.written(offset, count) };
    }),
  );
}
