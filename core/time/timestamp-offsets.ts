import { service } from '../framework/service.ts';

/** What each processor's time-stamp counter is ahead of `Clock.now`, at 1 GHz: guests may write IA32_TSC and IA32_TSC_ADJUST. */
export interface TimestampOffsets {
  /** In ticks, as a signed integer. */
  get(processor: number): bigint;
  set(processor: number, offset: bigint): void;
  /** Told after each change, so that timers which wait for a value of the counter can be set anew. */
  onChange(listener: (processor: number) => void): void;
}

export const TimestampOffsets = service<TimestampOffsets>('TimestampOffsets');

export class ProcessorTimestampOffsets implements TimestampOffsets {
  /** Asks the processor itself, whose guest may have written its counter by now. Without one, what was set holds. */
  measure: ((processor: number) => bigint) | undefined;
  readonly #offsets: bigint[] = [];
  readonly #listeners: ((processor: number) => void)[] = [];

  get(processor: number): bigint {
    return BigInt.asIntN(64, this.measure?.(processor) ?? this.#offsets[processor] ?? 0n);
  }

  set(processor: number, offset: bigint): void {
    this.#offsets[processor] = BigInt.asIntN(64, offset);
    for (const listener of this.#listeners) listener(processor);
  }

  onChange(listener: (processor: number) => void): void {
    this.#listeners.push(listener);
  }
}
