/** Words between a comm page and the CPU block on which an assist executes: the same registers, packed differently. */
import {
  type CpuCore,
  gprOffset,
  readFpuImage,
  segmentOffset,
  stateLayout,
  vectorSize,
  writeFpuImage,
  ymmHighOffset,
} from '#core';
import { Comm, Cr, Gpr, Msr, StateFlag, X64State } from '../abi.ts';
import type { CommPage } from '../driver/machine.ts';

const segments = 10;
const controls = [
  [Cr.cr0, stateLayout.cr0.offset],
  [Cr.cr2, stateLayout.cr2.offset],
  [Cr.cr3, stateLayout.cr3.offset],
  [Cr.cr4, stateLayout.cr4.offset],
  [Cr.xcr0, stateLayout.xcr0.offset],
] as const;
const everything = ['general', 'segments', 'controls'] as const;

/** The instruction's world: general registers, segments, control registers, EFER; x87, SSE and AVX where `units` has their flags. */
export function load(core: CpuCore, comm: CommPage, units: number): void {
  const { state } = core;
  const { words } = comm;
  const gprs = comm.stateWord(X64State.gprs);
  for (let n = 0; n < 16; n++) state.set64(gprOffset(n), words[gprs + 2 * n], words[gprs + 2 * n + 1]);
  state.set64(stateLayout.rip.offset, words[gprs + 2 * Gpr.rip], words[gprs + 2 * Gpr.rip + 1]);
  state.flags = words[gprs + 2 * Gpr.rflags];
  let word = comm.stateWord(X64State.segs);
  for (let n = 0; n < segments; n++, word += 4) {
    const at = segmentOffset(n);
    state.set64(at, words[word + 2], words[word + 3]);
    state.set32(at + 8, words[word + 1]);
    state.set32(at + 12, words[word]);
  }
  for (const [index, offset] of controls)
    state.set64(offset, comm.low(X64State.crs + index * 8), comm.high(X64State.crs + index * 8));
  state.efer = comm.low(X64State.msrs + Msr.efer * 8);
  state.interruptShadow = 0;
  if (units & StateFlag.vector)
    state.u8.set(comm.bytes.subarray(Comm.vector, Comm.vector + vectorSize), ymmHighOffset(0));
  if (units & StateFlag.fpu) writeFpuImage(state, comm.bytes.subarray(comm.fpuOffset, comm.fpuOffset + 512));
  core.stateWritten(everything);
}

/** What the instruction has changed, back; the components' flags. */
export function store(core: CpuCore, comm: CommPage, units: number): number {
  const { state } = core;
  const { words } = comm;
  const gprs = comm.stateWord(X64State.gprs);
  for (let n = 0; n < 16; n++) {
    words[gprs + 2 * n] = state.gprLow(n);
    words[gprs + 2 * n + 1] = state.gprHigh(n);
  }
  words[gprs + 2 * Gpr.rip] = state.low(stateLayout.rip.offset);
  words[gprs + 2 * Gpr.rip + 1] = state.high(stateLayout.rip.offset);
  words[gprs + 2 * Gpr.rflags] = state.flags;
  let changed: number = StateFlag.gprs;
  let word = comm.stateWord(X64State.segs);
  for (let n = 0; n < segments; n++, word += 4) {
    const at = segmentOffset(n);
    if (
      put(comm, word, state.get32(at + 12), state.get32(at + 8)) ||
      put(comm, word + 2, state.low(at), state.high(at))
    )
      changed |= StateFlag.segs;
  }
  for (const [index, offset] of controls) {
    if (put(comm, comm.stateWord(X64State.crs + index * 8), state.low(offset), state.high(offset)))
      changed |= StateFlag.crs;
  }
  if (units & StateFlag.fpu) readFpuImage(state, comm.bytes.subarray(comm.fpuOffset, comm.fpuOffset + 512));
  if (units & StateFlag.vector)
    comm.bytes.set(state.u8.subarray(ymmHighOffset(0), ymmHighOffset(0) + vectorSize), Comm.vector);
  return changed | units;
}

function put({ words }: CommPage, word: number, low: number, high: number): boolean {
  if (words[word] === low && words[word + 1] === high) return false;
  words[word] = low;
  words[word + 1] = high;
  return true;
}
