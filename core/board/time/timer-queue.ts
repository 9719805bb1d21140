import type { Timer } from './clock.ts';

/** Timers by deadline; equal deadlines keep the order in which they were scheduled. */
export class TimerQueue {
  #timers: QueuedTimer[] = [];

  nextDeadline = Number.POSITIVE_INFINITY;

  schedule(at: number, action: () => void): Timer {
    const timer = new QueuedTimer(this, at, action);
    let place = this.#timers.length;
    while (place > 0 && this.#timers[place - 1].at > at) place--;
    this.#timers.splice(place, 0, timer);
    this.#look();
    return timer;
  }

  remove(timer: QueuedTimer): void {
    const place = this.#timers.indexOf(timer);
    if (place < 0) return;
    this.#timers.splice(place, 1);
    this.#look();
  }

  /** Runs what is due. What its actions schedule for the same moment waits for the next call, so this always ends. */
  fire(now: number): void {
    if (this.nextDeadline > now) return;
    const due = this.#timers.filter(timer => timer.at <= now);
    for (const timer of due) {
      if (timer.cancelled) continue;
      timer.cancel();
      timer.action();
    }
  }

  #look(): void {
    this.nextDeadline = this.#timers.length > 0 ? this.#timers[0].at : Number.POSITIVE_INFINITY;
  }
}

class QueuedTimer implements Timer {
  cancelled = false;

  constructor(
    private readonly queue: TimerQueue,
    readonly at: number,
    readonly action: () => void,
  ) {}

  cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.queue.remove(this);
  }
}
