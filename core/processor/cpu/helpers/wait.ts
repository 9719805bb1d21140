/** HLT, PAUSE, MONITOR, MWAIT. */
import { intercepts } from '../../isa/intercepts.ts';
import { Access, Leave, Status } from '../../state/leave.ts';
import { Gpr, Vector } from '../../state/registers.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';
import { lookUpLeaf } from '../model.ts';
import type { Virtualization } from '../virtualization.ts';

export const halt: HelperImplementation = cpu => cpu.leaveAfter(Leave.halt);
export const pause: HelperImplementation = cpu => cpu.leaveAfter(Leave.pause);

/** VMX's exits come before operands are looked at (SDM vol. 3, section 26.1.1), SVM's intercepts after them (APM vol. 2, table 15-7). */
function ask(cpu: CpuCore, kind: Virtualization['kind'], id: number): void {
  const { state, virtualization } = cpu;
  if (state.guest !== 0 && virtualization?.kind === kind) cpu.stop(virtualization.intercepted(id));
}

export const monitor: HelperImplementation = cpu => {
  const { memory, state } = cpu;
  ask(cpu, 'vmx', intercepts.monitor);
  if (state.gprLow(Gpr.rcx) !== 0) cpu.raise(Vector.gp, 0);
  const at = cpu.operand(state.argument(0), state.argument(1), state.argumentHigh(1), 1, Access.read);
  memory.probeRead(at.low, at.high, 1, 0);
  ask(cpu, 'svm', intercepts.monitor);
  cpu.monitor.armed = false;
  cpu.translation.watchLine(cpu.monitor, at.low, at.high);
  return Status.done;
};

const monitorLeaf = 5;
/** ECX of that leaf: extensions are enumerated; interrupts may end MWAIT though IF is 0. */
const interruptBreak = 3;

/** Waits if the monitored line has not been written yet; within a guest it may take what it is, a hint. */
export const mwait: HelperImplementation = cpu => {
  const { model, state } = cpu;
  ask(cpu, 'vmx', intercepts.mwait);
  const extensions = state.gprLow(Gpr.rcx);
  const known = (lookUpLeaf(model, monitorLeaf, 0).ecx & interruptBreak) === interruptBreak ? 1 : 0;
  if ((extensions & ~known) !== 0) cpu.raise(Vector.gp, 0);
  ask(cpu, 'svm', intercepts.mwait);
  if (!cpu.monitor.armed || state.guest !== 0) return Status.done;
  cpu.waitIgnoresFlag = extensions !== 0;
  return cpu.leaveAfter(Leave.wait);
};
