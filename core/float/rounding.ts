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

/** Rounds the significand in place. Returns 0 if that was exact, 1 if it went down, 2 if it went up in magnitude. */
function roundSignificand(value: Unpacked, precision: number, mode: number): number {
  let odd: boolean;
  let half: boolean;
  let rest: boolean;
  if (precision === 64) {
    odd = (value.lo & 1) !== 0;
    half = value.extra < 0;
    rest = value.extra << 1 !== 0;
  } else if (precision === 53) {
    odd = (value.lo & 0x800) !== 0;
    half = (value.lo & 0x400) !== 0;
    rest = ((value.lo & 0x3ff) | value.extra) !== 0;
    value.lo &= ~0x7ff;
  } else {
    odd = (value.hi & 0x100) !== 0;
    half = (value.hi & 0x80) !== 0;
    rest = ((value.hi & 0x7f) | value.lo | value.extra) !== 0;
    value.hi &= ~0xff;
    value.lo = 0;
  }
  value.extra = 0;
  if (!half && !rest) return 0;
  if (!roundsUp(mode, value.sign, odd, half, rest)) return 1;
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
  if (value.exponent < format.minimum - 1) return true;
  const { hi, lo, precision } = { hi: value.hi, lo: value.lo, precision: format.precision };
  let half: boolean;
  let rest: boolean;
  if (precision === 64) {
    if ((hi & lo) !== -1) return true;
    half = value.extra < 0;
    rest = value.extra << 1 !== 0;
  } else if (precision === 53) {
    if (hi !== -1 || lo >>> 11 !== 0x1f_ffff) return true;
    half = (lo & 0x400) !== 0;
    rest = ((lo & 0x3ff) | value.extra) !== 0;
  } else {
    if (hi >>> 8 !== 0xff_ffff) return true;
    half = (hi & 0x80) !== 0;
    rest = ((hi & 0x7f) | lo | value.extra) !== 0;
  }
  return !roundsUp(mode, value.sign, true, half, rest);
}

/**
 * Makes the finite, normalised `environment.result` fit a format: rounds, and deals with overflow and underflow as
 * x86 does (SDM vol. 1, 4.9.1). A denormal is left with the smallest exponent and bit 63 clear.
 */
export function round(environment: Environment, format: Format): void {
  const value = environment.result;
  const mode = environment.rounding;
  if (tiny(value, format, mode)) return roundTiny(environment, format);
  const rounded = roundSignificand(value, format.precision, mode);
  if (rounded !== 0) environment.raise(Precision);
  environment.roundedUp = rounded === 2;
  if (value.exponent > format.maximum) overflow(environment, format);
}

function roundTiny(environment: Environment, format: Format): void {
  const value = environment.result;
  if ((environment.masks & Underflow) === 0) {
    environment.raise(Underflow);
    value.exponent += format.wrap;
    const rounded = roundSignificand(value, format.precision, environment.rounding);
    if (rounded !== 0) environment.raise(Precision);
    environment.roundedUp = rounded === 2;
    if (value.exponent < format.minimum) value.setZero(value.sign);
    return;
  }
  if (format.flushes && environment.ftz) {
    environment.raise(Underflow | Precision);
    value.setZero(value.sign);
    return;
  }
  value.shiftRight(format.minimum - value.exponent);
  value.exponent = format.minimum;
  const rounded = roundSignificand(value, format.precision, environment.rounding);
  if (rounded !== 0) environment.raise(Underflow | Precision);
  environment.roundedUp = rounded === 2;
  if (value.hi === 0 && value.lo === 0) value.setZero(value.sign);
}

function overflow(environment: Environment, format: Format): void {
  const value = environment.result;
  const mode = environment.rounding;
  environment.raise(Overflow);
  if ((environment.masks & Overflow) === 0) {
    value.exponent -= format.wrap;
    if (value.exponent > format.maximum) value.setInfinity(value.sign);
    return;
  }
  environment.raise(Precision);
  environment.roundedUp = mode === RoundingMode.Nearest || roundsUp(mode, value.sign, true, true, true);
  if (environment.roundedUp) return value.setInfinity(value.sign);
  const { precision, maximum } = format;
  value.setFinite(value.sign, maximum, precision === 24 ? 0xffff_ff00 | 0 : -1, precision === 64 ? -1 : precision === 53 ? ~0x7ff : 0);
}
