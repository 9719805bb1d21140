/** The state of a VCPU as the contract has it. */
import {
  type CpuState,
  type CpuStateChange,
  type InterruptController,
  type StateComponent,
  stateComponents,
} from '#core';
import { StateFlag } from './abi.ts';
import type { GuestVcpu } from './guest-vcpu.ts';
import { flagOf, readComponent, writeComponent } from './state.ts';

/** CR8 is the interrupt controller's task priority: the VCPU's is a copy for the time that the guest runs. */
export function readProcessorState(
  guest: GuestVcpu,
  interrupts: InterruptController,
  wanted: readonly StateComponent[],
): Partial<CpuState> {
  const { vcpu } = guest;
  // The time-stamp counter has gone on since it was provided last.
  if (wanted.includes('msrs')) vcpu.comm.cached &= ~StateFlag.msrs;
  guest.getState(wanted.reduce((flags, component) => flags | flagOf[component], 0));
  const state: Partial<CpuState> = Object.fromEntries(
    wanted.map(component => [component, readComponent(vcpu.state, component, guest.halted)]),
  );
  const { controls } = state;
  return controls ? { ...state, controls: { ...controls, cr8: BigInt(interrupts.taskPriority) } } : state;
}

export function writeProcessorState(guest: GuestVcpu, interrupts: InterruptController, state: CpuStateChange): void {
  const { vcpu } = guest;
  for (const component of stateComponents) {
    const value = state[component];
    if (value === undefined) continue;
    if (component === 'msrs') writeMsrs(guest, value as Required<CpuStateChange>['msrs']);
    else {
      writeComponent(vcpu.state, component, value as never);
      guest.setState(flagOf[component]);
    }
  }
  const { exit } = vcpu;
  if (state.general && state.interrupts) {
    // Another point in the guest's life: what was due at the last one is not due here.
    vcpu.comm.eventCommit = false;
    guest.eventWaiting = false;
  }
  if (state.general) exit.state.rflags = Number(state.general.rflags);
  if (state.controls) interrupts.taskPriority = exit.state.cr8 = Number(state.controls.cr8);
  if (state.interrupts) {
    exit.state.eventPending = false;
    exit.state.interruptShadow = state.interrupts.shadow;
    exit.state.interruptWindow = false;
    exit.state.nmiWindow = state.interrupts.nmiBlocked;
    guest.halted = state.interrupts.halted;
  }
}

/**
 * The component has the time-stamp counter in it, which does not wait for the next entry: it goes to the driver at once, at the moment at
 * which it was given, or at which it was read.
 */
function writeMsrs({ lib, mach, vcpu }: GuestVcpu, msrs: Required<CpuStateChange>['msrs']): void {
  const { time } = lib.driver.host;
  time.hold();
  try {
    if (msrs.tsc === undefined) {
      vcpu.comm.cached &= ~StateFlag.msrs;
      lib.vcpuGetState(mach, vcpu, StateFlag.msrs);
    }
    writeComponent(vcpu.state, 'msrs', msrs);
    lib.vcpuCommitState(mach, vcpu, StateFlag.msrs);
  } finally {
    time.release();
  }
}
