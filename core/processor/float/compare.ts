import { type Environment, FloatException } from './environment.ts';
import { Kind } from './unpacked.ts';

/**
 * How two operands relate, as the ZF, PF and CF bits that COMISS and FCOMI leave in EFLAGS.
 * Shifted left by eight, these are C3, C2 and C0 of the x87 status word.
 */
export const Relation = { Greater: 0x00, Less: 0x01, Equal: 0x40, Unordered: 0x45 } as const;

/** Compares left with right. A quiet NaN is an invalid operand only where `signals`. */
export function compare(environment: Environment, signals: boolean): number {
  const { left, right } = environment;
  if (left.kind >= Kind.QuietNaN || right.kind >= Kind.QuietNaN) {
    const invalid = signals || left.kind >= Kind.SignalingNaN || right.kind >= Kind.SignalingNaN;
    if (invalid) environment.raise(FloatException.Invalid);
    return Relation.Unordered;
  }
  environment.noteDenormal(left.denormal || right.denormal);
  const leftRank = rank(left.kind, left.sign);
  const rightRank = rank(right.kind, right.sign);
  if (leftRank !== rightRank) return leftRank < rightRank ? Relation.Less : Relation.Greater;
  if (left.kind !== Kind.Finite) return Relation.Equal;
  const order = left.compareMagnitude(right);
  if (order === 0) return Relation.Equal;
  return order < 0 === (left.sign === 0) ? Relation.Less : Relation.Greater;
}

/** -2 … 2: negative infinity, negative, zero, positive, positive infinity. */
function rank(kind: number, sign: number): number {
  return sign === 0 ? kind : -kind;
}
