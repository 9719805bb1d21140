/** Seeded random numbers (splitmix32) and the values on which arithmetic goes wrong. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An unsigned 32-bit number. */
  word(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let z = this.#state ^ (this.#state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  /** 0 … limit − 1. */
  below(limit: number): number {
    return Math.floor((this.word() / 0x1_0000_0000) * limit);
  }

  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.word() < probability * 0x1_0000_0000;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  bits(width: number): bigint {
    let value = 0n;
    for (let done = 0; done < width; done += 32) value = (value << 32n) | BigInt(this.word());
    return BigInt.asUintN(width, value);
  }

  /** An integer of `width` bits: often a boundary, often small, often anything. */
  integer(width: number): bigint {
    const kind = this.below(10);
    if (kind < 3) return boundary(this, width);
    if (kind < 5) return BigInt.asUintN(width, BigInt(this.between(-130, 260)));
    if (kind < 6) return BigInt.asUintN(width, boundary(this, width) + BigInt(this.between(-2, 2)));
    if (kind < 7) return this.bits(width) >> BigInt(this.below(width));
    return this.bits(width);
  }
}

const boundary = (random: Random, width: number): bigint => {
  const sign = 1n << BigInt(width - 1);
  const all = (sign << 1n) - 1n;
  switch (random.below(7)) {
    case 0:
      return 0n;
    case 1:
      return 1n;
    case 2:
      return all;
    case 3:
      return sign;
    case 4:
      return sign - 1n;
    case 5:
      return 1n << BigInt(random.below(width));
    default:
      return BigInt.asUintN(
        width,
        BigInt(random.pick([0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0x7fffffff, 0x80000000])),
      );
  }
};

export const littleEndian = (value: bigint, bytes: number): Uint8Array => {
  const out = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) out[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return out;
};
