/** What a CPU keeps at hand while a guest runs: the controls in force, and what counts down to an exit. */
import { Primary } from './controls.ts';
import { Field } from './fields.ts';
import type { Vmcs } from './vmcs.ts';

/** Without a preemption timer nobody asks what time it is. */
export const never = Number.POSITIVE_INFINITY;

export class GuestRun {
  pin = 0;
  primary = 0;
  /** 0 unless activated. */
  secondary = 0;
  exceptionBitmap = 0;
  /** An instruction has retired, or an event was delivered, under the monitor trap flag; or an entry has injected one. */
  trapDue = false;
  /** Ticks at which the preemption timer expires. */
  deadline = never;
  /** With virtual NMIs: NMIs of the host are blocked, which the guest knows nothing about. */
  hostNmiBlocked = false;
  /** What was added to the time-stamp counter's offset. */
  offsetLow = 0;
  offsetHigh = 0;
  /** The activity state that the event at hand has ended, or 0. */
  sleep = 0;

  take(vmcs: Vmcs): void {
    this.pin = vmcs.low(Field.pinControls);
    this.primary = vmcs.low(Field.primaryControls);
    this.secondary = (this.primary & Primary.secondary) !== 0 ? vmcs.low(Field.secondaryControls) : 0;
    this.exceptionBitmap = vmcs.low(Field.exceptionBitmap);
    this.trapDue = false;
    this.deadline = never;
    this.offsetLow = 0;
    this.offsetHigh = 0;
    this.sleep = 0;
  }

  /** Under the monitor trap flag, something has happened after which the guest exits. */
  happened(): void {
    if ((this.primary & Primary.monitorTrap) !== 0) this.trapDue = true;
  }
}
