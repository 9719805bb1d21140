import { type Environment, FloatException } from './environment.ts';
import { fromInteger, toInteger } from './integer.ts';
import type { Unpacked } from './unpacked.ts';

/** Packed decimal integers, eighteen digits and a sign (SDM vol. 1, 4.7): FBLD and FBSTP. */

const limit = 1_000_000_000_000_000_000n;

export function fromDecimal(value: Unpacked, lo: number, hi: number, top: number): void {
  let magnitude = 0n;
  for (let shift = 4; shift >= 0; shift -= 4) magnitude = magnitude * 10n + BigInt((top >>> shift) & 15);
  for (let shift = 28; shift >= 0; shift -= 4) magnitude = magnitude * 10n + BigInt((hi >>> shift) & 15);
  for (let shift = 28; shift >= 0; shift -= 4) magnitude = magnitude * 10n + BigInt((lo >>> shift) & 15);
  fromInteger(value, Number(magnitude & 0xffff_ffffn) | 0, Number(magnitude >> 32n));
  value.sign = (top >>> 15) & 1;
}

/** Rounds `value` (which it spoils); the digits go to environment.hi:lo, the topmost two and the sign are returned. */
export function toDecimal(environment: Environment, value: Unpacked): number {
  const { sign } = value;
  const { flags, rounding: mode } = environment;
  value.sign = 0;
  toInteger(environment, value, 64, sign === 0 || mode === 0 || mode === 3 ? mode : 3 - mode);
  const magnitude = (BigInt(environment.hi) << 32n) | BigInt(environment.lo >>> 0);
  if ((environment.raised & FloatException.Invalid) !== 0 || magnitude >= limit) {
    environment.flags = flags;
    return indefinite(environment);
  }
  let digits = 0n;
  let rest = magnitude;
  for (let shift = 0n; shift < 72n; shift += 4n) {
    digits |= (rest % 10n) << shift;
    rest /= 10n;
  }
  environment.lo = Number(digits & 0xffff_ffffn) | 0;
  environment.hi = Number((digits >> 32n) & 0xffff_ffffn) | 0;
  return Number(digits >> 64n) | (sign << 15);
}

function indefinite(environment: Environment): number {
  environment.raised = 0;
  environment.raise(FloatException.Invalid);
  environment.roundedUp = false;
  environment.lo = 0;
  environment.hi = 0xc000_0000 | 0;
  return 0xffff;
}
