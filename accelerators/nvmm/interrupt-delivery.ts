/** Hands the interrupt controller's interrupts to a VCPU when the guest can take them, and keeps its CR8 that of the controller. */
import type { InterruptController } from '#core';
import { Cr, EventType, Intr, StateFlag, X64State } from './abi.ts';
import type { GuestVcpu } from './guest-vcpu.ts';

const interruptFlag = 1 << 9;
const nmiVector = 2;

export class InterruptDelivery {
  /** An NMI can be taken once the event that waits has been: the processor is to come back before anything else. */
  nmiWaits = false;
  /** What is pending stays so. */
  held = false;

  constructor(
    private readonly guest: GuestVcpu,
    private readonly interrupts: InterruptController,
  ) {}

  /** Before an entry: gives the guest the interrupt that it can take now; asks for a window otherwise. */
  deliver(): void {
    const { guest, interrupts } = this;
    const { exit, state } = guest.vcpu;
    const status = exit.state;
    if (interrupts.taskPriority !== status.cr8) this.#setTaskPriority(interrupts.taskPriority);
    this.nmiWaits = false;
    if (this.held) return;
    const nmi = interrupts.nmiPending && !status.nmiWindow;
    const busy = guest.eventWaiting || status.eventPending;
    this.nmiWaits = nmi && busy;
    if (busy) return;
    if (nmi) {
      interrupts.acknowledgeNmi();
      guest.inject(EventType.interrupt, nmiVector, 0);
      guest.halted = false;
      return;
    }
    if (interrupts.pending) {
      const ready = (status.rflags & interruptFlag) !== 0 && !status.interruptShadow;
      if (ready) {
        guest.inject(EventType.interrupt, interrupts.acknowledge(), 0);
        guest.halted = false;
      }
      // Another one may be waiting for the first one's end.
      if (interrupts.pending && !status.interruptWindow && !guest.halted) {
        state.intr =
          (status.interruptShadow ? Intr.shadow : 0) |
          Intr.windowExiting |
          (status.nmiWindow ? Intr.nmiWindowExiting : 0);
        guest.setState(StateFlag.intr);
        status.interruptWindow = true;
      }
    }
  }

  /** Something is pending that ends a HLT. */
  get wakes(): boolean {
    const { interrupts, held } = this;
    const { rflags, nmiWindow } = this.guest.vcpu.exit.state;
    if (held) return false;
    return (interrupts.pending && (rflags & interruptFlag) !== 0) || (interrupts.nmiPending && !nmiWindow);
  }

  /** After an exit: the guest may have moved CR8 meanwhile. */
  noteTaskPriority(): void {
    const { cr8 } = this.guest.vcpu.exit.state;
    if (cr8 !== this.interrupts.taskPriority) this.interrupts.taskPriority = cr8;
  }

  /** The board moved the task priority (its APIC register is the same thing as CR8). */
  #setTaskPriority(priority: number): void {
    const { guest } = this;
    guest.getState(StateFlag.crs);
    guest.vcpu.comm.set(X64State.crs + Cr.cr8 * 8, priority, 0);
    guest.setState(StateFlag.crs);
    guest.vcpu.exit.state.cr8 = priority;
  }
}
