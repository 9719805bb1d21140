import { type Environment, FloatException } from './environment.ts';
import { extended } from './format.ts';
import { fromInteger } from './integer.ts';
import { round } from './rounding.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** Beyond any sum of exponents, wrapped ones included. */
const enormous = 0x2_0000;

/** FSCALE: result = left × 2^trunc(right), neither a NaN (SDM vol. 2, FSCALE, table 3-30). */
export function scale(environment: Environment): void {
  const { left, right, result } = environment;
  if (right.kind === Kind.Infinity && left.kind === (right.sign === 0 ? Kind.Zero : Kind.Infinity)) {
    environment.invalid();
    return;
  }
  environment.noteDenormal(left.denormal || right.denormal);
  if (environment.blocked) return;
  result.copy(left);
  if (left.kind !== Kind.Finite) return;
  if (right.kind === Kind.Infinity) {
    if (right.sign === 0) result.setInfinity(left.sign);
    else result.setZero(left.sign);
    return;
  }
  result.exponent += truncated(right);
  round(environment, extended);
}

function truncated(value: Unpacked): number {
  if (value.kind === Kind.Zero || value.exponent < 0) return 0;
  const magnitude = value.exponent > 16 ? enormous : (value.hi >>> 0) >>> (31 - value.exponent);
  return value.sign === 0 ? magnitude : -magnitude;
}

/** FXTRACT of left, not a NaN: the exponent as a number into `result`, the significand stays in `left`. */
export function extract(environment: Environment): void {
  const { left, result } = environment;
  if (left.kind === Kind.Infinity) {
    result.setInfinity(0);
    return;
  }
  if (left.kind === Kind.Zero) {
    environment.raise(FloatException.ZeroDivide);
    result.setInfinity(1);
    return;
  }
  environment.noteDenormal(left.denormal);
  fromInteger(result, left.exponent, left.exponent >> 31);
  left.exponent = 0;
}
