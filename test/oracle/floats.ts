/** Floating-point bit patterns worth trying: zeros, denormals, infinities, NaNs of both kinds, edges of the integers, and plain numbers. */
import type { Random } from './random.ts';

interface Format {
  readonly exponentBits: number;
  /** Fraction without the integer bit. */
  readonly fractionBits: number;
}

const single: Format = { exponentBits: 8, fractionBits: 23 };
const double: Format = { exponentBits: 11, fractionBits: 52 };
const extended: Format = { exponentBits: 15, fractionBits: 63 };

/** Sign, biased exponent and fraction of a random number in any format. */
const parts = (
  random: Random,
  { exponentBits, fractionBits }: Format,
): { sign: bigint; exponent: number; fraction: bigint } => {
  const sign = BigInt(random.below(2));
  const top = (1 << exponentBits) - 1;
  const bias = top >> 1;
  const quiet = 1n << BigInt(fractionBits - 1);
  const noise = random.bits(fractionBits);
  const kind = random.below(40);
  if (kind < 3) return { sign, exponent: 0, fraction: 0n };
  if (kind < 5) return { sign, exponent: 0, fraction: noise >> BigInt(random.below(fractionBits)) };
  if (kind < 7) return { sign, exponent: top, fraction: 0n };
  if (kind < 9) return { sign, exponent: top, fraction: noise | quiet };
  if (kind < 10) return { sign, exponent: top, fraction: (noise & ~quiet) | 1n };
  if (kind < 11) return { sign: 1n, exponent: top, fraction: quiet };
  if (kind < 12)
    return { sign, exponent: top - 1, fraction: (1n << BigInt(fractionBits)) - 1n - BigInt(random.below(2)) };
  if (kind < 13) return { sign, exponent: 1, fraction: random.chance(0.5) ? 0n : noise };
  if (kind < 15) return { sign, exponent: random.below(top), fraction: noise };
  if (kind < 17) return { sign, exponent: bias, fraction: 0n };
  // Near a power of two where an integer type ends: 2^7 … 2^64.
  if (kind < 21) {
    const power = random.pick([7, 8, 15, 16, 31, 32, 63, 64]);
    const fraction = random.chance(0.4)
      ? 0n
      : random.chance(0.5)
        ? (1n << BigInt(fractionBits)) - 1n
        : noise >> BigInt(random.below(fractionBits));
    return { sign, exponent: bias + power - random.below(2), fraction };
  }
  // Integers and halves.
  if (kind < 27) {
    const power = random.below(12);
    const kept = BigInt(Math.max(fractionBits - power - random.below(2), 0));
    return { sign, exponent: bias + power, fraction: (noise >> kept) << kept };
  }
  return {
    sign,
    exponent: bias + random.between(-6, 6),
    fraction: random.chance(0.5) ? noise : (noise >> BigInt(fractionBits - 20)) << BigInt(fractionBits - 20),
  };
};

const packed = (random: Random, format: Format): bigint => {
  const { sign, exponent, fraction } = parts(random, format);
  return (((sign << BigInt(format.exponentBits)) | BigInt(exponent)) << BigInt(format.fractionBits)) | fraction;
};

export const randomSingle = (random: Random): bigint => packed(random, single);
export const randomDouble = (random: Random): bigint => packed(random, double);

/** Eighty bits; seldom one of the forms that the 387 and later refuse (integer bit clear under a non-zero exponent). */
export const randomExtended = (random: Random): bigint => {
  const { sign, exponent, fraction } = parts(random, extended);
  const integerBit = exponent === 0 ? BigInt(random.chance(0.2)) : BigInt(!random.chance(0.02));
  return (((sign << 15n) | BigInt(exponent)) << 64n) | (integerBit << 63n) | fraction;
};

/** A number with magnitude below `2^(limit+1)`, neither zero nor special. */
export const ordinaryExtended = (random: Random, lowest: number, limit: number): bigint =>
  (((BigInt(random.below(2)) << 15n) | BigInt(0x3fff + random.between(lowest, limit))) << 64n) |
  (1n << 63n) |
  random.bits(63);

/** An approximation, for judging in which range an operand lies. */
export const approximate = (value: bigint): number => {
  const exponent = Number((value >> 64n) & 0x7fffn) - 0x3fff;
  const magnitude = (Number(value & 0xffff_ffff_ffff_ffffn) / 2 ** 63) * 2 ** Math.max(-1000, Math.min(1000, exponent));
  return value >> 79n ? -magnitude : magnitude;
};
