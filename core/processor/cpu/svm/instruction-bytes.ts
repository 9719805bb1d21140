/** Decode assist: the bytes at a guest's RIP, for exits that a data access made (APM vol. 2, section 15.8.4). */

import { Walk } from '../../mmu/paging.ts';
import { state as layout, Segment, tlb } from '../../state/layout.ts';
import { Access } from '../../state/leave.ts';
import type { Cpu } from '../cpu.ts';

const longest = 15;

/** Writes number and bytes to a byte address of linear memory. */
export function writeInstructionBytes(cpu: Cpu, target: number): void {
  const { physical, state } = cpu;
  const base = cpu.is64 ? 0 : state.baseLow(Segment.cs);
  const low = (state.low(layout.rip.offset) + base) | 0;
  const high = cpu.is64 ? state.high(layout.rip.offset) : 0;
  let done = 0;
  for (let page = 0; page < 2 && done < longest; page++) {
    const at = (low + done) | 0;
    const atHigh = cpu.is64 && at >>> 0 < low >>> 0 ? (high + 1) | 0 : high;
    const source = locate(cpu, at, atHigh);
    if (source === 0) break;
    const count = Math.min(longest - done, 0x1000 - (at & 0xfff));
    for (let n = 0; n < count; n++) physical.store8(target + 1 + done + n, physical.load8(source + n));
    done += count;
  }
  physical.store8(target, done);
}

/** Where a byte of code lies in linear memory, or 0. */
function locate({ mmu, physical, state }: Cpu, low: number, high: number): number {
  const known = mmu.tlb.lookup(tlb.fetch, low, high, state.context);
  if (known !== 0) return known;
  const { paging } = mmu;
  if (paging.walk(low, high, Access.execute | (state.cpl === 3 ? Access.user : 0)) !== Walk.done) return 0;
  const page = physical.locate(paging.low, paging.high);
  return page === 0 ? 0 : page + (low & 0xfff);
}
