/** MSR areas (SDM vol. 3, sections 27.4, 28.4 and 28.6): entries of 16 bytes {index, zero, value}. */
import type { Cpu } from '../cpu.ts';
import { MsrAnswer, readMsr, writeMsr } from '../msr.ts';
import { msrAreaLimit } from './capabilities.ts';
import type { Vmcs } from './vmcs.ts';

/** FS and GS bases are segment state, and SMM's MSRs are not for entries. */
const barred = (index: number): boolean =>
  index === 0xc000_0100 || index === 0xc000_0101 || index === 0x9b || index === 0x9e;

/** Linear-memory address of an entry, 0 where there is no memory. `before`: of the one before it, mostly in the same page. */
function entryAt(cpu: Cpu, vmcs: Vmcs, address: number, n: number, before: number, write: boolean): number {
  if (before !== 0 && ((before + 16) & 0xfff) !== 0) return before + 16;
  const sum = (vmcs.low(address) >>> 0) + n * 16;
  const high = (vmcs.high(address) + (sum > 0xffff_ffff ? 1 : 0)) | 0;
  const { physical } = cpu;
  const page = write ? physical.locateWritable(sum | 0, high) : physical.locate(sum | 0, high);
  return page === 0 ? 0 : page + (sum & 0xfff);
}

/** 0, or the one-based number of the entry that cannot be loaded. */
export function loadMsrs(cpu: Cpu, vmcs: Vmcs, address: number, countField: number): number {
  const count = vmcs.low(countField) >>> 0;
  const { physical } = cpu;
  let at = 0;
  for (let n = 0; n < count; n++) {
    at = n < msrAreaLimit ? entryAt(cpu, vmcs, address, n, at, false) : 0;
    if (at === 0) return n + 1;
    const index = physical.load32(at) >>> 0;
    if (physical.load32(at + 4) !== 0 || barred(index)) return n + 1;
    cpu.low = physical.load32(at + 8);
    cpu.high = physical.load32(at + 12);
    if (writeMsr(cpu, index) !== MsrAnswer.done) return n + 1;
  }
  return 0;
}

export function storeMsrs(cpu: Cpu, vmcs: Vmcs, address: number, countField: number): number {
  const count = vmcs.low(countField) >>> 0;
  const { physical } = cpu;
  let at = 0;
  for (let n = 0; n < count; n++) {
    at = n < msrAreaLimit ? entryAt(cpu, vmcs, address, n, at, true) : 0;
    if (at === 0) return n + 1;
    const index = physical.load32(at) >>> 0;
    if (physical.load32(at + 4) !== 0 || readMsr(cpu, index) !== MsrAnswer.done) return n + 1;
    physical.store32(at + 8, cpu.low);
    physical.store32(at + 12, cpu.high);
    if (physical.isCode(at)) physical.written(at, 16);
  }
  return 0;
}
