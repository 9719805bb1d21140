/** An interrupt controller as a processor meets it: the board's own, and whoever observes interrupts hears of those that are taken. */
import type { InterruptController } from '#core';

/** `kind`, processor, vector. */
export type InterruptTaken = (kind: 'interrupt' | 'nmi', processor: number, vector: number) => void;

const nmiVector = 2;

/** Of all processors of a machine: undefined while nobody observes. */
export interface InterruptHook {
  taken: InterruptTaken | undefined;
}

export class ObservedController implements InterruptController {
  constructor(
    private readonly controller: InterruptController,
    private readonly processor: number,
    private readonly hook: InterruptHook,
  ) {}

  get pending(): boolean {
    return this.controller.pending;
  }

  acknowledge(): number {
    const vector = this.controller.acknowledge();
    this.hook.taken?.('interrupt', this.processor, vector);
    return vector;
  }

  get nmiPending(): boolean {
    return this.controller.nmiPending;
  }

  acknowledgeNmi(): void {
    this.controller.acknowledgeNmi();
    this.hook.taken?.('nmi', this.processor, nmiVector);
  }

  get taskPriority(): number {
    return this.controller.taskPriority;
  }
  set taskPriority(priority: number) {
    this.controller.taskPriority = priority;
  }

  get onChange(): (() => void) | undefined {
    return this.controller.onChange;
  }
  set onChange(action: (() => void) | undefined) {
    this.controller.onChange = action;
  }
}
