import { type Environment, FloatException } from './environment.ts';
import { roundsUp } from './rounding.ts';

const { Denormal, Invalid, Overflow, Precision, Underflow } = FloatException;

/** binary16, which exists in memory only: from and to binary32 (SDM vol. 2, VCVTPH2PS and VCVTPS2PH). FTZ does not matter to either, DAZ not to halves. */
export function halfToSingle(environment: Environment, half: number): number {
  environment.begin();
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) {
    if (fraction !== 0 && (fraction & 0x200) === 0) environment.raise(Invalid);
    return sign | 0x7f80_0000 | (fraction << 13) | (fraction === 0 ? 0 : 0x40_0000);
  }
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

export function singleToHalf(environment: Environment, single: number, mode: number): number {
  environment.begin();
  const sign = (single >>> 16) & 0x8000;
  const exponent = (single >>> 23) & 0xff;
  const fraction = single & 0x7f_ffff;
  if (exponent === 0xff) {
    if (fraction !== 0 && (fraction & 0x40_0000) === 0) environment.raise(Invalid);
    return sign | 0x7c00 | (fraction >> 13) | (fraction === 0 ? 0 : 0x200);
  }
  if (exponent === 0) {
    if (fraction === 0 || environment.daz) return sign;
    environment.raise(Denormal);
    if (environment.blocked) return sign;
  }
  const significand = exponent === 0 ? fraction : fraction | 0x80_0000;
  const power = Math.max(exponent, 1) - 112;
  // Of a tiny result fewer bits are kept.
  const lost = power > 0 ? 13 : Math.min(14 - power, 31);
  const { value, exact } = rounded(significand, lost, mode, sign);
  const result = power > 0 ? value + ((power - 1) << 10) : value;
  if (result >= 0x7c00) return overflow(environment, sign, mode);
  if (power <= 0) noteTiny(environment, significand, power, mode, sign, exact);
  if (!exact) environment.raise(Precision);
  return sign | result;
}

function rounded(significand: number, lost: number, mode: number, sign: number): { value: number; exact: boolean } {
  const kept = lost > 30 ? 0 : significand >> lost;
  const half = lost > 30 ? 0 : (significand >> (lost - 1)) & 1;
  const rest = lost > 30 ? significand : significand & ((1 << (lost - 1)) - 1);
  const up = roundsUp(mode, sign, (kept & 1) !== 0, half !== 0, rest !== 0);
  return { value: kept + (up ? 1 : 0), exact: half === 0 && rest === 0 };
}

/** Tininess is detected after rounding to the usual precision; masked, it only counts where something was lost. */
function noteTiny(
  environment: Environment,
  significand: number,
  power: number,
  mode: number,
  sign: number,
  exact: boolean,
): void {
  const nearly = power === 0 && rounded(significand, 13, mode, sign).value > 0x7ff;
  if (nearly) return;
  if (!exact || (environment.masks & Underflow) === 0) environment.raise(Underflow);
}

function overflow(environment: Environment, sign: number, mode: number): number {
  environment.raise(Overflow | Precision);
  return sign | (roundsUp(mode, sign, true, true, true) ? 0x7c00 : 0x7bff);
}
