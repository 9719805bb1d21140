/**
 * x87 arithmetic where its results turn: ties, carries and cancellations, the ends of the exponent ranges, under every rounding and
 * precision control. What `float.ts` draws seldom, since there operands are independent of each other.
 */
import { fxOffsets } from '../machine.ts';
import { littleEndian, type Random } from '../random.ts';
import type { FlagUse, Snippet, Template } from '../snippet.ts';
import { all } from './flags.ts';

const c1 = 0x200;
const codes = 0x4700;
const rounding: FlagUse = { undefined: codes & ~c1, writes: c1 };
const comparison: FlagUse = { writes: codes };
const bias = 0x3fff;
const one = 1n << 63n;

/** Sign, exponent and significand to eighty bits. */
const extended = (sign: number, exponent: number, significand: bigint): bigint =>
  (BigInt((sign << 15) | (exponent & 0x7fff)) << 64n) | BigInt.asUintN(64, significand);

/** With a tie, or next to one, beyond bit n. */
const nearTie = (random: Random): bigint => {
  const bits = BigInt(random.pick([11, 40, random.between(1, 62)]));
  const kept = ((one | random.bits(63)) >> bits) << bits;
  return kept | ((1n << (bits - 1n)) + BigInt(random.between(-1, 1)));
};

const significand = (random: Random): bigint => {
  const kind = random.below(12);
  if (kind === 0) return one;
  if (kind === 1) return BigInt.asUintN(64, -1n);
  if (kind === 2) return one | 1n;
  if (kind === 3) return BigInt.asUintN(64, -1n << BigInt(random.pick([10, 11, 39, 40, 63])));
  if (kind < 7) return nearTie(random);
  if (kind < 9) return one | (random.bits(32) << 31n);
  return one | random.bits(63);
};

const middle = (random: Random): number => bias + random.between(-40, 40);
const sign = (random: Random): number => random.below(2);

type Pair = (random: Random) => readonly [bigint, bigint];

const seldomSpecial = (random: Random, value: bigint): bigint => {
  const kind = random.below(60);
  if (kind < 4) return extended(sign(random), 0, 0n);
  if (kind === 4) return extended(sign(random), 0, random.chance(0.5) ? one : random.bits(63));
  if (kind === 5) return extended(sign(random), 0x7fff, random.chance(0.5) ? one : one | random.bits(63));
  return kind === 6 ? value & ~one : value;
};

/** Alignments of every distance, what almost cancels, ends of the range. */
const summands: Pair = random => {
  const exponent = random.chance(0.8) ? middle(random) : random.pick([1, 2, 64, 66, 0x7ffd, 0x7ffe]);
  const first = significand(random);
  const distance = random.pick([
    0,
    0,
    1,
    1,
    2,
    3,
    23,
    24,
    25,
    52,
    53,
    62,
    63,
    64,
    65,
    66,
    126,
    127,
    128,
    130,
    random.below(80),
  ]);
  const second = random.chance(0.4) ? first + BigInt(random.between(-2, 2)) : significand(random);
  const whole = second >> 63n === 1n ? second : one;
  return [extended(sign(random), exponent, first), extended(sign(random), Math.max(exponent - distance, 1), whole)];
};

/** Exponents that add up to the ends of the range, or do not come near it. */
const factors: Pair = random => {
  const exponent = random.chance(0.7) ? middle(random) : random.between(1, 0x7ffe);
  const sum = random.chance(0.6)
    ? bias * 2 + random.between(-9, 9)
    : bias + random.pick([-1, 0, 1, 2, 0x7ffc, 0x7ffd, 0x7ffe, 0x7fff]);
  const other = Math.min(Math.max(sum - exponent, 1), 0x7ffe);
  return [extended(sign(random), exponent, significand(random)), extended(sign(random), other, significand(random))];
};

/** Some quotients are exact, some almost. */
const dividends: Pair = random => {
  const [left, right] = factors(random);
  const exponent = bias * 2 - Number((right >> 64n) & 0x7fffn);
  const divisor = extended(Number(right >> 79n), Math.min(Math.max(exponent, 1), 0x7ffe), right);
  if (random.chance(0.7)) return [left, divisor];
  const small = one | (random.bits(20) << 43n);
  const product = (small >> 43n) * ((divisor & (2n ** 64n - 1n)) >> 32n);
  const shift = BigInt(64 - product.toString(2).length);
  return [extended(sign(random), middle(random), product << shift), divisor];
};

const ordered: Pair = random => {
  const value = extended(sign(random), random.between(1, 0x7ffe), significand(random));
  const kind = random.below(4);
  if (kind === 0) return [value, value];
  if (kind === 1) return [value, value ^ (1n << 79n)];
  if (kind === 2) return [value, value ^ (1n << BigInt(random.below(16) + 64))];
  return [value, value ^ (1n << BigInt(random.below(63)))];
};

/** Squares and their neighbours. */
const radicand = (random: Random): bigint => {
  const exponent = random.chance(0.8) ? middle(random) : random.between(1, 0x7ffe);
  const root = (one | random.bits(63)) >> 32n;
  const square = root * root + BigInt(random.between(-1, 1));
  const shift = BigInt(64 - square.toString(2).length);
  return extended(random.chance(0.95) ? 0 : 1, exponent, random.chance(0.5) ? square << shift : significand(random));
};

/** Around where doubles and singles begin and end. */
const narrowed = (random: Random): bigint => {
  const limits = [bias - 126, bias + 127, bias - 1022, bias + 1023, bias, bias];
  return extended(sign(random), random.pick(limits) + random.between(-2, 2), significand(random));
};

/** Around the powers where integers end, and around one half. */
const integral = (random: Random): bigint => {
  const power = random.pick([-2, -1, 0, 1, 14, 15, 16, 30, 31, 32, 61, 62, 63, 64, random.below(64)]);
  const bits = BigInt(Math.min(Math.max(63 - power, 0), 62));
  const whole = (significand(random) >> bits) << bits;
  const half = bits === 0n ? 0n : 1n << (bits - 1n);
  const fraction = random.pick([0n, half, half + 1n, half - 1n, 2n * half - 1n, 1n]);
  return extended(sign(random), bias + power, fraction < 0n || bits === 0n ? whole : whole | fraction);
};

const choose = (s: Snippet, values: readonly bigint[]): void => {
  const { random } = s;
  s.fxChosen = true;
  const masks = random.chance(0.7) ? 0x3f : random.chance(0.6) ? 0x1f : random.below(64);
  const precision = random.pick([3, 3, 2, 0]);
  s.setControlWord(0x40 | (random.below(4) << 10) | (precision << 8) | masks);
  const top = random.below(8);
  s.setStatusWord((random.word() & codes) | (top << 11) | (random.chance(0.3) ? random.word() & masks : 0));
  let tags = 0;
  values.forEach((value, i) => {
    if (random.chance(0.02)) return;
    tags |= 1 << ((top + i) & 7);
    s.setFx(fxOffsets.st + i * 16, littleEndian(seldomSpecial(random, value), 10));
  });
  if (random.chance(0.02)) tags |= 1 << ((top - 1) & 7);
  s.setFx(fxOffsets.ftw, Uint8Array.of(tags));
};

const emit = (s: Snippet, line: string, use: FlagUse, flags: FlagUse = {}): void => {
  s.status(use);
  s.emit(line, flags);
};

const arithmetic = (name: string, pair: Pair): Template => ({
  name,
  share: 6,
  make(s) {
    if (s.fxChosen) return;
    const { random } = s;
    const [left, right] = pair(random);
    choose(s, [left, right]);
    if (random.chance(0.3)) {
      const format = random.chance(0.5)
        ? { bytes: 8, largest: 0x7ff, bits: 52 }
        : { bytes: 4, largest: 0xff, bits: 23 };
      const exponent = random.chance(0.8)
        ? (format.largest >> 1) + random.between(-30, 30)
        : random.pick([0, 1, format.largest]);
      const fraction = (right & (one - 1n)) >> BigInt(63 - format.bits);
      const value = (BigInt((sign(random) * (format.largest + 1)) | exponent) << BigInt(format.bits)) | fraction;
      emit(s, `f${name} ${s.memory(format.bytes, { value: littleEndian(value, format.bytes) })}`, rounding);
    } else emit(s, `f${name}${random.pick([' st, st(1)', ' st(1), st', 'p st(1), st'])}`, rounding);
  },
});

const single = (
  name: string,
  share: number,
  value: (random: Random) => bigint,
  text: (s: Snippet) => string,
): Template => ({
  name,
  share,
  make(s) {
    if (s.fxChosen) return;
    choose(s, [value(s.random)]);
    emit(s, text(s), rounding);
  },
});

const compare = (name: string): Template => ({
  name,
  share: 1.5,
  make(s) {
    if (s.fxChosen) return;
    choose(s, ordered(s.random));
    if (name.includes('comi')) emit(s, `${name} st, st(1)`, { writes: c1 }, { writes: all });
    else emit(s, name.endsWith('pp') ? name : `${name} st(1)`, comparison);
  },
});

const stores = (name: string, sizes: readonly number[], value: (random: Random) => bigint): Template =>
  single(name, sizes.length * 2, value, s => `${name} ${s.memory(s.random.pick(sizes), { safe: true })}`);

export const templates: Template[] = [
  arithmetic('add', summands),
  arithmetic('sub', summands),
  arithmetic('subr', summands),
  arithmetic('mul', factors),
  arithmetic('div', dividends),
  arithmetic('divr', dividends),
  single('fsqrt', 6, radicand, () => 'fsqrt'),
  single('frndint', 5, integral, () => 'frndint'),
  stores('fst', [4, 8], narrowed),
  stores('fstp', [4, 8], narrowed),
  stores('fist', [2, 4], integral),
  stores('fistp', [2, 4, 8], integral),
  stores('fisttp', [2, 4, 8], integral),
  ...['fcom', 'fcompp', 'fucomp', 'fcomi', 'fucomip'].map(compare),
];
