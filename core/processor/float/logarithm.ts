import { type Environment, FloatException } from './environment.ts';
import {
  bitLength,
  deliver,
  exponentialMinusOne,
  fractionBits,
  ln2,
  log2E,
  logarithmPlusOne,
  multiply,
  one,
  significand,
  toFixed,
} from './fixed-point.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** Arguments so close to zero that the functions are proportional there. */
const tinyExponent = -120;

/** F2XM1: result = 2^left - 1. Out of its range, between -1 and 1, the argument comes back (as on AMD). */
export function exponential(environment: Environment): void {
  const { left, result } = environment;
  environment.noteDenormal(left.denormal);
  if (environment.blocked) return;
  if (left.kind === Kind.Finite && left.exponent < 0) {
    smallExponential(environment);
    return;
  }
  result.copy(left);
  if (left.kind === Kind.Finite) {
    environment.raise(FloatException.Precision);
    if (left.sign !== 0 && isPowerOfTwo(left) && left.exponent === 0) result.exponent = -1;
  } else if (left.kind === Kind.Infinity && left.sign !== 0) {
    result.setFinite(1, 0, 0x8000_0000 | 0, 0);
  }
}

function smallExponential(environment: Environment): void {
  const { left } = environment;
  if (left.exponent <= tinyExponent) {
    deliver(environment, left.sign, significand(left) * ln2, fractionBits + 63 - left.exponent);
    return;
  }
  const power = multiply(toFixed(left), ln2);
  const value = exponentialMinusOne(left.sign === 0 ? power : -power);
  deliver(environment, left.sign, left.sign === 0 ? value : -value, fractionBits);
}

const isPowerOfTwo = ({ hi, lo }: Unpacked): boolean => ((hi << 1) | lo) === 0;

/** FYL2X: result = left × log₂ right (SDM vol. 2, FYL2X, table 3-59). */
export function logarithm(environment: Environment): void {
  const { left: y, right: x, result } = environment;
  const negative = x.sign !== 0 && x.kind !== Kind.Zero;
  const unity = x.kind === Kind.Finite && x.exponent === 0 && isPowerOfTwo(x);
  if (
    negative ||
    (y.kind === Kind.Zero && (x.kind === Kind.Zero || x.kind === Kind.Infinity)) ||
    (unity && y.kind === Kind.Infinity)
  ) {
    environment.invalid();
    return;
  }
  if (x.kind === Kind.Zero && y.kind === Kind.Finite) environment.raise(FloatException.ZeroDivide);
  else environment.noteDenormal(y.denormal || x.denormal);
  if (environment.blocked) return;
  const below = x.kind === Kind.Zero || (x.kind === Kind.Finite && x.exponent < 0) ? 1 : 0;
  if (x.kind !== Kind.Finite || y.kind === Kind.Infinity) result.setInfinity(y.sign ^ below);
  else if (unity || y.kind === Kind.Zero) result.setZero(y.sign ^ below);
  else {
    times(environment, y, binaryLogarithm(significand(x), x.exponent - 63));
  }
}

/** FYL2XP1: result = left × log₂(right + 1). For right ≤ -1, out of its range, that comes back (as on AMD). */
export function logarithmOfSuccessor(environment: Environment): void {
  const { left: y, right: x, result } = environment;
  if (
    (x.kind === Kind.Infinity && (x.sign !== 0 || y.kind === Kind.Zero)) ||
    (x.kind === Kind.Zero && y.kind === Kind.Infinity)
  ) {
    environment.invalid();
    return;
  }
  environment.noteDenormal(y.denormal || x.denormal);
  if (environment.blocked) return;
  const sign = y.sign ^ x.sign;
  if (x.kind === Kind.Infinity || y.kind === Kind.Infinity) result.setInfinity(sign);
  else if (x.kind === Kind.Zero || y.kind === Kind.Zero) result.setZero(sign);
  else if (x.sign !== 0 && x.exponent >= 0) {
    result.copy(x);
    environment.raise(FloatException.Precision);
  } else if (x.exponent <= tinyExponent) {
    deliver(environment, sign, significand(y) * significand(x) * log2E, fractionBits + 126 - y.exponent - x.exponent);
  } else times(environment, y, binaryLogarithmOfSuccessor(x));
}

function binaryLogarithmOfSuccessor(x: Unpacked): bigint {
  if (x.exponent > fractionBits) return binaryLogarithm(significand(x), x.exponent - 63);
  const excess = toFixed(x);
  if (x.exponent < -2) return multiply(logarithmPlusOne(x.sign === 0 ? excess : -excess), log2E);
  return binaryLogarithm(x.sign === 0 ? one + excess : one - excess, -fractionBits);
}

/** log₂ of value × 2^exponent, by its distance from the nearest power of two. */
function binaryLogarithm(value: bigint, exponent: number): bigint {
  const length = bitLength(value);
  const surplus = length - 1 - fractionBits;
  let whole = exponent + length - 1;
  let excess = (surplus >= 0 ? value >> BigInt(surplus) : value << BigInt(-surplus)) - one;
  if (excess * 10n > 4n * one) {
    excess = (excess - one) / 2n;
    whole++;
  }
  return BigInt(whole) * one + multiply(logarithmPlusOne(excess), log2E);
}

/** result = factor × value, value signed. Precision counts as lost even where this happens to be exact. */
function times(environment: Environment, factor: Unpacked, value: bigint): void {
  const magnitude = value < 0n ? -value : value;
  const sign = factor.sign ^ (value < 0n ? 1 : 0);
  deliver(environment, sign, significand(factor) * magnitude, fractionBits + 63 - factor.exponent);
  const denormal = environment.result.kind === Kind.Finite && environment.result.hi >= 0;
  environment.raise(denormal ? FloatException.Precision | FloatException.Underflow : FloatException.Precision);
}
