/**
 * The last bytes below 1 MiB, where a PC's firmware begins. Programs jump there from real mode to restart the machine: Linux with
 * `reboot=bios` to F000:FFF0, boot sectors to FFFF:0. There is no firmware here that could do it, so the processor shuts down, which
 * resets a PC just the same.
 */
import type { GuestMemory } from '#core';
import type { Placement } from './boot-state.ts';
import { overlaps } from './placement.ts';

const base = 0xf_ffe0;
const code = [
  // F000:FFE0: an interrupt table of no entries, then an interrupt: it faults, and so do both faults that should report that.
  [0x2e, 0x0f, 0x01, 0x1e, 0xf5, 0xff], // lidt cs:[0xfff5]
  [0xcc], // int3
];
const start = [
  // F000:FFF0: the far jump gives CS its value, whichever way the program came.
  [0xea, 0xe0, 0xff, 0x00, 0xf0], // jmp 0xf000:0xffe0
  [0, 0, 0, 0, 0, 0], // limit and base of the table
];

/** Answers where it is, or undefined if something else is there, such as firmware that the user brought. */
export function putResetVector(memory: GuestMemory, occupied: readonly Placement[]): Placement | undefined {
  const image = new Uint8Array(0x20);
  image.set(code.flat());
  image.set(start.flat(), 0x10);
  const placement = { name: 'reset vector', base, size: image.length };
  if (occupied.some(other => overlaps(other, placement))) return undefined;
  return memory.write(base, image) ? placement : undefined;
}
