/** Event injection and the windows that wait for it (APM vol. 2, sections 15.20 and 15.21). */
import { Flag } from '#core';
import { EventType } from '../abi.ts';
import { Errno } from '../errno.ts';
import { hasErrorCode, isInjectable, setsResumeFlag, Vector } from '../x86/exception.ts';
import { debugException, everyException, iret, vintr } from './intercepts.ts';
import type { SvmDriverVcpu, SvmVcpu } from './vcpu.ts';
import { Clean, EventBits, Field, VirtualInterrupt } from './vmcb.ts';

export function openInterruptWindow(vcpu: SvmVcpu): void {
  const { vmcb } = vcpu;
  vmcb.setLow(Field.interceptMisc1, vmcb.low(Field.interceptMisc1) | vintr);
  vmcb.setLow(
    Field.virtualInterrupt,
    vmcb.low(Field.virtualInterrupt) | VirtualInterrupt.irq | VirtualInterrupt.ignoreTpr,
  );
  vmcb.dirty(Clean.intercepts | Clean.tpr);
  vcpu.interruptWindow = true;
}

export function closeInterruptWindow(vcpu: SvmVcpu): void {
  const { vmcb } = vcpu;
  vmcb.setLow(Field.interceptMisc1, vmcb.low(Field.interceptMisc1) & ~vintr);
  vmcb.setLow(
    Field.virtualInterrupt,
    vmcb.low(Field.virtualInterrupt) & ~(VirtualInterrupt.irq | VirtualInterrupt.ignoreTpr),
  );
  vmcb.dirty(Clean.intercepts | Clean.tpr);
  vcpu.interruptWindow = false;
}

export function openNmiWindow(vcpu: SvmVcpu): void {
  vcpu.vmcb.setLow(Field.interceptMisc1, vcpu.vmcb.low(Field.interceptMisc1) | iret);
  vcpu.vmcb.dirty(Clean.intercepts);
  vcpu.nmiWindow = true;
}

export function closeNmiWindow(vcpu: SvmVcpu): void {
  vcpu.vmcb.setLow(Field.interceptMisc1, vcpu.vmcb.low(Field.interceptMisc1) & ~iret);
  vcpu.vmcb.dirty(Clean.intercepts);
  vcpu.nmiWindow = false;
}

/**
 * Begins a step over IRET, after which NMIs are no longer blocked. The driver sets TF; the flags that IRET pops replace it, and the trap says that IRET
 * has ended. If IRET faults instead, the guest must not find the driver's TF on its stack, so exceptions are intercepted meanwhile and injected
 * without it.
 */
export function beginNmiStep(vcpu: SvmVcpu): void {
  const { vmcb } = vcpu;
  const flags = vmcb.low(Field.rflags);
  vcpu.nmiStep = flags & Flag.tf ? 'steppingForGuest' : 'stepping';
  vmcb.setLow(Field.rflags, flags | Flag.tf);
  vmcb.setLow(Field.interceptMisc1, vmcb.low(Field.interceptMisc1) & ~iret);
  vmcb.setLow(Field.interceptException, everyException);
  vmcb.dirty(Clean.intercepts);
}

/** The step is over. */
export function endNmiStep(vcpu: SvmVcpu): void {
  const { vmcb } = vcpu;
  vcpu.nmiStep = 'none';
  vmcb.setLow(Field.interceptException, vcpu.hidden ? debugException : 0);
  vmcb.dirty(Clean.intercepts);
}

/** Takes the step back, because something else came before IRET was executed. */
export function abandonNmiStep(vcpu: SvmVcpu): void {
  const { vmcb } = vcpu;
  if (vcpu.nmiStep === 'stepping') vmcb.setLow(Field.rflags, vmcb.low(Field.rflags) & ~Flag.tf);
  endNmiStep(vcpu);
  openNmiWindow(vcpu);
}

/** The event of the comm page, for the next entry. */
export function inject({ comm, data: vcpu }: SvmDriverVcpu): Errno {
  const { eventType, eventVector: vector } = comm;
  const { vmcb } = vcpu;
  if (eventType === EventType.interrupt) {
    if (vector === Vector.nmi) {
      vmcb.set(Field.eventInjection, vector | EventBits.typeNmi | EventBits.valid, 0);
      openNmiWindow(vcpu);
    } else {
      vmcb.set(Field.eventInjection, vector | EventBits.typeInterrupt | EventBits.valid, 0);
    }
  } else if (eventType === EventType.exception) {
    if (!isInjectable(vector)) return Errno.EINVAL;
    injectException(vcpu, vector, comm.eventError);
  } else if (eventType === EventType.fault && vector < 32) {
    injectException(vcpu, vector, comm.eventError);
  } else {
    return Errno.EINVAL;
  }
  vcpu.eventPending = true;
  return Errno.OK;
}

/** Injects an exception. The driver uses it too, for an instruction that the guest may not use. */
export function injectException(vcpu: SvmVcpu, vector: number, error: number): void {
  const { vmcb } = vcpu;
  const errorBits = hasErrorCode(vector) ? EventBits.errorValid : 0;
  if (setsResumeFlag(vector)) vmcb.setLow(Field.rflags, vmcb.low(Field.rflags) | Flag.rf);
  vmcb.set(Field.eventInjection, vector | EventBits.typeException | errorBits | EventBits.valid, errorBits ? error : 0);
  vcpu.eventPending = true;
}

/** Takes an injected event back: the guest was given a new state that does not have it. */
export function cancelEvent(vcpu: SvmVcpu): void {
  vcpu.vmcb.set(Field.eventInjection, 0, 0);
  vcpu.eventPending = false;
}

/**
 * Injects an event again whose delivery was interrupted by an exit. INT n, INT3 and INTO are not injected: RIP still points at them, so they are
 * executed again.
 */
export function requeue(vcpu: SvmVcpu): void {
  const { vmcb } = vcpu;
  const info = vmcb.low(Field.exitInterruptInfo);
  const type = info & EventBits.typeMask;
  const vector = info & 0xff;
  const instruction =
    type === EventBits.typeSoftware ||
    (type === EventBits.typeException && (vector === Vector.bp || vector === Vector.of));
  vcpu.eventPending = info < 0 && !instruction;
  if (vcpu.eventPending) vmcb.set(Field.eventInjection, info, vmcb.high(Field.exitInterruptInfo));
}
