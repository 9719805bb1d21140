/**
 * How late a program is that shares its event loop with a machine. An event is due every 5 ms; each is a sample, also those that
 * fell due while the loop stood still (a probe that counts only the events that it saw would be blind to the worst moments).
 */
import type { Lag } from './case.ts';

const interval = 5;

export class LagProbe {
  readonly #latenesses: number[] = [];
  #due: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.#due = now() + interval;
  }

  start(): void {
    this.#due = this.now() + interval;
    const tick = (): void => {
      this.look();
      this.#timer = setTimeout(tick, Math.max(1, this.#due - this.now()));
    };
    this.#timer = setTimeout(tick, interval);
  }

  /** The loop turns: everything that was due has waited until now. */
  look(): void {
    const now = this.now();
    for (; this.#due <= now; this.#due += interval) this.#latenesses.push(now - this.#due);
  }

  stop(): Lag {
    clearTimeout(this.#timer);
    this.look();
    const sorted = Float64Array.from(this.#latenesses).sort();
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return { p50: at(0.5), p99: at(0.99), worst: at(1) };
  }
}
