import { service } from '../framework/service.ts';

/** The machine's time. Devices know no other: nothing on the board may ask the host what time it is. */
export interface Clock {
  /** Nanoseconds since power-on; exact at any device access. */
  readonly now: number;

  /** The deadline of the first timer, or Infinity. */
  readonly nextDeadline: number;

  /** One shot, fired when `now >= at`; equal deadlines fire in the order of scheduling. */
  schedule(at: number, action: () => void): Timer;
}

export interface Timer {
  readonly at: number;
  /** Harmless when the timer has fired or was cancelled before. */
  cancel(): void;
}

export const Clock = service<Clock>('Clock');
