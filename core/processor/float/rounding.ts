import { type Environment, FloatException, RoundingMode } from './environment.ts';
import type { Format } from './format.ts';
import type { Unpacked } from './unpacked.ts';

const { Overflow, Underflow, Precision } = FloatException;

/** Whether a magnitude that ends in `half` and `rest` beyond its last bit `odd` grows by one there. */
export function roundsUp(mode: number, sign: number, odd: boolean, half: boolean, rest: boolean): boolean {
  switch (mode) {
    case RoundingMode.Nearest:
      return half && (rest || odd);
    case RoundingMode.Down:
      return sign !== 0 && (half || rest);
    case RoundingMode.Up:
      return sign === 0 && (half || rest);
    default:
      return false;
  }
}

/** What lies beyond the last bit kept: 2 for the half, 1 for anything below it. */
function beyond(value: Unpacked, precision: number): number {
  const { hi, lo, extra } = value;
  if (precision === 64) return (extra < 0 ? 2 : 0) | (extra << 1 === 0 ? 0 : 1);
  if (precision === 53) return ((lo & 0x400) === 0 ? 0 : 2) | (((lo & 0x3ff) | extra) === 0 ? 0 : 1);
  return ((hi & 0x80) === 0 ? 0 : 2) | (((hi & 0x7f) | lo | extra) === 0 ? 0 : 1);
}

/** Rounds the significand in place. Returns 0 if that was exact, 1 if it went down, 2 if it went up in magnitude. */
function roundSignificand(value: Unpacked, precision: number, mode: number): number {
  const rest = beyond(value, precision);
  value.extra = 0;
  if (rest === 0) return 0;
  let last = value.lo & 1;
  if (precision === 53) {
    last = value.lo & 0x800;
    value.lo &= ~0x7ff;
  } else if (precision === 24) {
    last = value.hi & 0x100;
    value.hi &= ~0xff;
    value.lo = 0;
  }
  if (!roundsUp(mode, value.sign, last !== 0, (rest & 2) !== 0, (rest & 1) !== 0)) return 1;
  increment(value, precision);
  return 2;
}

function increment(value: Unpacked, precision: number): void {
  if (precision === 24) {
    value.hi = (value.hi + 0x100) | 0;
  } else {
    value.lo = (value.lo + (precision === 53 ? 0x800 : 1)) | 0;
    if (value.lo === 0) value.hi = (value.hi + 1) | 0;
  }
  if (value.hi === 0 && value.lo === 0) {
    value.hi = 0x8000_0000 | 0;
    value.exponent++;
  }
}

/** Tininess is detected after rounding: just below the smallest normal, rounding may yet reach it. */
function tiny(value: Unpacked, format: Format, mode: number): boolean {
  if (value.exponent >= format.minimum) return false;
  if (value.exponent < format.minimum - 1 || !allOnes(value, format.precision)) return true;
  const rest = beyond(value, format.precision);
  return !roundsUp(mode, value.sign, true, (rest & 2) !== 0, (rest & 1) !== 0);
}

function allOnes({ hi, lo }: Unpacked, precision: number): boolean {
  if (precision === 64) return (hi & lo) === -1;
  if (precision === 53) return hi === -1 && lo >>> 11 === 0x1f_ffff;
  return hi >>> 8 === 0xff_ffff;
}

/**
 * Makes the finite, normalised `environment.result` fit a format: rounds, and deals with overflow and underflow as
 * x86 does (SDM vol. 1, 4.9.1). A denormal is left with the smallest exponent and bit 63 clear.
 */
export function round(environment: Environment, format: Format): void {
  const value = environment.result;
  if (tiny(value, format, environment.rounding)) {
    roundTiny(environment, format);
    return;
  }
  const rounded = roundSignificand(value, format.precision, environment.rounding);
  if (value.exponent > format.maximum) overflow(environment, format, rounded);
  else notePrecision(environment, rounded);
}

function notePrecision(environment: Environment, rounded: number): void {
  if (rounded !== 0) environment.raise(Precision);
  environment.roundedUp = rounded === 2;
}

function roundTiny(environment: Environment, format: Format): void {
  const value = environment.result;
  const masked = (environment.masks & Underflow) !== 0;
  if (masked && format.simd && environment.ftz) {
    environment.raise(Underflow | Precision);
    value.setZero(value.sign);
    return;
  }
  if (masked) {
    value.shiftRight(format.minimum - value.exponent);
    value.exponent = format.minimum;
  }
  const rounded = roundSignificand(value, format.precision, environment.rounding);
  if (!masked) {
    unmaskedUnderflow(environment, format, rounded);
    return;
  }
  if (rounded !== 0) environment.raise(Underflow);
  notePrecision(environment, rounded);
  if (value.hi === 0 && value.lo === 0) value.setZero(value.sign);
}

/** Registers get a result whose exponent is wrapped; what FSCALE takes further down than that is zero. */
function unmaskedUnderflow(environment: Environment, format: Format, rounded: number): void {
  const value = environment.result;
  environment.raise(Underflow);
  if (format.wrap === 0 && !format.simd) return;
  notePrecision(environment, rounded);
  if (format.simd) return;
  value.exponent += format.wrap;
  if (value.exponent >= format.minimum) return;
  value.setZero(value.sign);
  notePrecision(environment, 1);
}

function unmaskedOverflow(environment: Environment, format: Format, rounded: number): void {
  const value = environment.result;
  if (format.wrap === 0 && !format.simd) return;
  notePrecision(environment, rounded);
  if (format.simd) return;
  value.exponent -= format.wrap;
  if (value.exponent <= format.maximum) return;
  value.setInfinity(value.sign);
  notePrecision(environment, 2);
}

function overflow(environment: Environment, format: Format, rounded: number): void {
  const value = environment.result;
  environment.raise(Overflow);
  if ((environment.masks & Overflow) === 0) {
    unmaskedOverflow(environment, format, rounded);
    return;
  }
  const infinite = roundsUp(environment.rounding, value.sign, true, true, true);
  notePrecision(environment, infinite ? 2 : 1);
  const { precision, maximum } = format;
  if (infinite) value.setInfinity(value.sign);
  else if (precision === 64) value.setFinite(value.sign, maximum, -1, -1);
  else if (precision === 53) value.setFinite(value.sign, maximum, -1, ~0x7ff);
  else value.setFinite(value.sign, maximum, ~0xff, 0);
}
