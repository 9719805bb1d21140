import type { Environment } from './environment.ts';
import type { Format } from './format.ts';
import { round } from './rounding.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** result = √left, which is not a NaN. */
export function squareRoot(environment: Environment, format: Format): void {
  const { left, result } = environment;
  if (left.kind === Kind.Zero) {
    result.setZero(left.sign);
    return;
  }
  if (left.sign !== 0) {
    environment.invalid();
    return;
  }
  environment.noteDenormal(left.denormal);
  if (environment.blocked) return;
  if (left.kind === Kind.Infinity) {
    result.setInfinity(0);
    return;
  }
  result.setFinite(0, left.exponent >> 1, 0, 0);
  rootOfSignificand(result, left, format.precision);
  round(environment, format);
}

/** Digit by digit: two bits of the radicand come down for every bit of the root. Words are high, middle, low. */
function rootOfSignificand(result: Unpacked, radicand: Unpacked, precision: number): void {
  const bits = precision === 24 ? 32 : precision === 53 ? 64 : 68;
  let { hi, lo } = radicand;
  let remainderHi = 0;
  let remainderMid = 0;
  let remainderLo = 0;
  let rootHi = 0;
  let rootMid = 0;
  let rootLo = 1;
  // The first digit is always 1: what comes down is 01 for an even exponent, 10 or 11 for an odd one.
  if ((radicand.exponent & 1) !== 0) {
    remainderLo = (hi >>> 30) - 1;
    hi = (hi << 2) | (lo >>> 30);
    lo <<= 2;
  } else {
    hi = (hi << 1) | (lo >>> 31);
    lo <<= 1;
  }
  for (let bit = 1; bit < bits; bit++) {
    remainderHi = (remainderHi << 2) | (remainderMid >>> 30);
    remainderMid = ((remainderMid << 2) | (remainderLo >>> 30)) >>> 0;
    remainderLo = ((remainderLo << 2) | (hi >>> 30)) >>> 0;
    hi = (hi << 2) | (lo >>> 30);
    lo <<= 2;
    const trialHi = (rootHi << 2) | (rootMid >>> 30);
    const trialMid = ((rootMid << 2) | (rootLo >>> 30)) >>> 0;
    const trialLo = ((rootLo << 2) | 1) >>> 0;
    rootHi = (rootHi << 1) | (rootMid >>> 31);
    rootMid = (rootMid << 1) | (rootLo >>> 31);
    rootLo <<= 1;
    const low = remainderLo - trialLo;
    const middle = remainderMid - trialMid - (low < 0 ? 1 : 0);
    const high = remainderHi - trialHi - (middle < 0 ? 1 : 0);
    if (high < 0) continue;
    rootLo |= 1;
    remainderHi = high;
    remainderMid = middle >>> 0;
    remainderLo = low >>> 0;
  }
  if (bits === 32) {
    result.hi = rootLo;
  } else if (bits === 64) {
    result.hi = rootMid;
    result.lo = rootLo;
  } else {
    result.hi = (rootHi << 28) | (rootMid >>> 4);
    result.lo = (rootMid << 28) | (rootLo >>> 4);
    result.extra = rootLo << 28;
  }
  if ((remainderHi | remainderMid | remainderLo | hi | lo) !== 0) result.extra |= 1;
}
