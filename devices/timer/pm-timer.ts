import { type Clock, nanosecondsOf, ticksIn } from '#core';

const frequency = 3_579_545;

/** The ACPI power management timer (ACPI 6.5, 4.8.3.3): a counter at 3.579545 MHz whose top bit's changes are events. */
export class PmTimer {
  readonly #half: number;

  constructor(
    private readonly clock: Clock,
    private readonly bits: 24 | 32,
  ) {
    this.#half = 2 ** (bits - 1);
  }

  get count(): number {
    return ticksIn(this.clock.now, frequency) % 2 ** this.bits;
  }

  /** How often the top bit has changed since power-on. */
  get changes(): number {
    return Math.floor(ticksIn(this.clock.now, frequency) / this.#half);
  }

  /** The nanosecond of a change, the first since power-on being 1. */
  changeAt(change: number): number {
    return nanosecondsOf(change * this.#half, frequency);
  }
}
