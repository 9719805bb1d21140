/** MOV CR, CLTS, LMSW, SMSW, MOV DR, XSETBV. */

import { intercepts } from '../../isa/intercepts.ts';
import { state as layout } from '../../state/layout.ts';
import { Access, Leave, Status } from '../../state/leave.ts';
import { Cr0, Cr4, Dr6, Dr7, dr6Fixed, dr7Fixed, Gpr, Vector, Xcr0 } from '../../state/registers.ts';
import { checkControl, loadControl, loadCr0, storeControl } from '../control-registers.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';
import { ControlAccess } from '../virtualization.ts';
import { stateComponentsOf } from '../xsave-area.ts';

/** Asks the hypervisor, which may replace the value in (cpu.low, cpu.high). */
function ask(cpu: CpuCore, register: number, access: number, general: number): void {
  const { state, virtualization } = cpu;
  if (state.guest !== 0 && virtualization) cpu.stop(virtualization.controlIntercepted(register, access, general));
}

/** The end of an instruction that has written a control register: a hypervisor may want to know. */
function written(cpu: CpuCore, register: number): Status {
  const { state, virtualization } = cpu;
  return state.guest !== 0 && virtualization?.controlWritten(register)
    ? cpu.leaveAfter(Leave.vmexit)
    : cpu.transferred();
}

export const readControl: HelperImplementation = cpu => {
  const { state } = cpu;
  const register = state.argument(0);
  storeControl(cpu, register);
  ask(cpu, register, ControlAccess.read, state.argument(1));
  state.setResult(0, cpu.low, cpu.high);
  return Status.done;
};

export const writeControl: HelperImplementation = cpu => {
  const { state } = cpu;
  const register = state.argument(0);
  cpu.low = state.argument(2);
  cpu.high = state.argumentHigh(2);
  // SVM's intercept follows whatever does not take memory (APM vol. 2, table 15-7), VMX's exit comes first.
  if (state.guest !== 0 && cpu.virtualization?.kind === 'svm') checkControl(cpu, register, cpu.low, cpu.high);
  ask(cpu, register, ControlAccess.write, state.argument(1));
  loadControl(cpu, register, cpu.low, cpu.high);
  if (register !== 8) return written(cpu, register);
  if (state.guest !== 0 && cpu.virtualization?.controlWritten(register)) return cpu.leaveAfter(Leave.vmexit);
  // A lower priority may have let an interrupt through.
  return cpu.surroundings.interrupts?.pending || state.guest !== 0 ? cpu.leaveAfter(Leave.events) : cpu.windowOpened();
};

export const clts: HelperImplementation = cpu => {
  const { state } = cpu;
  cpu.low = state.cr0 & ~Cr0.ts;
  cpu.high = 0;
  ask(cpu, 0, ControlAccess.clts, 0);
  state.cr0 = cpu.low;
  cpu.unitsChanged();
  return written(cpu, 0);
};

export const smsw: HelperImplementation = cpu => {
  const { state } = cpu;
  cpu.low = state.cr0;
  cpu.high = 0;
  ask(cpu, 0, ControlAccess.smsw, 0);
  state.setResult(0, cpu.low, 0);
  return Status.done;
};

/** Loads PE, MP, EM and TS; PE can be set, not cleared. */
export const lmsw: HelperImplementation = cpu => {
  const { state } = cpu;
  const fromMemory = state.argument(1) !== 0;
  const before = state.cr0;
  cpu.low = (before & ~0xe) | (state.argument(0) & 0xf);
  cpu.high = 0;
  if (fromMemory) {
    const at = cpu.operand(state.argument(2), state.argument(3), state.argumentHigh(3), 2, Access.read);
    state.set64(layout.faultAddress.offset, at.low, at.high);
  }
  ask(cpu, 0, ControlAccess.lmsw, fromMemory ? 1 : 0);
  loadCr0(cpu, cpu.low, 0);
  return written(cpu, 0);
};

const debugOffsets = [
  layout.dr0.offset,
  layout.dr1.offset,
  layout.dr2.offset,
  layout.dr3.offset,
  layout.dr6.offset,
  layout.dr7.offset,
  layout.dr6.offset,
  layout.dr7.offset,
];

/**
 * DR4 and DR5 are other names of DR6 and DR7, unless CR4.DE is set. General detection faults before the access. `high`: of what is to be
 * written, which SVM's intercept comes after and VMX's exit before.
 */
function debugOffset(cpu: CpuCore, register: number, write: boolean, general: number, high = 0): number {
  const { state, virtualization } = cpu;
  if ((register === 4 || register === 5) && (state.cr4 & Cr4.de) !== 0) cpu.raise(Vector.ud);
  const detects = (state.low(layout.dr7.offset) & Dr7.gd) !== 0;
  if (virtualization?.kind === 'svm' && !detects && register >= 4 && high !== 0) cpu.raise(Vector.gp, 0);
  if (state.guest !== 0 && virtualization) cpu.stop(virtualization.debugIntercepted(register, write, general));
  if (detects) {
    cpu.pendingDebug |= Dr6.bd;
    cpu.raise(Vector.db);
  }
  return debugOffsets[register & 7];
}

export const readDebug: HelperImplementation = cpu => {
  const { state } = cpu;
  const offset = debugOffset(cpu, state.argument(0), false, state.argument(1));
  state.setResult(0, state.low(offset), state.high(offset));
  return Status.done;
};

export const writeDebug: HelperImplementation = cpu => {
  const { state } = cpu;
  const low = state.argument(2);
  const high = state.argumentHigh(2);
  const offset = debugOffset(cpu, state.argument(0), true, state.argument(1), high);
  loadDebug(cpu, offset, low, high);
  return cpu.transferred();
};

/** `offset`: the register's place in the state block. */
export function loadDebug(cpu: CpuCore, offset: number, low: number, high: number): void {
  const { state } = cpu;
  if (offset === layout.dr6.offset) {
    if (high !== 0) cpu.raise(Vector.gp, 0);
    state.set64(offset, (low & 0xe00f) | dr6Fixed, 0);
  } else if (offset === layout.dr7.offset) {
    if (high !== 0) cpu.raise(Vector.gp, 0);
    state.set64(offset, (low & ~0xd800) | dr7Fixed, 0);
  } else state.set64(offset, low, high);
  cpu.translation.refreshWatchpoints();
}

export const xsetbv: HelperImplementation = cpu => {
  const { state, virtualization } = cpu;
  if ((state.cr4 & Cr4.osxsave) === 0) cpu.raise(Vector.ud);
  // SVM's intercept comes before the check of the privilege level, VMX's exit after it.
  if (virtualization?.kind !== 'svm') cpu.requireSupervisor();
  if (state.guest !== 0 && virtualization) cpu.stop(virtualization.intercepted(intercepts.xsetbv));
  cpu.requireSupervisor();
  if (state.gprLow(Gpr.rcx) !== 0) cpu.raise(Vector.gp, 0);
  loadXcr0(cpu, state.gprLow(Gpr.rax), state.gprLow(Gpr.rdx));
  return cpu.transferred();
};

export function loadXcr0(cpu: CpuCore, low: number, high: number): void {
  // x87 always; AVX does not go without SSE.
  const lonely = (low & (Xcr0.sse | Xcr0.avx)) === Xcr0.avx;
  const unknown = (low & ~stateComponentsOf(cpu.model.features)) !== 0 || high !== 0;
  if ((low & Xcr0.x87) === 0 || lonely || unknown) cpu.raise(Vector.gp, 0);
  cpu.state.set64(layout.xcr0.offset, low, 0);
  cpu.unitsChanged();
}
