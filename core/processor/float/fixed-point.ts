import type { Environment } from './environment.ts';
import { extended } from './format.ts';
import { round } from './rounding.ts';
import type { Unpacked } from './unpacked.ts';

/** Binary fixed point with 256 fraction bits: where the transcendental functions are computed. */
export const fractionBits = 256;
export const one = 1n << 256n;
const wide = 256n;

/** π, ln 2 and log₂ e, truncated. */
export const pi = 0x3_243f_6a88_85a3_08d3_1319_8a2e_0370_7344_a409_3822_299f_31d0_082e_fa98_ec4e_6c89n;
export const ln2 = 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af_40f3_4326_7298_b62d_8a0d_175b_8baa_fa2bn;
export const log2E = 0x1_7154_7652_b82f_e177_7d0f_fda0_d23a_7d11_d6ae_f551_bad2_b4b1_164a_2cd9_a342_648fn;

/** The significand as an integer: the value is that × 2^(exponent - 63). */
export const significand = ({ hi, lo }: Unpacked): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

/** |value|; below 2^-193 bits are lost. */
export function toFixed(value: Unpacked): bigint {
  const shift = value.exponent - 63 + fractionBits;
  return shift >= 0 ? significand(value) << BigInt(shift) : significand(value) >> BigInt(-shift);
}

export const multiply = (left: bigint, right: bigint): bigint => (left * right) >> wide;
export const divide = (left: bigint, right: bigint): bigint => (left << wide) / right;

export function bitLength(value: bigint): number {
  const digits = value.toString(16);
  return digits.length * 4 + 28 - Math.clz32(Number.parseInt(digits[0], 16));
}

/**
 * Rounds value × 2^-shift, value > 0, to the x87 result. It is taken for a little less than the true value, unless all
 * bits beyond the 96 that rounding looks at are zero.
 */
export function deliver(environment: Environment, sign: number, value: bigint, shift: number): void {
  const { result } = environment;
  const length = bitLength(value);
  const surplus = length - 96;
  const top = surplus >= 0 ? value >> BigInt(surplus) : value << BigInt(-surplus);
  const lost = surplus > 0 && top << BigInt(surplus) !== value;
  const low = Number(top & 0xffff_ffffn);
  result.setFinite(sign, length - 1 - shift, Number(top >> 64n) | 0, Number((top >> 32n) & 0xffff_ffffn) | 0);
  result.extra = low | (lost ? 1 : 0);
  round(environment, extended);
}

/** sin r and cos r for |r| < 1, by their Taylor series. */
export function sineOf(angle: bigint): bigint {
  return alternating(angle, multiply(angle, angle), 1n);
}

export function cosineOf(angle: bigint): bigint {
  return alternating(one, multiply(angle, angle), 0n);
}

/** first - first·square/((n+1)(n+2)) + … */
function alternating(first: bigint, square: bigint, from: bigint): bigint {
  let sum = 0n;
  let term = first;
  for (let n = from; term !== 0n && term !== -1n; n += 2n) {
    sum += term;
    term = -multiply(term, square) / ((n + 1n) * (n + 2n));
  }
  return sum;
}

/** e^x - 1 for |x| < 1. */
export function exponentialMinusOne(exponent: bigint): bigint {
  let sum = 0n;
  let term = exponent;
  for (let n = 2n; term !== 0n && term !== -1n; n++) {
    sum += term;
    term = multiply(term, exponent) / n;
  }
  return sum;
}

/** ln(1 + x) = 2 artanh(x / (2 + x)) for x about -½ … 1. */
export function logarithmPlusOne(excess: bigint): bigint {
  const z = divide(excess, 2n * one + excess);
  const square = multiply(z, z);
  let sum = 0n;
  let power = z;
  for (let n = 1n; power !== 0n && power !== -1n; n += 2n) {
    sum += power / n;
    power = multiply(power, square);
  }
  return 2n * sum;
}

/** arctan of 0 … 1: a double's arctangent, then the small angle that is missing. */
export function arctangentOf(tangent: bigint): bigint {
  const estimate = Math.atan(Number(tangent >> 203n) / 2 ** 53);
  const angle = BigInt(Math.floor(estimate * 2 ** 53)) << 203n;
  const sine = sineOf(angle);
  const cosine = cosineOf(angle);
  const rest = divide(multiply(tangent, cosine) - sine, cosine + multiply(tangent, sine));
  const square = multiply(rest, rest);
  const cube = multiply(rest, square);
  return angle + rest - cube / 3n + multiply(cube, square) / 5n;
}
