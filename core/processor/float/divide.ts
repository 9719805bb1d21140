import { type Environment, FloatException } from './environment.ts';
import type { Format } from './format.ts';
import { round } from './rounding.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** result = left ÷ right, neither a NaN. */
export function divide(environment: Environment, format: Format): void {
  const { left, right, result } = environment;
  const sign = left.sign ^ right.sign;
  if (left.kind === right.kind && left.kind !== Kind.Finite) {
    environment.invalid();
    return;
  }
  if (right.kind === Kind.Zero && left.kind === Kind.Finite) environment.raise(FloatException.ZeroDivide);
  else environment.noteDenormal(left.denormal || right.denormal);
  if (environment.blocked) return;
  if (left.kind === Kind.Infinity || right.kind === Kind.Zero) {
    result.setInfinity(sign);
    return;
  }
  if (left.kind === Kind.Zero || right.kind === Kind.Infinity) {
    result.setZero(sign);
    return;
  }
  result.setFinite(sign, left.exponent - right.exponent, 0, 0);
  divideSignificands(result, left, right, format.precision);
  result.normalize();
  round(environment, format);
}

/** Shift and subtract: as many quotient bits as the precision, its rounding bits and a leading zero need. */
function divideSignificands(result: Unpacked, left: Unpacked, right: Unpacked, precision: number): void {
  const bits = precision === 24 ? 32 : precision === 53 ? 64 : 68;
  const divisorHi = right.hi >>> 0;
  const divisorLo = right.lo >>> 0;
  let hi = left.hi >>> 0;
  let lo = left.lo >>> 0;
  let carry = false;
  let quotient = 0;
  for (let bit = 1; bit <= bits; bit++) {
    quotient <<= 1;
    if (carry || hi > divisorHi || (hi === divisorHi && lo >= divisorLo)) {
      quotient |= 1;
      const difference = lo - divisorLo;
      hi = (hi - divisorHi - (difference < 0 ? 1 : 0)) >>> 0;
      lo = difference >>> 0;
    }
    carry = hi >= 0x8000_0000;
    hi = ((hi << 1) | (lo >>> 31)) >>> 0;
    lo = (lo << 1) >>> 0;
    if (bit === 32) result.hi = quotient;
    else if (bit === 64) result.lo = quotient;
  }
  if (bits === 68) result.extra = quotient << 28;
  if (carry || hi !== 0 || lo !== 0) result.extra |= 1;
}
