import type { F80 } from './float80.ts';
import { roundsUp } from './rounding.ts';

/** A constant of the x87 ROM: exponent, 64 significand bits and the 32 that follow. */
interface Constant {
  readonly exponent: number;
  readonly hi: number;
  readonly lo: number;
  readonly rest: number;
}

/** What FLDPI, FLDL2E, FLDL2T, FLDLG2 and FLDLN2 load, before rounding. FLD1 and FLDZ are plain values. */
export const F80Constant = {
  Pi: { exponent: 1, hi: 0xc90f_daa2, lo: 0x2168_c234, rest: 0xc4c6_628b },
  Log2E: { exponent: 0, hi: 0xb8aa_3b29, lo: 0x5c17_f0bb, rest: 0xbe87_fed0 },
  Log2Ten: { exponent: 1, hi: 0xd49a_784b, lo: 0xcd1b_8afe, rest: 0x492b_f6ff },
  LogTen2: { exponent: -2, hi: 0x9a20_9a84, lo: 0xfbcf_f798, rest: 0x8f89_59ac },
  Ln2: { exponent: -1, hi: 0xb172_17f7, lo: 0xd1cf_79ab, rest: 0xc9e3_b398 },
} as const satisfies Record<string, Constant>;

/** Loads a constant, rounded as the control word says. None of the five carries into its upper half. */
export function loadConstant(out: F80, { exponent, hi, lo, rest }: Constant, rounding: number): void {
  const up = roundsUp(rounding, 0, (lo & 1) !== 0, rest >= 0x8000_0000, true);
  out.set(0, exponent + 16383, hi, up ? lo + 1 : lo);
}
