/**
 * An act is one thing that happens on the board: an access by the guest, a timer's action, the end of a host task, typed input, a reset. In
 * real time the clock stands still within one, and what was due at its beginning has happened: whoever reads the clock twice reads the
 * same moment, and a register never shows a count that has ended while the interrupt of its end is still to come.
 */
import type { AcceleratorTime } from '#accelerators';
import type { RunClock } from './scheduler.ts';

export interface Acts {
  begin(): void;
  end(): void;
  /** The work as one act. */
  run<T>(work: () => T): T;
}

export class RealTimeActs implements Acts {
  #depth = 0;

  constructor(
    private readonly time: Pick<AcceleratorTime, 'hold' | 'release'>,
    private readonly clock: RunClock,
  ) {}

  begin(): void {
    this.time.hold();
    if (this.#depth++ === 0 && this.clock.nextDeadline <= this.clock.now) this.clock.fire();
  }

  end(): void {
    this.#depth--;
    this.time.release();
  }

  run<T>(work: () => T): T {
    this.begin();
    try {
      return work();
    } finally {
      this.end();
    }
  }
}

/** Virtual time only passes with instructions: an act takes none, and entries end where timers are due. */
export const virtualTimeActs: Acts = { begin() {}, end() {}, run: work => work() };
