import type { Clock, Timer } from './clock.ts';
import { TimerQueue } from './timer-queue.ts';

/** Retired instructions and skipped idle time, one tick a nanosecond; owned by the emulated host. */
export interface TimeBase {
  readonly ticks: number;
}

/** Time that passes with the instructions executed: two runs of one machine see the same moments. */
export class VirtualClock implements Clock {
  readonly #timers = new TimerQueue();

  constructor(private readonly base: TimeBase) {}

  get now(): number {
    return this.base.ticks;
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
