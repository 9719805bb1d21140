/** The six arithmetic flags of the common results (SDM vol. 1, section 3.4.3.1). */
import type { FlagUpdate } from '../ir/effect.ts';
import { no, type Value } from '../ir/value.ts';

/** After `before + right (+ carry) = after`. */
export const flagsOfSum = (before: Value, right: Value, after: Value, carry?: Value): FlagUpdate => ({
  result: after,
  cf: carry ? before.and(right).or(before.or(right).and(after.not())).sign : after.ltU(before),
  af: before.xor(right).xor(after).bit(4),
  of: before.xor(after).and(right.xor(after)).sign,
});

/** After `before - right (- borrow) = after`. */
export const flagsOfDifference = (before: Value, right: Value, after: Value, borrow?: Value): FlagUpdate => ({
  result: after,
  cf: borrow ? before.not().and(right).or(before.xor(right).not().and(after)).sign : before.ltU(right),
  af: before.xor(right).xor(after).bit(4),
  of: before.xor(right).and(before.xor(after)).sign,
});

/** After AND, OR, XOR, TEST. AF is undefined; processors clear it. */
export const flagsOfLogic = (after: Value): FlagUpdate => ({ result: after, cf: no, af: no, of: no });
