/** The six arithmetic flags of the common results (SDM vol. 1, section 3.4.3.1). */
import type { FlagUpdate } from '../ir/effect.ts';
import { type FlagName, no, type Value } from '../ir/value.ts';
import type { Tracer } from './tracer.ts';

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

/** The six flags in their RFLAGS positions, 32 bits. */
export const arithmeticFlags = (cpu: Tracer): Value =>
  positions
    .map(([name, position]) => cpu.flag(name).zeroExtend(32).shl(position))
    .reduce((image, flag) => image.or(flag));

/** All six from an image of RFLAGS. */
export const flagsFromImage = (image: Value): Required<Record<FlagName, Value>> =>
  Object.fromEntries(positions.map(([name, position]) => [name, image.bit(position)])) as Record<FlagName, Value>;

const positions: readonly (readonly [FlagName, number])[] = [
  ['cf', 0],
  ['pf', 2],
  ['af', 4],
  ['zf', 6],
  ['sf', 7],
  ['of', 11],
];
