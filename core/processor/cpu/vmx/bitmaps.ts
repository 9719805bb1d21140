/** I/O bitmaps and the MSR bitmap (SDM vol. 3, sections 25.6.4 and 25.6.9): 1 exits. */
import type { PhysicalMemory } from '../../memory/physical-memory.ts';
import { Field } from './fields.ts';
import type { Vmcs } from './vmcs.ts';

/** A bitmap outside of memory reads as ones. */
function bit(physical: PhysicalMemory, vmcs: Vmcs, field: number, index: number): boolean {
  const page = physical.locate(vmcs.low(field), vmcs.high(field));
  return page === 0 || ((physical.load8(page + (index >>> 3)) >>> (index & 7)) & 1) !== 0;
}

/** Any byte of the access; one that wraps around at FFFFH always exits. */
export function portExits(physical: PhysicalMemory, vmcs: Vmcs, port: number, size: number): boolean {
  if (port + size > 0x1_0000) return true;
  for (let each = port; each < port + size; each++) {
    const field = each < 0x8000 ? Field.ioBitmapA : Field.ioBitmapB;
    if (bit(physical, vmcs, field, each & 0x7fff)) return true;
  }
  return false;
}

const range = 0x2000;
const high = 0xc000_0000;

/** Four maps of 8192 bits: reads low and high, writes low and high. */
export function msrExits(physical: PhysicalMemory, vmcs: Vmcs, index: number, write: boolean): boolean {
  const number = index >>> 0;
  const isHigh = number >= high;
  const offset = isHigh ? number - high : number;
  if (offset >= range) return true;
  const map = (write ? 2 : 0) + (isHigh ? 1 : 0);
  return bit(physical, vmcs, Field.msrBitmap, map * range + offset);
}
