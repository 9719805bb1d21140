import type { InterruptController } from '../../board/bus/interrupt-controller.ts';

/** The physical INTR pin: the local timer's, and other threads of control. */
export class LocalInterrupt implements InterruptController {
  pending = false;
  readonly nmiPending = false;
  taskPriority = 0;
  onChange: (() => void) | undefined = undefined;

  acknowledge(): number {
    this.pending = false;
    return 0xef;
  }
  acknowledgeNmi(): void {}
}
