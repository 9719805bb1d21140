/** Ends an instruction that an assist has done for the guest, as a processor ends every instruction. */
import { Dr6, Flag } from '#core';
import { Dr, EventType, Gpr, StateFlag, X64State } from '../abi.ts';
import { Vector } from '../x86/exception.ts';
import type { LibraryCalls, NvmmMachine, NvmmVcpu } from './handles.ts';

/** The caller has set RIP. `shadow`: the instruction began an interrupt shadow. */
export function complete(lib: LibraryCalls, mach: NvmmMachine, vcpu: NvmmVcpu, shadow = false): void {
  const { comm, exit, state } = vcpu;
  const flags = state.gprLow(Gpr.rflags);
  if (flags & Flag.rf) state.setGprPair(Gpr.rflags, flags & ~Flag.rf, 0);
  lib.vcpuSetState(mach, vcpu, StateFlag.gprs);
  vcpu.completed++;
  if (exit.state.interruptShadow !== shadow) {
    lib.vcpuGetState(mach, vcpu, StateFlag.intr);
    state.intr = shadow ? state.intr | 1 : state.intr & ~1;
    lib.vcpuSetState(mach, vcpu, StateFlag.intr);
    exit.state.interruptShadow = shadow;
  }
  // MOV SS holds traps back: there is one after the instruction that follows it.
  if (!(flags & Flag.tf) || shadow) return;
  const dr6 = X64State.drs + Dr.dr6 * 8;
  lib.vcpuGetState(mach, vcpu, StateFlag.drs);
  comm.set(dr6, comm.low(dr6) | Dr6.bs, comm.high(dr6));
  lib.vcpuSetState(mach, vcpu, StateFlag.drs);
  comm.eventType = EventType.exception;
  comm.eventVector = Vector.db;
  comm.eventError = 0;
  lib.vcpuInject(mach, vcpu);
}
