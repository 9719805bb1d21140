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

  /** TSC-deadline mode shares nothing with the others; between these a count that runs goes on (12.5.4). */
  set entry(value: number) {
    this.#look();
    const { state } = this;
    const was = this.#mode;
    if (was === Lvt.periodic) state.start += this.#wholeSpans(this.#period);
    state.entry = value;
    if (was !== this.#mode && (was === Lvt.deadline || this.#mode === Lvt.deadline)) {
      state.initial = 0;
      state.running = false;
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
    this.#look();
    this.state.initial = value;
    this.state.running = value !== 0;
    this.state.start = Math.floor(this.clock.now);
    this.arm();
  }

  get currentCount(): number {
    const { initial, running } = this.state;
    if (!running) return 0;
    const elapsed = Math.floor(this.#passed / this.#divisor);
    if (this.#mode === Lvt.periodic) return initial - (elapsed % initial);
    return Math.max(0, initial - elapsed);
  }

  get divide(): number {
    return this.state.divide;
  }

  set divide(value: number) {
    this.#look();
    const { state } = this;
    const left = this.currentCount;
    const before = this.#divisor;
    state.divide = value & 0b1011;
    // A running count goes on from where it is, at the new pace.
    if (this.#divisor !== before) state.start = Math.floor(this.clock.now) - (state.initial - left) * this.#divisor;
    this.arm();
  }

  /** IA32_TSC_DEADLINE; zero when disarmed. */
  get deadline(): bigint {
    return BigInt(this.state.deadline);
  }

  set deadline(value: bigint) {
    if (this.#mode !== Lvt.deadline) return;
    this.#look();
    this.state.deadline = value.toString();
    this.arm();
  }

  /** After anything that the moment of expiry depends on has changed. A deadline that has passed already expires at once. */
  arm(): void {
    this.#look();
    if (this.#mode === Lvt.deadline && this.#next <= this.clock.now) this.#expire();
    this.resume();
  }

  /** Waits for the expiry that has not been accounted for, even if its moment has passed. */
  resume(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const at = this.#next;
    if (at > Number.MAX_SAFE_INTEGER) return;
    this.#timer = this.clock.schedule(at, () => {
      this.#expire();
      this.resume();
    });
  }

  /** Each writer looks first, so no write takes away an expiry that came before it. A deadline is over when it was said to be. */
  #look(): void {
    const { state } = this;
    const isOver =
      this.#mode === Lvt.deadline
        ? this.#timer !== undefined && this.#timer.at <= this.clock.now
        : state.running && this.#passed >= this.#span;
    if (isOver) this.#expire();
  }

  /** Accounts for all that has expired since the last time, as one: it interrupts, or is lost for being masked. */
  #expire(): void {
    const { state } = this;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#mode === Lvt.deadline) state.deadline = '0';
    else if (this.#mode === Lvt.periodic) state.start += this.#wholeSpans(this.#span);
    else state.running = false;
    if (!(state.entry & Lvt.masked)) this.expired();
  }

  /** The moment of the next expiry that somebody waits for, or Infinity. */
  get #next(): number {
    const { start, running, entry } = this.state;
    if (this.#mode === Lvt.deadline) {
      const { deadline } = this;
      if (deadline === 0n) return Number.POSITIVE_INFINITY;
      return Math.floor(this.clock.now) + Number(deadline - this.counter.read());
    }
    return running && !(entry & Lvt.masked) ? start + this.#span : Number.POSITIVE_INFINITY;
  }

  get #passed(): number {
    return Math.max(0, this.clock.now - this.state.start);
  }

  /** Nanoseconds since `start` in whole spans. */
  #wholeSpans(span: number): number {
    return span > 0 ? Math.floor(this.#passed / span) * span : 0;
  }

  get #period(): number {
    return this.state.initial * this.#divisor;
  }

  /** Between two interrupts: so many periods that they are not too many. */
  get #span(): number {
    const period = this.#period;
    return this.#mode === Lvt.periodic ? period * Math.ceil(minimumPeriod / period) : period;
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
  /** Nanosecond at which the count was `initial`; of a periodic timer the last such, or one before. */
  start: 0,
  /** False until a count is written, and again when that of a one-shot is over. */
  running: false,
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
