import type { StateRanges } from '#core';

/** Timer n Configuration and Capability (HPET 1.0a, 2.3.8). */
export const Configuration = {
  level: 1 << 1,
  enabled: 1 << 2,
  periodic: 1 << 3,
  periodicCapable: 1 << 4,
  setsValue: 1 << 6,
  route: 0x1f << 9,
} as const;
const { level, enabled, periodic, setsValue, route } = Configuration;
const writable = level | enabled | periodic | setsValue | route;

export const turn = 2 ** 32;

/** In ticks. A timer that repeats faster interrupts at this rate: a guest could do nothing but wait for it. */
export const minimumPeriod = 100;

/** A comparator of 32 bits. `elapsed` counts ticks since the main counter began to run, without end. */
export class HpetComparator {
  state = initialComparator();

  constructor(private readonly hasRoute: (route: number) => boolean) {}

  get configuration(): number {
    return this.state.configuration | Configuration.periodicCapable;
  }

  /** A route that there is not is not taken: that is how a guest finds out. */
  set configuration(value: number) {
    const wanted = this.hasRoute((value & route) >>> 9) ? route : 0;
    const taken = writable & ~(route & ~wanted);
    this.state.configuration = (this.state.configuration & ~taken) | (value & taken);
  }

  is(flag: number): boolean {
    return (this.state.configuration & flag) !== 0;
  }

  get route(): number {
    return (this.state.configuration & route) >>> 9;
  }

  /** What is written last is the period; the value itself only where it does not repeat, or the guest has said so before. */
  write(value: number): void {
    const { state } = this;
    state.period = value;
    if (!this.is(periodic) || this.is(setsValue)) state.value = value;
    state.configuration &= ~setsValue;
  }

  /** The counter runs from `count` on, or one of the two was changed: an equal count matches after a whole turn. */
  arm(count: number, elapsed: number): void {
    this.state.due = elapsed + ((this.state.value - count - 1 + 2 * turn) % turn) + 1;
  }

  /** Whether it has matched since somebody looked last. */
  look(elapsed: number): boolean {
    const { state } = this;
    if (state.due > elapsed) return false;
    const step = this.#step;
    const steps = Math.floor((elapsed - state.due) / step) + 1;
    state.due += steps * step;
    state.value = (state.value + steps * step) % turn;
    return true;
  }

  /** From one match to the next that counts: a whole turn, or so many periods that interrupts are not too many. */
  get #step(): number {
    const { period } = this.state;
    return this.is(periodic) && period > 0 ? period * Math.ceil(minimumPeriod / period) : turn;
  }
}

export const initialComparator = () => ({
  configuration: 0,
  value: turn - 1,
  period: 0,
  /** Ticks since the counter began to run at which it matches next. */
  due: turn,
});

export const comparatorRanges: StateRanges<ReturnType<typeof initialComparator>> = {
  configuration: [0, writable],
  value: [0, turn - 1],
  period: [0, turn - 1],
  due: [0, 2 ** 53 - 1],
};
