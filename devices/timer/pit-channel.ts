import { damaged, requireRanges, timeRange } from '#core';

/** How a counter's two bytes are transferred: the RW bits of the control word. */
const Access = { low: 1, high: 2, both: 3 } as const;

const none = -1;

/** One counter of an Intel 8254 (data sheet 231164), a function of time: ticks of its input clock come in as numbers. */
export class PitChannel {
  state: ReturnType<typeof initialChannel>;

  constructor(private readonly gateAtReset: boolean) {
    this.state = initialChannel(gateAtReset);
  }

  reset(): void {
    this.state = initialChannel(this.gateAtReset);
  }

  /** The control word, with its select bits stripped by meaning: 0 in the RW bits latches the count. */
  control(word: number, now: number): void {
    const access = (word >> 4) & 3;
    if (access === 0) {
      this.latchCount(now);
      return;
    }
    const mode = (word >> 1) & 7;
    const { gate } = this.state;
    this.state = {
      ...initialChannel(gate),
      word: word & 0x3f,
      access,
      mode: mode > 5 ? mode & 3 : mode,
      bcd: (word & 1) !== 0,
    };
  }

  write(value: number, now: number): void {
    const { state } = this;
    switch (state.access) {
      case Access.low:
        this.#load(value, now);
        break;
      case Access.high:
        this.#load(value << 8, now);
        break;
      default:
        if (state.lowWritten === none) {
          state.lowWritten = value;
          // In mode 0 the first byte already stops the count and lowers the output.
          if (state.mode === 0) state.start = none;
        } else {
          this.#load(state.lowWritten | (value << 8), now);
          state.lowWritten = none;
        }
    }
  }

  read(now: number): number {
    const { state } = this;
    if (state.latchedStatus !== none) {
      const status = state.latchedStatus;
      state.latchedStatus = none;
      return status;
    }
    const count = state.latchedCount === none ? this.#encoded(now) : state.latchedCount;
    const takesHigh = state.access === Access.high || (state.access === Access.both && state.highNext);
    if (state.access === Access.both) state.highNext = !state.highNext;
    if (state.access !== Access.both || takesHigh) state.latchedCount = none;
    return (takesHigh ? count >> 8 : count) & 0xff;
  }

  /** A latched count stays until it is read; a second latch is ignored. */
  latchCount(now: number): void {
    if (this.state.latchedCount === none) this.state.latchedCount = this.#encoded(now);
  }

  latchStatus(now: number): void {
    const { state } = this;
    if (state.latchedStatus !== none) return;
    this.#settle(now);
    const isNull = state.start === none || now < state.start || state.next !== none;
    state.latchedStatus = (this.output(now) ? 0x80 : 0) | (isNull ? 0x40 : 0) | state.word;
  }

  get gate(): boolean {
    return this.state.gate;
  }

  setGate(high: boolean, now: number): void {
    const { state } = this;
    if (high === state.gate) return;
    this.#settle(now);
    state.gate = high;
    if (!high) {
      if (state.start !== none && (state.mode === 0 || state.mode === 4)) state.held = Math.max(0, now - state.start);
    } else if (state.mode === 0 || state.mode === 4) {
      if (state.held !== none) state.start = now - state.held;
      state.held = none;
    } else if (state.reload !== none) {
      // The rising edge is the trigger of modes 1 and 5 and the synchronization of 2 and 3.
      if (state.next !== none) state.reload = state.next;
      state.next = none;
      state.nextAt = none;
      state.start = now + 1;
    }
  }

  /** The OUT pin. */
  output(now: number): boolean {
    const { state } = this;
    this.#settle(now);
    const counting = state.start !== none && now >= state.start;
    const elapsed = this.#elapsed(now);
    switch (state.mode) {
      case 0:
        return counting && elapsed >= state.reload;
      case 1:
        return !counting || elapsed >= state.reload;
      case 2:
        return !counting || !state.gate || elapsed % state.reload !== state.reload - 1;
      case 3:
        return !counting || !state.gate || elapsed % state.reload < Math.ceil(state.reload / 2);
      default:
        return !counting || elapsed !== state.reload;
    }
  }

  /** The tick at which OUT next rises, or Infinity. */
  nextRise(now: number): number {
    const { state } = this;
    this.#settle(now);
    if (state.start === none) return Number.POSITIVE_INFINITY;
    const periodic = state.mode === 2 || state.mode === 3;
    if (!state.gate && state.mode !== 1 && state.mode !== 5) return Number.POSITIVE_INFINITY;
    if (periodic) {
      const periods = Math.max(0, Math.floor((now - state.start) / state.reload)) + 1;
      return state.start + periods * state.reload;
    }
    const rise = state.start + state.reload + (state.mode >= 4 ? 1 : 0);
    return rise > now ? rise : Number.POSITIVE_INFINITY;
  }

  #load(written: number, now: number): void {
    const { state } = this;
    this.#settle(now);
    // In modes 2 and 3 a divisor of 1 is illegal; the part then counts as with 2 or never: take 2.
    const count = (state.bcd ? fromBcd(written) || 10_000 : written) || 0x1_0000;
    const periodic = state.mode === 2 || state.mode === 3;
    const reload = periodic ? Math.max(2, count) : count;
    const triggered = state.mode === 1 || state.mode === 5;
    if (periodic && state.start !== none && state.gate) {
      // A new divisor waits for the end of the period that runs.
      state.next = reload;
      if (state.nextAt === none) state.nextAt = this.#periodEnd(now);
      return;
    }
    if (triggered && state.start !== none) {
      state.next = reload;
      return;
    }
    state.reload = reload;
    if (triggered) return;
    state.start = now + 1;
    state.held = state.gate ? none : 0;
  }

  /** Lets a waiting divisor take over where the period has ended. */
  #settle(now: number): void {
    const { state } = this;
    if (state.next === none || (state.mode !== 2 && state.mode !== 3)) return;
    // States that were saved while this was worked out later may lack it.
    const change = state.nextAt === none ? this.#periodEnd(now) : state.nextAt;
    if (now < change) {
      state.nextAt = change;
      return;
    }
    state.start = change;
    state.reload = state.next;
    state.next = none;
    state.nextAt = none;
  }

  #periodEnd(now: number): number {
    const { start, reload } = this.state;
    return start + (Math.max(0, Math.floor((now - start) / reload)) + 1) * reload;
  }

  #elapsed(now: number): number {
    const { start, held, mode, gate } = this.state;
    if ((mode === 0 || mode === 4) && !gate && held !== none) return held;
    return Math.max(0, now - start);
  }

  /** The counting element, as a guest reads it. */
  #encoded(now: number): number {
    const { state } = this;
    this.#settle(now);
    if (state.reload === none) return 0;
    const modulus = state.bcd ? 10_000 : 0x1_0000;
    const elapsed = state.start === none ? 0 : this.#elapsed(now);
    let count = state.reload - elapsed;
    if (state.mode === 2) count = state.reload - (elapsed % state.reload);
    if (state.mode === 3) {
      // Counts down by two in each half; an odd divisor spends its extra tick in the high half.
      const high = Math.ceil(state.reload / 2);
      const within = elapsed % state.reload;
      count = (state.reload & ~1) - 2 * (within < high ? Math.min(within, (state.reload >> 1) - 1) : within - high);
    }
    const shown = ((count % modulus) + modulus) % modulus;
    return state.bcd ? toBcd(shown) : shown;
  }
}

export const initialChannel = (gate: boolean) => ({
  /** The control word, which the status repeats to the bit; `access`, `mode` and `bcd` are what it means. */
  word: Access.both << 4,
  access: Access.both as number,
  /** Undefined at power-on; so nothing counts and OUT is low until a guest says what it wants. */
  mode: 0,
  bcd: false,
  gate,
  /** Input clocks counted from `start`; -1 as long as nothing was written. */
  reload: none as number,
  start: none as number,
  /** Clocks counted when the gate fell, in the modes that go on from there. */
  held: none as number,
  /** A divisor that takes over at `nextAt`, or with the next trigger. */
  next: none as number,
  nextAt: none as number,
  lowWritten: none as number,
  highNext: false,
  latchedCount: none as number,
  latchedStatus: none as number,
});

/** Whether a counter can be in a restored state. */
export function checkChannel(state: ReturnType<typeof initialChannel>, index: number): void {
  const count = [none, 0x1_0000] as const;
  const path = `channels.${index}.`;
  requireRanges(
    state,
    {
      word: [0, 0x3f],
      access: [Access.low, Access.both],
      mode: [0, 5],
      reload: count,
      start: timeRange,
      held: timeRange,
      next: count,
      nextAt: timeRange,
      lowWritten: [none, 0xff],
      latchedCount: [none, 0xffff],
      latchedStatus: [none, 0xff],
    },
    path,
  );
  if (state.reload === 0) throw damaged(`${path}reload`);
  if (state.next === 0) throw damaged(`${path}next`);
}

const fromBcd = (value: number): number =>
  (value & 15) + ((value >> 4) & 15) * 10 + ((value >> 8) & 15) * 100 + (value >> 12) * 1000;

const toBcd = (value: number): number =>
  (value % 10) |
  ((Math.floor(value / 10) % 10) << 4) |
  ((Math.floor(value / 100) % 10) << 8) |
  ((Math.floor(value / 1000) % 10) << 12);
