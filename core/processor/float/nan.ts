import { type Environment, FloatException } from './environment.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** The rules for NaN operands (SDM vol. 1, table 4-7). Each returns whether `result` is thereby decided. */

export function propagateOne(environment: Environment): boolean {
  const { left, result } = environment;
  if (left.kind === Kind.Unsupported) {
    environment.invalid();
    return true;
  }
  if (!left.isNaN) return false;
  if (left.kind === Kind.SignalingNaN) environment.raise(FloatException.Invalid);
  result.copy(left);
  result.quieten();
  return true;
}

/** SSE: the first operand if it is a NaN, else the second. */
export function propagateFirst(environment: Environment): boolean {
  const { left, right } = environment;
  if (!left.isNaN && !right.isNaN) return false;
  return take(environment, left.isNaN ? left : right);
}

/** x87: a quiet NaN before a signalling one, else the larger significand, else the positive one. */
export function propagateLarger(environment: Environment): boolean {
  const { left, right } = environment;
  if (left.kind === Kind.Unsupported || right.kind === Kind.Unsupported) {
    environment.invalid();
    return true;
  }
  if (!left.isNaN) return right.isNaN && take(environment, right);
  if (!right.isNaN) return take(environment, left);
  if (left.kind !== right.kind) return take(environment, left.kind === Kind.QuietNaN ? left : right);
  const order = left.compareSignificand(right);
  return take(environment, order > 0 || (order === 0 && left.sign === 0) ? left : right);
}

function take(environment: Environment, from: Unpacked): boolean {
  const { left, right, result } = environment;
  if (left.kind === Kind.SignalingNaN || right.kind === Kind.SignalingNaN) environment.raise(FloatException.Invalid);
  result.copy(from);
  result.quieten();
  return true;
}
