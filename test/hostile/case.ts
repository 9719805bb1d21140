/** One measurement: a guest on an accelerator under a clock, and what came of it. */

export const clocks = ['host', 'virtual'] as const;
export type ClockName = (typeof clocks)[number];

export interface Case {
  readonly guest: string;
  readonly accelerator: string;
  readonly clock: ClockName;
  readonly seconds: number;
}

/** How late the event loop was, in milliseconds. */
export interface Lag {
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  /** The most processor time that passed between two turns of the loop: what a busy computer does not change. */
  readonly busy: number;
}

export interface Measurement {
  readonly lag: Lag;
  /** Milliseconds from `stop()` until the run had settled, the longest of all. */
  readonly stop: number;
  /** Bytes that the program held more after the run than before, garbage collected. */
  readonly growth: number;
  /** Bytes of resident memory that it needed more at its worst. */
  readonly peak: number;
  /** Guest time that passed, in milliseconds. */
  readonly guestTime: number;
  readonly restarts: number;
}

export type Result =
  | { readonly kind: 'ran'; readonly measurement: Measurement }
  /** The guest ended its run, or the machine did: `how` is the outcome. */
  | { readonly kind: 'ended'; readonly how: string; readonly measurement: Measurement }
  | { readonly kind: 'threw'; readonly error: string }
  | { readonly kind: 'hung'; readonly lastSign: number }
  | { readonly kind: 'died'; readonly how: string };

export const caseName = ({ guest, accelerator, clock }: Case): string => `${guest}, ${accelerator}, ${clock} clock`;
