/** Far transfers, interrupts by software, and the fast system calls. */
import { isCanonical } from '../../mmu/segmentation.ts';
import { state as layout, Segment } from '../../state/layout.ts';
import { Attribute, Cr0, Dr6, Efer, Flag, Gpr, Vector } from '../../state/registers.ts';
import { endBranchControl } from '../branches.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';
import { deliver } from '../delivery/deliver.ts';
import * as far from '../far-transfer.ts';
import { interruptReturn } from '../interrupt-return.ts';
import { EventType } from '../virtualization.ts';

type OperandWidth = 16 | 32 | 64;

export const farJump: HelperImplementation = cpu => {
  const { state } = cpu;
  return far.farJump(cpu, state.argument(0) & 0xffff, state.argument(1), state.argumentHigh(1));
};

export const farCall: HelperImplementation = cpu => {
  const { state } = cpu;
  const width = state.argument(2) as OperandWidth;
  return far.farCall(cpu, state.argument(0) & 0xffff, state.argument(1), state.argumentHigh(1), width);
};

export const farReturn: HelperImplementation = cpu =>
  far.farReturn(cpu, cpu.state.argument(0) as OperandWidth, cpu.state.argument(1));

export const iret: HelperImplementation = cpu => interruptReturn(cpu, cpu.state.argument(0) as OperandWidth);

/**
 * The handler's return address is the next instruction. Faults on the way are the instruction's own: RIP goes back to it, and `delivering`
 * says what was under way.
 */
export const softwareInterrupt: HelperImplementation = cpu => {
  const { delivering, state, virtualization } = cpu;
  const vector = state.argument(0) & 0xff;
  const type = state.argument(1);
  if (state.guest !== 0 && virtualization) cpu.stop(virtualization.softwareInterruptIntercepted(vector, type));
  const { ripLow, ripHigh } = state;
  const task = state.selector(Segment.tr);
  const length = (state.low(layout.nextRip.offset) - ripLow) & 0xf;
  cpu.advance();
  try {
    deliver(cpu, vector, type, -1, length);
  } catch (thrown) {
    if (thrown === cpu.fault && state.selector(Segment.tr) === task) state.setRip(ripLow, ripHigh);
    throw thrown;
  }
  delivering.type = -1;
  if (type === EventType.privilegedSoftware) endBranchControl(cpu);
  cpu.stepSuppressed = true;
  return cpu.arrived();
};

const code32 =
  Attribute.code |
  Attribute.readable |
  Attribute.accessed |
  Attribute.segment |
  Attribute.present |
  Attribute.granular |
  Attribute.big;
const code64 = (code32 & ~Attribute.big) | Attribute.long;
const data32 =
  Attribute.writable | Attribute.accessed | Attribute.segment | Attribute.present | Attribute.granular | Attribute.big;

/** The flat segments that fast system calls load without looking at descriptors. */
function loadFlat(cpu: CpuCore, codeSelector: number, stackSelector: number, privilege: number, long: boolean): void {
  const { state } = cpu;
  const dpl = privilege << 5;
  state.setSegment(Segment.cs, codeSelector, (long ? code64 : code32) | dpl, -1, 0, 0);
  state.setSegment(Segment.ss, stackSelector, data32 | dpl, -1, 0, 0);
  cpu.cpl = privilege;
  cpu.modeChanged();
}

const starSelectors = (cpu: CpuCore): number => cpu.state.high(layout.star.offset);

export const syscall: HelperImplementation = cpu => {
  const { state } = cpu;
  if ((state.efer & Efer.sce) === 0) cpu.raise(Vector.ud);
  if (cpu.model.dialect === 'intel' && !cpu.is64) cpu.raise(Vector.ud);
  const selector = starSelectors(cpu) & 0xfffc;
  const nextLow = state.low(layout.nextRip.offset);
  const nextHigh = state.high(layout.nextRip.offset);
  const { flags } = state;
  if (cpu.isLong) {
    const target = cpu.is64 ? layout.lstar.offset : layout.cstar.offset;
    state.setGpr(Gpr.rcx, 64, nextLow, nextHigh);
    state.setGpr(11, 64, flags & ~Flag.rf, 0);
    state.setRip(state.low(target), state.high(target));
    state.flags = flags & ~(state.low(layout.sfmask.offset) | Flag.rf);
    loadFlat(cpu, selector, (selector + 8) & 0xffff, 0, true);
  } else {
    state.setGpr(Gpr.rcx, 32, nextLow, 0);
    state.setRip(state.low(layout.star.offset), 0);
    state.flags = flags & ~(Flag.vm | Flag.if | Flag.rf);
    loadFlat(cpu, selector, (selector + 8) & 0xffff, 0, false);
  }
  cpu.stepSuppressed = (state.systemFlags & Flag.tf) === 0;
  return cpu.arrived();
};

/** RF and VM are not restored. */
const restorable = 0x3c_7fd5;

export const sysret: HelperImplementation = cpu => {
  const { state } = cpu;
  const to64 = state.argument(0) === 64;
  if ((state.efer & Efer.sce) === 0 || (cpu.model.dialect === 'intel' && !cpu.is64)) cpu.raise(Vector.ud);
  if (!cpu.isProtected || cpu.cpl !== 0) cpu.raise(Vector.gp, 0);
  const low = state.gprLow(Gpr.rcx);
  const high = state.gprHigh(Gpr.rcx);
  if (to64 && cpu.model.dialect === 'intel' && !isCanonical(high)) cpu.raise(Vector.gp, 0);
  const selector = starSelectors(cpu) >>> 16;
  state.flags = cpu.isLong ? state.gprLow(11) & restorable : state.flags | Flag.if;
  const code = (to64 ? selector + 16 : selector) | 3;
  loadFlat(cpu, code & 0xffff, ((selector + 8) | 3) & 0xffff, 3, to64);
  state.setRip(low, to64 ? high : 0);
  // Unlike IRET and POPF, it traps at once: before the first instruction of the user.
  if ((state.systemFlags & Flag.tf) !== 0) cpu.pendingDebug |= Dr6.bs;
  return cpu.arrived();
};

export const sysenter: HelperImplementation = cpu => {
  const { state } = cpu;
  const long = cpu.isLong;
  if (long && cpu.model.dialect === 'amd') cpu.raise(Vector.ud);
  const selector = state.low(layout.sysenterCs.offset) & 0xfffc;
  if ((state.cr0 & Cr0.pe) === 0 || selector === 0) cpu.raise(Vector.gp, 0);
  const { sysenterEip, sysenterEsp } = layout;
  state.systemFlags &= ~(Flag.vm | Flag.if | Flag.rf);
  loadFlat(cpu, selector, (selector + 8) & 0xffff, 0, long);
  state.setRip(state.low(sysenterEip.offset), long ? state.high(sysenterEip.offset) : 0);
  state.setGpr(Gpr.rsp, long ? 64 : 32, state.low(sysenterEsp.offset), state.high(sysenterEsp.offset));
  return cpu.arrived();
};

export const sysexit: HelperImplementation = cpu => {
  const { state } = cpu;
  const to64 = state.argument(0) === 64;
  if (cpu.isLong && cpu.model.dialect === 'amd') cpu.raise(Vector.ud);
  const selector = state.low(layout.sysenterCs.offset) & 0xfffc;
  if (selector === 0 || !cpu.isProtected || cpu.cpl !== 0) cpu.raise(Vector.gp, 0);
  const width = to64 ? 64 : 32;
  if (to64 && !(isCanonical(state.gprHigh(Gpr.rdx)) && isCanonical(state.gprHigh(Gpr.rcx)))) cpu.raise(Vector.gp, 0);
  const code = (selector + (to64 ? 32 : 16)) | 3;
  const ripLow = state.gprLow(Gpr.rdx);
  const ripHigh = to64 ? state.gprHigh(Gpr.rdx) : 0;
  loadFlat(cpu, code & 0xffff, (code + 8) & 0xffff, 3, to64);
  state.setGpr(Gpr.rsp, width, state.gprLow(Gpr.rcx), state.gprHigh(Gpr.rcx));
  state.setRip(ripLow, ripHigh);
  return cpu.arrived();
};
