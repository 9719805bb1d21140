/** The bitmaps of ports and MSRs that exit (APM vol. 2, sections 15.10 and 15.11). Where there is no memory, everything does. */
import type { PhysicalMemory } from '../../memory/physical-memory.ts';
import type { Controls } from './controls.ts';

function bitmapByte(physical: PhysicalMemory, baseLow: number, baseHigh: number, offset: number): number {
  const low = (baseLow + offset) | 0;
  const high = low >>> 0 < offset ? baseHigh + 1 : baseHigh;
  const page = physical.locate(low, high);
  return page === 0 ? 0xff : physical.load8(page + (low & 0xfff));
}

/** Every byte of the access is looked up; past port 0xffff the map goes on into a third page. */
export function portMapped(physical: PhysicalMemory, controls: Controls, port: number, size: number): boolean {
  const { iopmLow, iopmHigh } = controls;
  const offset = port >> 3;
  const first = port & 7;
  let bits = bitmapByte(physical, iopmLow, iopmHigh, offset);
  if (first + size > 8) bits |= bitmapByte(physical, iopmLow, iopmHigh, offset + 1) << 8;
  return ((bits >> first) & ((1 << size) - 1)) !== 0;
}

/** Two bits for each MSR of three ranges; the others always exit. */
export function msrMapped(physical: PhysicalMemory, controls: Controls, index: number, write: boolean): boolean {
  const range = index >>> 13;
  const base = range === 0 ? 0 : range === 0x6_0000 ? 0x800 : range === 0x6_0008 ? 0x1000 : -1;
  if (base < 0) return true;
  const bit = (index & 0x1fff) * 2 + (write ? 1 : 0);
  return ((bitmapByte(physical, controls.msrpmLow, controls.msrpmHigh, base + (bit >> 3)) >> (bit & 7)) & 1) !== 0;
}
