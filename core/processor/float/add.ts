import { type Environment, RoundingMode } from './environment.ts';
import type { Format } from './format.ts';
import { round } from './rounding.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** result = left + right, neither a NaN. Subtraction turns the sign of `right` first. */
export function add(environment: Environment, format: Format): void {
  const { left, right, result } = environment;
  if (left.kind === Kind.Infinity && right.kind === Kind.Infinity && left.sign !== right.sign) {
    environment.invalid();
    return;
  }
  environment.noteDenormal(left.denormal || right.denormal);
  if (environment.blocked) return;
  if (left.kind === Kind.Infinity) result.copy(left);
  else if (right.kind === Kind.Infinity) result.copy(right);
  else sum(environment, format);
}

function sum(environment: Environment, format: Format): void {
  const { left, right, result } = environment;
  const alike = left.sign === right.sign;
  if (right.kind === Kind.Zero) result.copy(left);
  else if (left.kind === Kind.Zero) result.copy(right);
  else {
    const ordered = left.compareMagnitude(right) >= 0;
    const larger = ordered ? left : right;
    const smaller = ordered ? right : left;
    if (alike) addMagnitudes(result, larger, smaller);
    else subtractMagnitudes(result, larger, smaller);
  }
  if (result.kind !== Kind.Zero) round(environment, format);
  else result.setZero(alike ? left.sign : zeroSign(environment));
}

/** What cancels exactly is +0, except when rounding down. */
const zeroSign = (environment: Environment): number => (environment.rounding === RoundingMode.Down ? 1 : 0);

function addMagnitudes(result: Unpacked, larger: Unpacked, smaller: Unpacked): void {
  result.copy(smaller);
  result.shiftRight(larger.exponent - smaller.exponent);
  result.exponent = larger.exponent;
  const lo = (larger.lo >>> 0) + (result.lo >>> 0);
  const hi = (larger.hi >>> 0) + (result.hi >>> 0) + (lo > 0xffff_ffff ? 1 : 0);
  result.lo = lo | 0;
  result.hi = hi | 0;
  if (hi <= 0xffff_ffff) return;
  result.shiftRight(1);
  result.hi |= 0x8000_0000;
  result.exponent++;
}

function subtractMagnitudes(result: Unpacked, larger: Unpacked, smaller: Unpacked): void {
  result.copy(smaller);
  result.shiftRight(larger.exponent - smaller.exponent);
  result.exponent = larger.exponent;
  result.sign = larger.sign;
  const lo = (larger.lo >>> 0) - (result.lo >>> 0) - (result.extra === 0 ? 0 : 1);
  const hi = (larger.hi >>> 0) - (result.hi >>> 0) - (lo < 0 ? 1 : 0);
  result.extra = -result.extra | 0;
  result.lo = lo | 0;
  result.hi = hi | 0;
  if ((result.hi | result.lo | result.extra) === 0) result.kind = Kind.Zero;
  else result.normalize();
}
