import type { InterruptController } from '../bus/interrupt-controller.ts';

/** A CPU's INTR and NMI pins: those of its interrupt controller, if it has one. */
export class Pins {
  controller: InterruptController | undefined = undefined;

  get pending(): boolean {
    return this.controller?.pending ?? false;
  }
  get nmiPending(): boolean {
    return this.controller?.nmiPending ?? false;
  }
  acknowledge(): number {
    return this.controller ? this.controller.acknowledge() : 0xff;
  }
  acknowledgeNmi(): void {
    this.controller?.acknowledgeNmi();
  }
}
