import { type Clock, longRange, type StateRanges, type Timer } from '#core';
import { Lvt } from './registers.ts';

/** A periodic timer faster than this fires at this rate: below it a guest could only wait for its own interrupts. */
const minimumPeriod = 1000;

/** A processor's time-stamp counter, which the TSC-deadline mode compares with. */
export interface TimestampCounter {
  read(): bigint;
}

/** The local APIC's timer (SDM vol. 3, 12.5.4). Its bus clock is 1 GHz, so a count is `divisor` nanoseconds. */
export class ApicTimer {
  state = initialTimer();
  #timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly counter: TimestampCounter,
    private readonly expired: () => void,
  ) {}

  reset(): void {
    this.state = initialTimer();
    this.arm();
  }

  get entry(): number {
    return this.state.entry;
  }

  set entry(value: number) {
    const { state } = this;
    const wasDeadline = (state.entry & Lvt.deadline) !== 0;
    state.entry = value;
    if (wasDeadline !== ((value & Lvt.deadline) !== 0)) {
      state.initial = 0;
      state.deadline = '0';
    }
    this.arm();
  }

  get initialCount(): number {
    return this.state.initial;
  }

  /** Starts the timer, or stops it with 0. */
  set initialCount(value: number) {
    if (this.#mode === Lvt.deadline) return;
    this.state.initial = value;
    this.state.start = this.clock.now;
    this.arm();
  }

  get currentCount(): number {
    const { initial, start } = this.state;
    if (initial === 0) return 0;
    const elapsed = Math.floor((this.clock.now - start) / this.#divisor);
    if (this.#mode === Lvt.periodic) return initial - (elapsed % initial);
    return Math.max(0, initial - elapsed);
  }

  get divide(): number {
    return this.state.divide;
  }

  set divide(value: number) {
    const { state } = this;
    const left = this.currentCount;
    state.divide = value & 0b1011;
    // A running count goes on from where it is, at the new pace.
    state.start = this.clock.now - (state.initial - left) * this.#divisor;
    this.arm();
  }

  /** IA32_TSC_DEADLINE; zero when disarmed. */
  get deadline(): bigint {
    return BigInt(this.state.deadline);
  }

  set deadline(value: bigint) {
    if (this.#mode !== Lvt.deadline) return;
    this.state.deadline = value.toString();
    this.arm();
  }

  /** Sets the clock's timer anew, after anything that the moment of expiry depends on has changed. */
  arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#mode === Lvt.deadline) {
      this.#armDeadline();
      return;
    }
    const { initial, start, entry } = this.state;
    if (initial === 0 || entry & Lvt.masked) return;
    const period = initial * this.#divisor;
    if (this.#mode !== Lvt.periodic) {
      if (start + period > this.clock.now) this.#schedule(start + period);
      return;
    }
    const passed = Math.floor((this.clock.now - start) / period);
    const next = start + (passed + 1) * period;
    this.#schedule(Math.max(next, period < minimumPeriod ? this.clock.now + minimumPeriod : 0));
  }

  #armDeadline(): void {
    const deadline = this.deadline;
    if (deadline === 0n) return;
    const wait = Number(deadline - this.counter.read());
    if (wait <= 0) this.#expire();
    else if (wait < 2 ** 52) this.#schedule(this.clock.now + wait);
  }

  #schedule(at: number): void {
    this.#timer = this.clock.schedule(at, () => {
      this.#timer = undefined;
      this.#expire();
    });
  }

  #expire(): void {
    const { state } = this;
    if (this.#mode === Lvt.deadline) state.deadline = '0';
    else if (this.#mode === Lvt.periodic) this.arm();
    if (!(state.entry & Lvt.masked)) this.expired();
  }

  get #mode(): number {
    return this.state.entry & Lvt.timerMode;
  }

  /** 2, 4 … 128, and 1 for the last value of the three bits. */
  get #divisor(): number {
    const { divide } = this.state;
    const power = (((divide >> 1) & 4) | (divide & 3)) + 1;
    return 1 << (power & 7);
  }
}

export const initialTimer = () => ({
  entry: Lvt.masked as number,
  initial: 0,
  /** Nanosecond at which the count was `initial`. */
  start: 0,
  divide: 0,
  /** A 64-bit number in decimal. */
  deadline: '0',
});

export const timerRanges: StateRanges<ReturnType<typeof initialTimer>> = {
  entry: longRange,
  initial: [0, 2 ** 32 - 1],
  start: [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 'fractions'],
  divide: [0, 0b1011],
};

export const isDeadline = (text: string): boolean => /^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n;
