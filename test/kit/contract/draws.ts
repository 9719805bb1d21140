/** Values by chance, the same for the same seed. */
import { random } from './random.ts';

export interface Draws {
  word64(): bigint;
  word32(): bigint;
  /** An address of 48 bits, sign-extended. */
  canonical(): bigint;
  below(limit: number): number;
  pick<T>(from: readonly T[]): T;
}

export function draws(seed: number): Draws {
  const next = random(seed * 7919);
  const word32 = (): bigint => BigInt(next());
  const word64 = (): bigint => (word32() << 32n) | word32();
  const below = (limit: number): number => next() % limit;
  /** All ones and zero come more often than by chance: they are where mistakes are. */
  const edged = (word: () => bigint, ones: bigint) => (): bigint => {
    const kind = below(16);
    return kind === 0 ? 0n : kind === 1 ? ones : word();
  };
  return {
    word64: edged(word64, 2n ** 64n - 1n),
    word32: edged(word32, 2n ** 32n - 1n),
    canonical: edged(() => BigInt.asUintN(64, BigInt.asIntN(48, word64())), 2n ** 64n - 1n),
    below,
    pick: from => from[below(from.length)],
  };
}
