import type { F80 } from './float80.ts';

/** What FXAM finds, as C3, C2 and C0 in the x87 status word (SDM vol. 2, FXAM). An empty register is its caller's to know. */
export const F80Class = {
  Unsupported: 0x0000,
  NaN: 0x0100,
  Normal: 0x0400,
  Infinity: 0x0500,
  Zero: 0x4000,
  Empty: 0x4100,
  Denormal: 0x4400,
} as const;

const signCode = 0x0200;

/** The class, with the sign in C1. */
export function classify(value: F80): number {
  return classOf(value) | (value.sign === 0 ? 0 : signCode);
}

function classOf({ exponent, hi, lo }: F80): number {
  if (exponent === 0) return hi === 0 && lo === 0 ? F80Class.Zero : F80Class.Denormal;
  if (hi < 0x8000_0000) return F80Class.Unsupported;
  if (exponent !== 0x7fff) return F80Class.Normal;
  return hi === 0x8000_0000 && lo === 0 ? F80Class.Infinity : F80Class.NaN;
}
