import { service } from '../framework/service.ts';

/** What each processor's time-stamp counter is ahead of `Clock.now`, at 1 GHz: guests may write IA32_TSC. */
export interface TimestampOffsets {
  /** In ticks, as a signed 64-bit integer. */
  get(processor: number): bigint;
  /** Told after each change, so that timers which wait for a value of the counter can be set anew. */
  onChange(listener: (processor: number) => void): void;
}

export const TimestampOffsets = service<TimestampOffsets>('TimestampOffsets');

/** Keeps what the processors say. */
export class ProcessorTimestampOffsets implements TimestampOffsets {
  readonly #offsets: bigint[] = [];
  readonly #listeners: ((processor: number) => void)[] = [];

  get(processor: number): bigint {
    return this.#offsets[processor] ?? 0n;
  }

  /** A processor's counter was set: it is now so many ticks ahead of the clock. */
  changed(processor: number, offset: bigint): void {
    this.#offsets[processor] = offset;
    for (const listener of this.#listeners) listener(processor);
  }

  onChange(listener: (processor: number) => void): void {
    this.#listeners.push(listener);
  }
}
