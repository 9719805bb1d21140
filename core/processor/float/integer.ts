import { type Environment, FloatException } from './environment.ts';
import { roundsUp } from './rounding.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/**
 * Rounds `value` (which it spoils) to a signed integer of 16, 32 or 64 bits in environment.hi:lo, sign-extended.
 * What does not fit becomes the integer indefinite and is an invalid operation.
 */
export function toInteger(environment: Environment, value: Unpacked, width: number, mode: number): void {
  environment.lo = environment.hi = 0;
  if (value.kind === Kind.Zero) return;
  if (value.kind !== Kind.Finite || value.exponent > 63) {
    indefinite(environment, width);
    return;
  }
  const rounded = dropFraction(value, mode);
  const overflowed = rounded === 2 && value.hi === 0 && value.lo === 0 && value.exponent === 63;
  if (overflowed || !fits(value, width)) {
    indefinite(environment, width);
    return;
  }
  if (rounded !== 0) environment.raise(FloatException.Precision);
  environment.roundedUp = rounded === 2;
  environment.lo = value.sign === 0 ? value.lo : -value.lo | 0;
  environment.hi = value.sign === 0 ? value.hi : (~value.hi + (value.lo === 0 ? 1 : 0)) | 0;
}

function indefinite(environment: Environment, width: number): void {
  environment.raise(FloatException.Invalid);
  environment.lo = width === 64 ? 0 : -1 << (width - 1);
  environment.hi = width === 64 ? -1 << 31 : -1;
}

function fits(value: Unpacked, width: number): boolean {
  if (width === 64) return value.hi >= 0 || (value.sign !== 0 && value.hi === -1 << 31 && value.lo === 0);
  return value.hi === 0 && value.lo >>> 0 <= 2 ** (width - 1) - (value.sign === 0 ? 1 : 0);
}

/** Turns hi:lo into an integer magnitude. Returns 0 if that was exact, 1 if it went down, 2 if it went up. */
export function dropFraction(value: Unpacked, mode: number): number {
  value.shiftRight(63 - value.exponent);
  const half = value.extra < 0;
  const rest = value.extra << 1 !== 0;
  value.extra = 0;
  if (!half && !rest) return 0;
  if (!roundsUp(mode, value.sign, (value.lo & 1) !== 0, half, rest)) return 1;
  value.lo = (value.lo + 1) | 0;
  if (value.lo === 0) value.hi = (value.hi + 1) | 0;
  return 2;
}

/** Rounds the finite `value` to an integral value of the same format; returns as `dropFraction`. */
export function roundToIntegral(value: Unpacked, mode: number): number {
  if (value.exponent >= 63) return 0;
  const rounded = dropFraction(value, mode);
  value.exponent = 63;
  if (value.hi === 0 && value.lo === 0) value.setZero(value.sign);
  else value.normalize();
  return rounded;
}

/** The 64-bit signed integer hi:lo, exactly. */
export function fromInteger(value: Unpacked, lo: number, hi: number): void {
  const sign = hi >>> 31;
  value.denormal = false;
  if ((lo | hi) === 0) {
    value.setZero(0);
    return;
  }
  if (sign === 0) value.setFinite(0, 63, hi, lo);
  else value.setFinite(1, 63, (~hi + (lo === 0 ? 1 : 0)) | 0, -lo | 0);
  value.normalize();
}
