/** Event injection and the windows that wait for it (SDM vol. 3, sections 27.6 and 26.2). */
import { Cr0, Flag, type HostCpu } from '#core';
import { EventType } from '../abi.ts';
import { Errno } from '../errno.ts';
import { hasErrorCode, isInjectable, setsResumeFlag, Vector } from '../x86/exception.ts';
import { Primary } from './controls.ts';
import { Field, Interruptibility, Interruption } from './fields.ts';
import type { VmxDriverVcpu, VmxVcpu } from './vcpu.ts';

function setPrimary(cpu: HostCpu, bit: number, on: boolean): void {
  const controls = cpu.vmread(Field.processorControls);
  cpu.vmwrite(Field.processorControls, on ? controls | bit : controls & ~bit);
}

export function setInterruptWindow(cpu: HostCpu, vcpu: VmxVcpu, open: boolean): void {
  if (vcpu.interruptWindow !== open) setPrimary(cpu, Primary.interruptWindow, open);
  vcpu.interruptWindow = open;
}

export function setNmiWindow(cpu: HostCpu, vcpu: VmxVcpu, open: boolean): void {
  if (vcpu.nmiWindow !== open) setPrimary(cpu, Primary.nmiWindow, open);
  vcpu.nmiWindow = open;
}

/** The event of the comm page, for the next entry. The VMCS is current. */
export function inject({ comm, cpu, data: vcpu }: VmxDriverVcpu): Errno {
  const { eventType, eventVector: vector } = comm;
  if (eventType === EventType.interrupt) {
    const nmi = vector === Vector.nmi;
    cpu.vmwrite(
      Field.entryInterruption,
      vector | (nmi ? Interruption.nmi : Interruption.interrupt) | Interruption.valid,
    );
    if (nmi) setNmiWindow(cpu, vcpu, true);
  } else if (eventType === EventType.exception) {
    if (!isInjectable(vector)) return Errno.EINVAL;
    injectException(cpu, vcpu, vector, comm.eventError);
  } else if (eventType === EventType.fault && vector < 32) {
    injectException(cpu, vcpu, vector, comm.eventError);
  } else {
    return Errno.EINVAL;
  }
  vcpu.eventPending = true;
  return Errno.OK;
}

/** Injects an exception. The driver uses it too, for an instruction that the guest may not use. */
export function injectException(cpu: HostCpu, vcpu: VmxVcpu, vector: number, error: number): void {
  // In real mode no exception pushes an error code, and the entry checks insist (SDM vol. 3, section 27.2.1.3).
  const protectedMode = (cpu.vmread(Field.guestCr0) & Cr0.pe) !== 0;
  const withError = hasErrorCode(vector) && protectedMode;
  if (setsResumeFlag(vector)) cpu.vmwrite(Field.guestRflags, cpu.vmread(Field.guestRflags) | Flag.rf, 0);
  if (withError) cpu.vmwrite(Field.entryErrorCode, error);
  cpu.vmwrite(
    Field.entryInterruption,
    vector | Interruption.exception | (withError ? Interruption.errorValid : 0) | Interruption.valid,
  );
  vcpu.eventPending = true;
}

/** The #DB of an exit, or of an access to a debug register. INT1 is still to be executed: its end is where it returns to. */
export function injectDebug(cpu: HostCpu, vcpu: VmxVcpu): void {
  const info = cpu.vmread(Field.exitInterruption);
  const privileged = info < 0 && (info & Interruption.typeMask) === Interruption.privileged;
  injectException(cpu, vcpu, Vector.db, 0);
  if (!privileged) return;
  cpu.vmwrite(Field.entryInterruption, Vector.db | Interruption.privileged | Interruption.valid);
  cpu.vmwrite(Field.entryInstructionLength, cpu.vmread(Field.exitInstructionLength));
}

/** Takes an injected event back: the guest was given a new state that does not have it. */
export function cancelEvent(cpu: HostCpu, vcpu: VmxVcpu): void {
  if (vcpu.eventPending) cpu.vmwrite(Field.entryInterruption, 0);
  vcpu.eventPending = false;
}

/**
 * Injects an event again whose delivery was interrupted by an exit. INT n, INT3, INTO and INT1 are not injected: RIP still points at them, so they
 * are executed again.
 */
export function requeue(cpu: HostCpu, vcpu: VmxVcpu): void {
  const info = cpu.vmread(Field.vectoringInfo);
  const instruction = (info & Interruption.typeMask) >= Interruption.software;
  vcpu.eventPending = info < 0 && !instruction;
  if (!vcpu.eventPending) return;
  cpu.vmwrite(Field.entryInterruption, info & ~Interruption.nmiUnblocking);
  if (info & Interruption.errorValid) cpu.vmwrite(Field.entryErrorCode, cpu.vmread(Field.vectoringErrorCode));
  if ((info & Interruption.typeMask) !== Interruption.nmi) return;
  // Its delivery had begun to block NMIs, and no NMI can be injected where they are blocked (SDM vol. 3, sections 27.2.1.3 and 28.3.3).
  cpu.vmwrite(Field.guestInterruptibility, cpu.vmread(Field.guestInterruptibility) & ~Interruptibility.nmi);
}
