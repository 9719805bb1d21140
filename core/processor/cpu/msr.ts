/** The MSRs that belong to the CPU itself (SDM vol. 4; APM vol. 2, appendix A). All others are the machine's. */
import { isCanonical } from '../mmu/segmentation.ts';
import { state as layout, Segment, segmentBase } from '../state/layout.ts';
import { branchMsrs } from './branches.ts';
import { loadEfer } from './control-registers.ts';
import type { CpuCore } from './core.ts';
import type { CpuModel } from './model.ts';
import type { StoredMsr, WriteRule } from './stored-msr.ts';

export const MsrAnswer = { done: 0, fault: 1, unknown: 2 } as const;

const stored: ReadonlyMap<number, StoredMsr> = new Map<number, StoredMsr>([
  [0x174, { offset: layout.sysenterCs.offset, rule: 'any' }],
  [0x175, { offset: layout.sysenterEsp.offset, rule: 'canonical' }],
  [0x176, { offset: layout.sysenterEip.offset, rule: 'canonical' }],
  [0xc000_0081, { offset: layout.star.offset, rule: 'any' }],
  [0xc000_0082, { offset: layout.lstar.offset, rule: 'canonical' }],
  [0xc000_0083, { offset: layout.cstar.offset, rule: 'canonical' }],
  [0xc000_0084, { offset: layout.sfmask.offset, rule: 'low' }],
  [0xc000_0100, { offset: segmentBase(Segment.fs).offset, rule: 'canonical' }],
  [0xc000_0101, { offset: segmentBase(Segment.gs).offset, rule: 'canonical' }],
  [0xc000_0102, { offset: layout.kernelGsBase.offset, rule: 'canonical' }],
  [0xc000_0103, { offset: layout.tscAux.offset, rule: 'low' }],
]);

const tscAux = 0xc000_0103;
function storedIn({ debugControl, features, vendor }: CpuModel, index: number): StoredMsr | undefined {
  if (index >>> 0 === tscAux && !features.has('rdtscp') && !features.has('rdpid')) return undefined;
  return stored.get(index >>> 0) ?? (debugControl ? branchMsrs[vendor].get(index >>> 0) : undefined);
}

function obeys(rule: WriteRule, low: number, high: number): boolean {
  switch (rule) {
    case 'any':
      return true;
    case 'canonical':
      return isCanonical(high);
    case 'low':
      return high === 0;
    case 'none':
      return false;
    default:
      return high === 0 && (low & ~rule) === 0;
  }
}

const Msr = { tsc: 0x10, miscEnable: 0x1a0, pat: 0x277, perfCapabilities: 0x345, efer: 0xc000_0080 } as const;
/** Fast strings, no branch trace storage, no precise event sampling. */
const miscEnable = 0x1801;
/** Last-branch records are effective addresses of 64 bits and nothing else (SDM vol. 3, section 18.4.8.1). */
const perfCapabilities = 2;

/** The time-stamp counter with this CPU's offset, into (cpu.low, cpu.high). */
export function readTimestamp(cpu: CpuCore): void {
  const { state, ticks } = cpu;
  const low = (ticks % 2 ** 32) | 0;
  const { offset } = layout.tscOffset;
  const sum = (low + state.low(offset)) | 0;
  const carry = sum >>> 0 < low >>> 0 ? 1 : 0;
  cpu.low = sum;
  cpu.high = (Math.floor(ticks / 2 ** 32) + state.high(offset) + carry) | 0;
}

/** Sets the offset so that the counter reads as given, now. */
export function writeTimestamp(cpu: CpuCore, low: number, high: number): void {
  const { ticks } = cpu;
  const nowLow = (ticks % 2 ** 32) | 0;
  const difference = (low - nowLow) | 0;
  const borrow = low >>> 0 < nowLow >>> 0 ? 1 : 0;
  cpu.state.set64(layout.tscOffset.offset, difference, (high - Math.floor(ticks / 2 ** 32) - borrow) | 0);
}

/** The value goes to (cpu.low, cpu.high). */
export function readMsr(cpu: CpuCore, index: number): number {
  const { model, state, virtualization } = cpu;
  const known = storedIn(model, index);
  if (known) {
    cpu.low = state.low(known.offset);
    cpu.high = state.high(known.offset);
    return MsrAnswer.done;
  }
  switch (index >>> 0) {
    case Msr.tsc:
      readTimestamp(cpu);
      return MsrAnswer.done;
    case Msr.pat:
      cpu.low = state.low(layout.pat.offset);
      cpu.high = state.high(layout.pat.offset);
      return MsrAnswer.done;
    case Msr.efer:
      cpu.low = state.efer;
      cpu.high = 0;
      return MsrAnswer.done;
    case Msr.miscEnable:
      if (model.vendor !== 'intel') return MsrAnswer.unknown;
      cpu.low = miscEnable;
      cpu.high = 0;
      return MsrAnswer.done;
    case Msr.perfCapabilities:
      if (!model.features.has('pdcm')) return MsrAnswer.unknown;
      cpu.low = perfCapabilities;
      cpu.high = 0;
      return MsrAnswer.done;
    default:
      if (virtualization?.readMsr(index)) return MsrAnswer.done;
      return virtualization?.msrFault ? MsrAnswer.fault : MsrAnswer.unknown;
  }
}

/** The value is in (cpu.low, cpu.high). */
export function writeMsr(cpu: CpuCore, index: number): number {
  const { high, low, model, state, virtualization } = cpu;
  const known = storedIn(model, index);
  if (known) {
    if (!obeys(known.rule, low, high)) return MsrAnswer.fault;
    state.set64(known.offset, low, high);
    return MsrAnswer.done;
  }
  switch (index >>> 0) {
    case Msr.tsc:
      writeTimestamp(cpu, low, high);
      return MsrAnswer.done;
    case Msr.pat:
      if (!isMemoryTypes(low) || !isMemoryTypes(high)) return MsrAnswer.fault;
      state.set64(layout.pat.offset, low, high);
      return MsrAnswer.done;
    case Msr.efer:
      return loadEfer(cpu, low, high) ? MsrAnswer.done : MsrAnswer.fault;
    case Msr.miscEnable:
      return model.vendor === 'intel' ? MsrAnswer.done : MsrAnswer.unknown;
    case Msr.perfCapabilities:
      return model.features.has('pdcm') ? MsrAnswer.fault : MsrAnswer.unknown;
    default:
      if (virtualization?.writeMsr(index)) return MsrAnswer.done;
      return virtualization?.msrFault ? MsrAnswer.fault : MsrAnswer.unknown;
  }
}

/** Whether WRMSR takes a value of a register that every processor stores, whoever keeps it; the accessor's own affair: EFER. */
export function acceptsMsr(index: number, low: number, high: number): boolean {
  if (index === Msr.pat) return isMemoryTypes(low) && isMemoryTypes(high);
  const known = stored.get(index);
  return known === undefined || obeys(known.rule, low, high);
}

/** Each byte one of 0, 1, 4, 5, 6, 7. */
export function isMemoryTypes(word: number): boolean {
  for (let byte = 0; byte < 4; byte++) {
    const type = (word >>> (8 * byte)) & 0xff;
    if (type > 7 || type === 2 || type === 3) return false;
  }
  return true;
}
