/**
 * Events at instruction boundaries of a guest: the injected one, INIT, NMIs, physical and virtual interrupts (APM vol. 2, sections 15.13,
 * 15.17, 15.20 and 15.21).
 */

import { Leave, Status } from '../../state/leave.ts';
import { Flag, Vector } from '../../state/registers.ts';
import { Activity } from '../core.ts';
import { Delivery, deliverBetween, deliverEvent, deliverException } from '../exceptions.ts';
import { init } from '../reset.ts';
import { Boundary, EventType } from '../virtualization.ts';
import { ExitCode } from './exit-code.ts';
import type { SvmState } from './svm-state.ts';
import { EventInfo, InjectionType, injectionType, priorityOf, VirtualInterrupt } from './vmcb.ts';

/** VM_CR: an INIT that nobody intercepts becomes #SX. */
const redirectInit = 2;
const securityException = 30;
const initRedirected = 1;

const eventTypes: readonly number[] = [
  EventType.external,
  EventType.external,
  EventType.nmi,
  EventType.exception,
  EventType.software,
];

export class GuestEvents {
  readonly #svm: SvmState;

  constructor(svm: SvmState) {
    this.#svm = svm;
  }

  boundary(): number {
    const svm = this.#svm;
    const { cpu, controls } = svm;
    if (svm.injecting) return this.#inject();
    const { state, pins } = cpu;
    if (svm.gif) {
      if (cpu.initPending) return this.#init();
      // The shadow is the guest's: it does not hold back what is none of the guest's business.
      const open = state.interruptShadow === 0;
      if (pins.nmiPending && !cpu.nmiBlocked) {
        if (controls.intercepts(ExitCode.nmi)) return this.#exit(ExitCode.nmi);
        if (open) {
          pins.acknowledgeNmi();
          return this.#ended(cpu.deliverNmi());
        }
      }
      if (this.#physicalEnabled && pins.pending) {
        if (controls.intercepts(ExitCode.interrupt) && (open || controls.virtualMasking))
          return this.#exit(ExitCode.interrupt);
        if (open) return this.#ended(deliverEvent(cpu, pins.acknowledge(), EventType.external, -1));
      }
    }
    if (svm.virtualIrq && state.interruptShadow === 0 && this.#virtualDeliverable) {
      if (controls.intercepts(ExitCode.virtualInterrupt)) return this.#exit(ExitCode.virtualInterrupt);
      svm.virtualIrq = false;
      return this.#ended(deliverEvent(cpu, controls.virtualVector, EventType.external, -1));
    }
    return Boundary.nothing;
  }

  /** Something may become deliverable by what the guest does. */
  get pending(): boolean {
    const { cpu, virtualIrq } = this.#svm;
    return virtualIrq || cpu.pins.pending || cpu.pins.nmiPending || cpu.initPending;
  }

  /** A halted guest is to go on. */
  get wakes(): boolean {
    const svm = this.#svm;
    const { cpu, gif, virtualIrq } = svm;
    const { pins } = cpu;
    if (svm.injecting || (virtualIrq && this.#virtualDeliverable)) return true;
    return gif && (cpu.initPending || (pins.nmiPending && !cpu.nmiBlocked) || (this.#physicalEnabled && pins.pending));
  }

  /** The host's IF rules physical interrupts if virtual ones are told apart from them. */
  get #physicalEnabled(): boolean {
    const { controls, cpu, hostInterrupts } = this.#svm;
    return controls.virtualMasking ? hostInterrupts : (cpu.state.systemFlags & Flag.if) !== 0;
  }

  get #virtualDeliverable(): boolean {
    const svm = this.#svm;
    const { controls, cpu } = svm;
    if ((cpu.state.systemFlags & Flag.if) === 0) return false;
    if (!(controls.virtualGif ? svm.virtualGif : svm.gif)) return false;
    const word = controls.virtualInterrupt;
    return (word & VirtualInterrupt.ignoreTaskPriority) !== 0 || priorityOf(word) > svm.virtualTaskPriority;
  }

  #exit(code: number): number {
    this.#svm.exit.start(code);
    return Boundary.exit;
  }

  #ended(delivery: number): number {
    if (delivery === Delivery.exit) return Boundary.exit;
    if (delivery === Delivery.shutdown) this.#svm.cpu.activity = Activity.shutdown;
    return Boundary.delivered;
  }

  /** An intercepted INIT stays pending; one that is not takes the processor out of the guest for good, or is an exception. */
  #init(): number {
    const svm = this.#svm;
    const { cpu } = svm;
    if (svm.controls.intercepts(ExitCode.init)) return this.#exit(ExitCode.init);
    cpu.initPending = false;
    if ((svm.vmCr & redirectInit) !== 0) {
      cpu.state.faultVector = securityException;
      cpu.state.faultError = initRedirected;
      return this.#ended(deliverException(cpu));
    }
    cpu.state.guest = 0;
    svm.leaveGuest();
    init(cpu);
    cpu.activity = cpu.isBootstrap ? Activity.running : Activity.waitForStartup;
    return Boundary.delivered;
  }

  #inject(): number {
    const svm = this.#svm;
    const { controls, cpu } = svm;
    svm.injecting = false;
    const info = controls.injection;
    const type = injectionType(info);
    const vector = type === InjectionType.nmi ? Vector.nmi : info & 0xff;
    if (type === InjectionType.software) return this.#injectInstruction(vector, EventType.software);
    const isException = type === InjectionType.exception;
    if (isException && (vector === Vector.bp || vector === Vector.of))
      return this.#injectInstruction(vector, EventType.softwareException);
    const error = isException && (info & EventInfo.hasError) !== 0 ? controls.injectionError >>> 0 : -1;
    return this.#ended(deliverEvent(cpu, vector, eventTypes[type], error));
  }

  /** INT n, INT3 and INTO: the return address is nRIP; a fault on the way is the instruction's, at RIP. */
  #injectInstruction(vector: number, type: number): number {
    const { controls, cpu } = this.#svm;
    const { fault, state } = cpu;
    const { ripLow, ripHigh } = state;
    state.setRip(controls.nextRipLow, cpu.is64 ? controls.nextRipHigh : 0);
    try {
      deliverBetween(cpu, vector, type, -1, (controls.nextRipLow - ripLow) & 0xf);
      return Boundary.delivered;
    } catch (thrown) {
      if (thrown !== fault) throw thrown;
      state.setRip(ripLow, ripHigh);
    }
    if (fault.status === Status.fault) return this.#ended(deliverException(cpu));
    if (state.leave === Leave.nestedFault) cpu.virtualization?.nestedFault();
    else if (state.leave !== Leave.vmexit) return this.#ended(Delivery.shutdown);
    return Boundary.exit;
  }
}
