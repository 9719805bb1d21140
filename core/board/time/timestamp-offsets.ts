import { service } from '../framework/service.ts';

/** What each processor's time-stamp counter is ahead of `Clock.now`, at 1 GHz: guests may write IA32_TSC. */
export interface TimestampOffsets {
  /** In ticks, as a signed integer. */
  get(processor: number): bigint;
  /** Told after each change, so that timers which wait for a value of the counter can be set anew. */
  onChange(listener: (processor: number) => void): void;
}

export const TimestampOffsets = service<TimestampOffsets>('TimestampOffsets');

export class ProcessorTimestampOffsets implements TimestampOffsets {
  /** Asks the processor itself. */
  measure: (processor: number) => bigint = () => 0n;
  readonly #listeners: ((processor: number) => void)[] = [];

  get(processor: number): bigint {
    return BigInt.asIntN(64, this.measure(processor));
  }

  /** The processor says that its counter was set. */
  changed(processor: number): void {
    for (const listener of this.#listeners) listener(processor);
  }

  onChange(listener: (processor: number) => void): void {
    this.#listeners.push(listener);
  }
}
