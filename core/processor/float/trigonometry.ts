import { type Environment, RoundingMode } from './environment.ts';
import { cosineOf, deliver, divide, fractionBits, one, significand, sineOf, toFixed } from './fixed-point.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** Half of the π with 66 significant bits that the hardware reduces by (SDM vol. 1, 8.3.8). */
const halfPi = 0x3_243f_6a88_85a3_08d3n << 191n;

/** At or below, the function's first Taylor term and a hint of the second are all that shows. */
const tinyExponent = -70;

/**
 * Below, an Intel processor's results are the angle itself, for a cosine one: inexact, whatever the rounding (a Xeon, family 6, model 207). An
 * AMD one's are rounded as they should be.
 */
const copiedExponent = -68;
const isCopied = ({ copiesTiny, left }: Environment): boolean => copiesTiny && left.exponent < copiedExponent;

/** Angles from 2^63 on are not reduced at all: C2. */
export const outOfRange = (value: Unpacked): boolean => value.kind === Kind.Finite && value.exponent >= 63;

/** An angle between -π/4 and π/4, and how many quarter turns were taken off. */
interface Reduced {
  readonly quarter: number;
  readonly angle: bigint;
}

function reduce(value: Unpacked): Reduced {
  const whole = toFixed(value);
  const quarters = (whole + halfPi / 2n) / halfPi;
  return { quarter: Number(quarters & 3n), angle: whole - quarters * halfPi };
}

const signed = (environment: Environment, sign: number, value: bigint): void =>
  value < 0n ? deliver(environment, sign ^ 1, -value, fractionBits) : deliver(environment, sign, value, fractionBits);

/** result = sin left, finite or zero and in range. */
export function sine(environment: Environment): void {
  const { left, result } = environment;
  if (left.kind === Kind.Zero) result.setZero(left.sign);
  else if (isCopied(environment)) copied(environment);
  else if (left.exponent <= tinyExponent) nearly(environment, -1n);
  else {
    const { quarter, angle } = reduce(left);
    const value = (quarter & 1) === 0 ? sineOf(angle) : cosineOf(angle);
    signed(environment, left.sign ^ (quarter >> 1), value);
  }
}

export function cosine(environment: Environment): void {
  const { left, result } = environment;
  if (left.kind === Kind.Zero) result.setFinite(0, 0, 0x8000_0000 | 0, 0);
  else if (isCopied(environment)) toNearest(environment, () => deliver(environment, 0, one + 1n, fractionBits));
  else if (left.exponent <= tinyExponent) deliver(environment, 0, one - 1n, fractionBits);
  else {
    const { quarter, angle } = reduce(left);
    const value = (quarter & 1) === 0 ? cosineOf(angle) : sineOf(angle);
    signed(environment, quarter === 1 || quarter === 2 ? 1 : 0, value);
  }
}

export function tangent(environment: Environment): void {
  const { left, result } = environment;
  if (left.kind === Kind.Zero) result.setZero(left.sign);
  else if (isCopied(environment)) copied(environment);
  else if (left.exponent <= tinyExponent) nearly(environment, 1n);
  else {
    const { quarter, angle } = reduce(left);
    const sineValue = sineOf(angle);
    const cosineValue = cosineOf(angle);
    signed(
      environment,
      left.sign,
      (quarter & 1) === 0 ? divide(sineValue, cosineValue) : -divide(cosineValue, sineValue),
    );
  }
}

/** A tiny left itself, a hair larger or smaller. */
function nearly(environment: Environment, difference: bigint): void {
  const { left } = environment;
  deliver(environment, left.sign, (significand(left) << 128n) + difference, 128 + 63 - left.exponent);
}

const copied = (environment: Environment): void => toNearest(environment, () => nearly(environment, 1n));

/** Whatever rounding is asked for. */
function toNearest(environment: Environment, compute: () => void): void {
  const { rounding } = environment;
  environment.rounding = RoundingMode.Nearest;
  compute();
  environment.rounding = rounding;
}
