import { type Clock, type Timer, VirtualClock } from '#core';
import { fullBoard } from '../all-devices.ts';
import { TestBoard } from '../support.ts';

/** A clock that knows all moments that are waited for, and how often it was asked for one. */
class WatchedClock extends VirtualClock implements Clock {
  readonly waiting = new Set<Timer>();
  scheduled = 0;

  override schedule(at: number, action: () => void): Timer {
    if (Number.isNaN(at)) throw new Error('a timer at no moment');
    this.scheduled++;
    const { waiting } = this;
    const timer = super.schedule(at, () => {
      waiting.delete(watched);
      action();
    });
    const watched: Timer = {
      at,
      cancel() {
        waiting.delete(watched);
        timer.cancel();
      },
    };
    waiting.add(watched);
    return watched;
  }
}

/** A time that tells another moment at each reading, except within an act. */
class RestlessTime {
  #raw = 0;
  #held: number | undefined;
  #readings = 0;

  constructor(private readonly step: number) {}

  get ticks(): number {
    if (this.#held !== undefined) return this.#held;
    if (this.step > 0 && ++this.#readings % 5 === 0) this.#raw += this.step;
    return this.#raw;
  }

  set ticks(value: number) {
    this.#raw = value;
    if (this.#held !== undefined) this.#held = value;
  }

  begin(): number {
    this.#held = this.ticks;
    return this.#held;
  }

  end(): void {
    this.#held = undefined;
  }
}

/** One of everything, on a clock whose course the test decides. */
export class TimedBoard {
  readonly full: ReturnType<typeof fullBoard>;
  readonly clock: WatchedClock;
  readonly #time: RestlessTime;

  constructor(restlessness = 0) {
    this.#time = new RestlessTime(restlessness);
    this.clock = new WatchedClock(this.#time);
    this.full = fullBoard(2, new TestBoard(2, this.#time, this.clock));
  }

  /** Moments that are waited for, the first first. */
  get deadlines(): number[] {
    return [...this.clock.waiting].map(({ at }) => at).sort((one, other) => one - other);
  }

  /** Lets time pass until `moment` and stops at each deadline, though not at more than `patience`. Answers where it has come to. */
  walk(moment: number, patience = Number.POSITIVE_INFINITY): number {
    for (let stop = 0; this.clock.nextDeadline <= moment; stop++) {
      if (stop === patience) return this.#time.ticks;
      this.#time.ticks = Math.max(this.#time.ticks, this.clock.nextDeadline);
      this.clock.fire();
    }
    this.#time.ticks = Math.max(this.#time.ticks, moment);
    return this.#time.ticks;
  }

  /** Time stands still within `act`, at `moment` or later. What was due fires first, all at once. */
  act<T>(moment: number, act: (now: number) => T): { readonly moment: number; readonly seen: T } {
    this.#time.ticks = moment;
    const held = this.#time.begin();
    try {
      this.clock.fire();
      return { moment: held, seen: act(held) };
    } finally {
      this.#time.end();
    }
  }
}
