/** Where in RAM boot structures go: ranges that hold nothing else yet. */
import { type GuestMemory, MachineError } from '#core';
import type { Placement } from './boot-state.ts';

const endOf = (range: { base: number; size: number }): number => range.base + range.size;

export const overlaps = (a: { base: number; size: number }, b: { base: number; size: number }): boolean =>
  a.base < endOf(b) && b.base < endOf(a);

const alignDown = (address: number, alignment: number): number => address - (address % alignment);
export const alignUp = (address: number, alignment: number): number => alignDown(address + alignment - 1, alignment);

/** RAM that is really RAM on a PC: the window from the EBDA to 1 MiB belongs to firmware and video. */
const firmwareWindow: Placement = { name: 'firmware window', base: 0x9_fc00, size: 0x10_0000 - 0x9_fc00 };

export interface Wanted {
  readonly name: string;
  readonly size: number;
  readonly alignment?: number;
  /** Exclusive upper bound. */
  readonly below?: number;
  /** Inclusive lower bound. */
  readonly above?: number;
}

/** The highest free range, or undefined. */
export function placeHigh(
  memory: GuestMemory,
  occupied: readonly Placement[],
  { name, size, alignment = 0x1000, below = 2 ** 32, above = 0x1000 }: Wanted,
): Placement | undefined {
  const obstacles = [...occupied, firmwareWindow].filter(range => range.size > 0);
  const regions = [...memory.regions].sort((a, b) => b.base - a.base);
  for (const region of regions) {
    let base = alignDown(Math.min(endOf(region), below) - size, alignment);
    while (base >= Math.max(region.base, above)) {
      const candidate = { name, base, size };
      const obstacle = obstacles.find(range => overlaps(range, candidate));
      if (!obstacle) return candidate;
      base = alignDown(obstacle.base - size, alignment);
    }
  }
  return undefined;
}

/** At `preferred` when that is free RAM, else as high as possible, else the user is told. */
export function place(
  memory: GuestMemory,
  occupied: readonly Placement[],
  preferred: number,
  wanted: Wanted,
): Placement {
  const first = { name: wanted.name, base: preferred, size: wanted.size };
  const free = memory.contains(preferred, wanted.size) && !occupied.some(range => overlaps(range, first));
  const found = free ? first : placeHigh(memory, occupied, wanted);
  if (found) return found;
  throw new MachineError('does-not-fit', `no room in guest memory for the ${wanted.name} (${wanted.size} bytes)`, {
    path: 'memory',
    remedy: 'give the machine more memory',
  });
}

/** What firmware leaves in memory for the guest to find. */
export function putTables(memory: GuestMemory, name: string, base: number, image: Uint8Array): Placement {
  if (memory.write(base, image)) return { name, base, size: image.length };
  throw new MachineError('does-not-fit', `there is no RAM for ${name} at 0x${base.toString(16)}`, {
    path: 'memory',
    remedy: 'give the machine RAM below 1 MiB',
  });
}
