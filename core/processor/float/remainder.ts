import type { Environment } from './environment.ts';
import { extended } from './format.ts';
import { round } from './rounding.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** Condition codes in the x87 status word. */
const c0 = 0x100;
const c1 = 0x200;
const c2 = 0x400;
const c3 = 0x4000;

/**
 * FPREM and FPREM1 of left by right, neither a NaN (SDM vol. 2). Returns C2 if only part of the exponents' difference
 * could be worked off, else the quotient's three low bits in C0, C3 and C1.
 */
export function remainder(environment: Environment, nearest: boolean): number {
  const { left, right, result } = environment;
  if (left.kind === Kind.Infinity || right.kind === Kind.Zero) {
    environment.invalid();
    return 0;
  }
  environment.noteDenormal(left.denormal || right.denormal);
  if (environment.blocked) return 0;
  result.copy(left);
  if (left.kind === Kind.Zero) return 0;
  if (right.kind === Kind.Infinity) {
    round(environment, extended);
    return 0;
  }
  const difference = left.exponent - right.exponent;
  let quotient = 0;
  let partial = false;
  if (difference >= 64) {
    partial = true;
    reduce(result, right, (difference & 31) | 32);
  } else if (difference >= 0) {
    quotient = reduce(result, right, difference);
  }
  if (nearest && !partial && pastHalf(result, right, quotient)) {
    quotient++;
    complement(result, right);
  }
  if ((result.hi | result.lo) === 0) result.setZero(left.sign);
  else {
    result.normalize();
    round(environment, extended);
  }
  if (partial) return c2;
  return ((quotient & 4) !== 0 ? c0 : 0) | ((quotient & 2) !== 0 ? c3 : 0) | ((quotient & 1) !== 0 ? c1 : 0);
}

/** Long division by shifting and subtracting, `count` + 1 quotient bits; returns the last of them. */
function reduce(value: Unpacked, divisor: Unpacked, count: number): number {
  const divisorHi = divisor.hi >>> 0;
  const divisorLo = divisor.lo >>> 0;
  let hi = value.hi >>> 0;
  let lo = value.lo >>> 0;
  let carry = false;
  let quotient = 0;
  for (let bit = 0; ; bit++) {
    quotient <<= 1;
    if (carry || hi > divisorHi || (hi === divisorHi && lo >= divisorLo)) {
      quotient |= 1;
      const difference = lo - divisorLo;
      hi = (hi - divisorHi - (difference < 0 ? 1 : 0)) >>> 0;
      lo = difference >>> 0;
    }
    if (bit === count) break;
    carry = hi >= 0x8000_0000;
    hi = ((hi << 1) | (lo >>> 31)) >>> 0;
    lo = (lo << 1) >>> 0;
  }
  value.hi = hi | 0;
  value.lo = lo | 0;
  value.exponent -= count;
  return quotient;
}

/** Whether the remainder exceeds half the divisor, or is just half with an odd quotient. */
function pastHalf(value: Unpacked, divisor: Unpacked, quotient: number): boolean {
  if (value.exponent < divisor.exponent - 1) return false;
  let hi = value.hi >>> 0;
  let lo = value.lo >>> 0;
  if (value.exponent === divisor.exponent) {
    if (hi >= 0x8000_0000) return true;
    hi = ((hi << 1) | (lo >>> 31)) >>> 0;
    lo = (lo << 1) >>> 0;
  }
  const divisorHi = divisor.hi >>> 0;
  const divisorLo = divisor.lo >>> 0;
  if (hi !== divisorHi) return hi > divisorHi;
  return lo > divisorLo || (lo === divisorLo && (quotient & 1) !== 0);
}

/** value = value - divisor. One binary place below the divisor, the divisor counts twice; the difference still fits. */
function complement(value: Unpacked, divisor: Unpacked): void {
  let hi = divisor.hi >>> 0;
  let lo = divisor.lo >>> 0;
  if (value.exponent !== divisor.exponent) {
    hi = ((hi << 1) | (lo >>> 31)) >>> 0;
    lo = (lo << 1) >>> 0;
  }
  const low = lo - (value.lo >>> 0);
  value.hi = (hi - (value.hi >>> 0) - (low < 0 ? 1 : 0)) | 0;
  value.lo = low | 0;
  value.sign ^= 1;
}
