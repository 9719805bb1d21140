/** What each processor of a machine does: it runs, has halted, or waits for a start-up signal. */
import type { VirtualMachine } from '#accelerators';
import type { InterruptController } from '#core';

export type Activity = 'running' | 'halted' | 'waitForSipi';

const interruptFlag = 0x200n;

export class ProcessorActivity {
  readonly #activity: Activity[];
  #machine!: Pick<VirtualMachine, 'processors'>;
  #controllers: readonly InterruptController[] = [];

  constructor(processors: number) {
    this.#activity = Array.from({ length: processors }, (_, n) => (n === 0 ? 'running' : 'waitForSipi'));
  }

  attach(machine: Pick<VirtualMachine, 'processors'>, controllers: readonly InterruptController[]): void {
    this.#machine = machine;
    this.#controllers = controllers;
  }

  of(processor: number): Activity {
    return this.#activity[processor];
  }

  /** As after power-on: the first runs, the others wait. */
  reset(): void {
    this.#activity.fill('waitForSipi');
    this.#activity[0] = 'running';
  }

  restore(activity: readonly Activity[]): void {
    activity.forEach((each, index) => {
      this.#activity[index] = each;
    });
  }

  /** INIT. */
  init(processor: number): void {
    this.#machine.processors[processor]?.init();
    this.#activity[processor] = processor === 0 ? 'running' : 'waitForSipi';
  }

  /** SIPI, which only a processor that waits for it hears. */
  startup(processor: number, vector: number): void {
    if (this.#activity[processor] !== 'waitForSipi') return;
    this.#machine.processors[processor].startup(vector);
    this.#activity[processor] = 'running';
  }

  halt(processor: number): void {
    if (this.#activity[processor] === 'running') this.#activity[processor] = 'halted';
  }

  /** Whether it has something to do. One that has halted runs again if something may have ended that. */
  wakes(processor: number): boolean {
    if (this.#activity[processor] === 'running') return true;
    if (this.#activity[processor] === 'waitForSipi') return false;
    const controller = this.#controllers[processor];
    // Whether it can take the interrupt only the processor knows; if not, it says `halt` again and time passes all the same.
    if (!controller.pending && !controller.nmiPending && !this.#machine.processors[processor].woken) return false;
    this.#activity[processor] = 'running';
    return true;
  }

  /** Every processor has halted with interrupts disabled: what Linux does after `halt`. */
  get isDead(): boolean {
    return this.#machine.processors.every((processor, index) => {
      if (this.#activity[index] === 'waitForSipi') return true;
      if (this.#activity[index] === 'running' || this.#controllers[index].nmiPending) return false;
      if (processor.waiting) return false;
      return (processor.getState('general').general.rflags & interruptFlag) === 0n;
    });
  }
}
