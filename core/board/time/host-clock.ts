import type { Clock, Timer } from './clock.ts';
import { TimerQueue } from './timer-queue.ts';

/** Real time, for interactive use, through a source of nanoseconds that the host supplies. */
export class HostClock implements Clock {
  readonly #timers = new TimerQueue();
  readonly #origin: number;

  constructor(
    private readonly source: () => number,
    start = 0,
  ) {
    this.#origin = source() - start;
  }

  get now(): number {
    return this.source() - this.#origin;
  }

  get nextDeadline(): number {
    return this.#timers.nextDeadline;
  }

  schedule(at: number, action: () => void): Timer {
    return this.#timers.schedule(at, action);
  }

  /** Runs all due timers. Called by the run loop between slices of execution. */
  fire(): void {
    this.#timers.fire(this.now);
  }
}
