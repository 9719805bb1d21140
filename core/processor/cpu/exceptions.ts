/** Delivery of exceptions with all that can go wrong: double faults, triple faults, intercepts (SDM vol. 3, section 6.15, table 6-5). */
import { state as layout } from '../state/layout.ts';
import { Leave, Status } from '../state/leave.ts';
import { Dr7, dr6Fixed, Vector } from '../state/registers.ts';
import { endBranchControl } from './branches.ts';
import type { CpuCore } from './core.ts';
import { deliver } from './delivery/deliver.ts';
import { EventType } from './virtualization.ts';

const contributory = (vector: number): boolean => vector === Vector.de || (vector >= Vector.ts && vector <= Vector.gp);

/** What a second exception during the delivery of a first one becomes: its own vector, 8, or -1 for a triple fault. */
export function combine(first: number, second: number): number {
  if (first === Vector.df) return contributory(second) || second === Vector.pf ? -1 : second;
  if (first === Vector.pf) return contributory(second) || second === Vector.pf ? Vector.df : second;
  if (contributory(first)) return contributory(second) ? Vector.df : second;
  return second;
}

/** How a delivery ended. */
export const Delivery = {
  delivered: 0,
  /** An exit from the guest is recorded. */
  exit: 1,
  shutdown: 2,
} as const;

/** Delivers the exception in the fault fields. */
export function deliverException(cpu: CpuCore): number {
  const { state, virtualization } = cpu;
  let vector = state.faultVector;
  let error = state.faultError;
  for (;;) {
    if (state.guest !== 0 && virtualization?.exceptionIntercepted(vector, error)) return Delivery.exit;
    if (vector === Vector.pf) state.copy64(layout.cr2.offset, layout.faultAddress.offset);
    else if (vector === Vector.db) noteDebugConditions(cpu);
    const ended = tryDelivery(cpu, vector, EventType.exception, error, 0);
    if (ended !== failed) return ended;
    const next = combine(vector, state.faultVector);
    if (next < 0) return shutDown(cpu);
    error = next === Vector.df ? 0 : state.faultError;
    vector = next;
  }
}

/** Delivers an event that is no exception (external interrupt, NMI, injected event), and what exceptions come of it. */
export function deliverEvent(cpu: CpuCore, vector: number, type: number, error: number, length = 0): number {
  const ended = tryDelivery(cpu, vector, type, error, length);
  if (ended !== failed) return ended;
  if (type !== EventType.exception) return deliverException(cpu);
  const { state } = cpu;
  const next = combine(vector, state.faultVector);
  if (next < 0) return shutDown(cpu);
  if (next === Vector.df) {
    state.faultVector = Vector.df;
    state.faultError = 0;
  }
  return deliverException(cpu);
}

const failed = -1;

function tryDelivery(cpu: CpuCore, vector: number, type: number, error: number, length: number): number {
  const { fault, state, virtualization } = cpu;
  try {
    deliverBetween(cpu, vector, type, error, length);
    return Delivery.delivered;
  } catch (thrown) {
    if (thrown !== fault) throw thrown;
    if (fault.status === Status.fault) return failed;
    if (state.leave === Leave.guarded) Object.assign(cpu.held, { type, vector, error, length });
    else if (state.leave === Leave.nestedFault && virtualization) virtualization.nestedFault();
    else if (state.leave !== Leave.vmexit) return shutDown(cpu);
    cpu.delivering.type = -1;
    return Delivery.exit;
  }
}

/** `deliver`, between two instructions. Breakpoints on data that it meets are debug traps before the handler's first instruction. */
export function deliverBetween(cpu: CpuCore, vector: number, type: number, error: number, length: number): void {
  const { translation } = cpu;
  if (!translation.watchesData) {
    deliver(cpu, vector, type, error, length);
    return;
  }
  let met = 0;
  translation.beginDelivery();
  try {
    deliver(cpu, vector, type, error, length);
  } finally {
    met = translation.endDelivery();
  }
  if (cpu.state.guest !== 0 || !(cpu.virtualization?.eventsHeld ?? false)) cpu.pendingDebug |= met;
}

function shutDown(cpu: CpuCore): number {
  const { state, virtualization } = cpu;
  cpu.delivering.type = -1;
  return state.guest !== 0 && virtualization?.shutdownIntercepted() ? Delivery.exit : Delivery.shutdown;
}

/** DR6 takes the conditions; DR7.GD is cleared so that the handler may use the debug registers, and branches are its own. */
export function noteDebugConditions(cpu: CpuCore): void {
  const { state } = cpu;
  const { offset } = layout.dr6;
  state.set64(offset, (state.low(offset) & ~0xf) | cpu.pendingDebug | dr6Fixed, 0);
  state.set64(layout.dr7.offset, state.low(layout.dr7.offset) & ~Dr7.gd, 0);
  cpu.pendingDebug = 0;
  endBranchControl(cpu);
}
