/** What a debugger tells the scheduler, and what it is told. The scheduler knows nothing else of debuggers. */
import type { Exit } from '#accelerators';

export interface RunControl {
  /** The machine is to stand. Read before every entry. */
  stops: boolean;
  /** This processor executes one instruction when its turn comes. */
  step: number | undefined;
  /** No other processor runs. */
  only: number | undefined;
  /** A step takes interrupts that are pending. */
  interrupts: boolean;
  /** The machine stands, between two instructions. Fulfilled when it may go on. */
  stand(): Promise<void>;
  /** A slice or a step has ended. */
  exited(processor: number, exit: Exit): void;
}
