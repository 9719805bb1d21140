/** HLT, PAUSE, MONITOR, MWAIT. */
import { Gpr, Vector } from '../../state/registers.ts';
import type { HelperImplementation } from '../core.ts';
import { Access, Leave, Status } from '../leave.ts';

export const halt: HelperImplementation = cpu => cpu.leaveAfter(Leave.halt);

export const pause: HelperImplementation = cpu => cpu.leaveAfter(Leave.pause);

/** Stores by others are not watched: MWAIT ends at the next interrupt, or at once. */
export const monitor: HelperImplementation = cpu => {
  const { memory, state } = cpu;
  if (state.gprLow(Gpr.rcx) !== 0) cpu.raise(Vector.gp, 0);
  const at = cpu.operand(state.argument(0), state.argument(1), state.argumentHigh(1), 1, Access.read);
  memory.probeRead(at.low, at.high, 1, 0);
  cpu.monitorArmed = true;
  return Status.done;
};

/** A hint that a processor may take as a no-operation; here it yields, as PAUSE does, since nobody would wake it on a store. */
export const mwait: HelperImplementation = cpu => {
  if ((cpu.state.gprLow(Gpr.rcx) & ~1) !== 0) cpu.raise(Vector.gp, 0);
  cpu.monitorArmed = false;
  return cpu.leaveAfter(Leave.pause);
};
