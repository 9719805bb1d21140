import type { InterruptController } from '../../board/bus/interrupt-controller.ts';
import type { PortAccessor } from './core.ts';

/** What a CPU is connected to: its interrupt controller's INTR and NMI pins, and ports if they are to be served in place. */
export class Pins {
  controller: InterruptController | undefined = undefined;
  ports: PortAccessor | undefined = undefined;

  /** Whoever runs the CPU keeps interrupts and NMIs away from it for a while. */
  held = false;

  get pending(): boolean {
    return !this.held && (this.controller?.pending ?? false);
  }
  get nmiPending(): boolean {
    return !this.held && (this.controller?.nmiPending ?? false);
  }
  acknowledge(): number {
    return this.controller ? this.controller.acknowledge() : 0xff;
  }
  acknowledgeNmi(): void {
    this.controller?.acknowledgeNmi();
  }
}
