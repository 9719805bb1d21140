/**
 * How late a program is that shares its event loop with a machine. An event is due every 5 ms; each is a sample, also those that
 * fell due while the loop stood still (a probe that counts only the events that it saw would be blind to the worst moments).
 */
import type { Lag } from './case.ts';

const interval = 5;

/** Milliseconds of this process, its helper threads included. */
const processorTime = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

export class LagProbe {
  readonly #latenesses: number[] = [];
  #busy = 0;
  #used = 0;
  #due: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly used: () => number = processorTime,
  ) {
    this.#used = used();
    this.#due = now() + interval;
  }

  start(): void {
    this.#due = this.now() + interval;
    this.#used = this.used();
    const tick = (): void => {
      this.look();
      this.#timer = setTimeout(tick, Math.max(1, this.#due - this.now()));
    };
    this.#timer = setTimeout(tick, interval);
  }

  /** The loop turns: everything that was due has waited until now. */
  look(): void {
    const now = this.now();
    const used = this.used();
    this.#busy = Math.max(this.#busy, used - this.#used);
    this.#used = used;
    for (; this.#due <= now; this.#due += interval) this.#latenesses.push(now - this.#due);
  }

  stop(): Lag {
    clearTimeout(this.#timer);
    this.look();
    const sorted = Float64Array.from(this.#latenesses).sort();
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return { p50: at(0.5), p99: at(0.99), worst: at(1), busy: this.#busy };
  }
}
