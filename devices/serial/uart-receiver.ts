import type { Clock, Timer } from '#core';
import { ByteQueue } from './byte-queue.ts';
import { characterTime, hasFifos, isLooped, Line, type UartState } from './uart-registers.ts';

const fifoSize = 16;
/**
 * Our line takes no time, but a driver that finds more at each interrupt keeps its readers from running, and its buffers overflow (Linux's
 * at 640 KiB). After so many bytes they get a breather, in nanoseconds.
 */
const longestBurst = 4096;
const breather = 2e6;

/** The chip that the receiver is a part of. */
export interface UartChip {
  /** A reset and a restore put another in its place. */
  readonly state: UartState;
  readonly clock: Clock;
  /** Time has changed something: the interrupt is to be computed anew. */
  update(): void;
}

/** The receiving half: the bytes that wait outside, the FIFO, and its two timers. It takes bytes only as there is room. */
export class UartReceiver {
  readonly #input = new ByteQueue();
  #timeout: Timer | undefined;
  #resumption: Timer | undefined;

  constructor(private readonly chip: UartChip) {}

  /** Bytes of input that wait outside. */
  get waiting(): number {
    return this.#input.length;
  }

  get input(): number[] {
    return this.#input.toArray();
  }

  get hasRoom(): boolean {
    const { state } = this.chip;
    return state.received.length < (hasFifos(state) ? fifoSize : 1);
  }

  /** Bytes come to wait outside. */
  push(data: Uint8Array | readonly number[]): void {
    this.#input.push(data);
  }

  /** As after power-on, but for what waits outside. */
  reset(): void {
    this.#arm();
    this.#armResumption();
    this.refill();
  }

  restore(input: readonly number[]): void {
    this.#input.clear();
    this.#input.push(input);
    this.#arm();
    this.#armResumption();
  }

  clear(): void {
    const { state } = this.chip;
    state.received = [];
    state.timedOut = false;
    this.#waitForTimeout();
  }

  /** The byte at the top of the FIFO; without one, the last that was read. */
  read(): number {
    const { state } = this.chip;
    const byte = state.received.shift() ?? state.lastRead;
    state.lastRead = byte & 0xff;
    state.timedOut = false;
    this.refill();
    this.#waitForTimeout();
    this.#noteErrors();
    return byte & 0xff;
  }

  /** A character enters the FIFO, its errors in bits 8 and above; it is the reader's turn within four character times. */
  take(character: number): void {
    this.chip.state.received.push(character);
    this.#noteErrors();
    this.#waitForTimeout();
  }

  /** What waits outside goes in as far as there is room. */
  refill(): void {
    const { state } = this.chip;
    if (isLooped(state)) return;
    while (this.#input.length > 0 && this.hasRoom && state.resumeAt < 0) {
      this.take(this.#input.shift());
      if (++state.burst === longestBurst) this.#pause();
    }
    if (this.#input.length === 0) state.burst = 0;
  }

  #pause(): void {
    const { state, clock } = this.chip;
    state.burst = 0;
    state.resumeAt = clock.now + breather;
    this.#armResumption();
  }

  #armResumption(): void {
    const { state, clock } = this.chip;
    this.#resumption?.cancel();
    this.#resumption = undefined;
    if (state.resumeAt < 0) return;
    this.#resumption = clock.schedule(state.resumeAt, () => {
      this.#resumption = undefined;
      this.chip.state.resumeAt = -1;
      this.refill();
      this.chip.update();
    });
  }

  /** Errors show in the line status when their character is at the top of the FIFO. */
  #noteErrors(): void {
    const { state } = this.chip;
    const first = state.received[0];
    if (first === undefined || first <= 0xff) return;
    state.lineErrors |= first >> 8;
    state.received[0] = first & 0xff;
  }

  #waitForTimeout(): void {
    const { state, clock } = this.chip;
    const waits = hasFifos(state) && state.received.length > 0 && !state.timedOut;
    state.timeoutAt = waits ? clock.now + Math.ceil(4 * characterTime(state.divisor)) : -1;
    this.#arm();
  }

  #arm(): void {
    const { state, clock } = this.chip;
    this.#timeout?.cancel();
    this.#timeout = undefined;
    if (state.timeoutAt < 0) return;
    this.#timeout = clock.schedule(state.timeoutAt, () => {
      const { state: now } = this.chip;
      this.#timeout = undefined;
      now.timeoutAt = -1;
      now.timedOut = now.received.length > 0;
      this.chip.update();
    });
  }
}

/** A break is a character of zeros with an error. */
export const breakCharacter = Line.break << 8;
