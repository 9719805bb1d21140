/** Meaning of vector operations, on BigInts, lane by lane: what the evaluator and the tests hold WebAssembly's SIMD against. */

import type { Value } from '../ir/value.ts';
import type { VectorOperation } from '../ir/vector.ts';
import { floatBinary, floatCompare, floatConversions, floatUnary } from './evaluate-float.ts';

type Meaning = (inputs: readonly bigint[], operation: VectorOperation, value: Value) => bigint;

const signed = (value: bigint, width: number): bigint => BigInt.asIntN(width, value);
const minimum = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const maximum = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** Lanes from the lowest. */
export const split = (value: bigint, width: number, total = 128): bigint[] =>
  Array.from({ length: total / width }, (_, n) => BigInt.asUintN(width, value >> BigInt(n * width)));

export const join = (lanes: readonly bigint[], width: number): bigint =>
  lanes.reduce((sum, lane, n) => sum | (BigInt.asUintN(width, lane) << BigInt(n * width)), 0n);

const saturate = (value: bigint, width: number, isSigned: boolean): bigint => {
  const top = 1n << BigInt(isSigned ? width - 1 : width);
  return maximum(isSigned ? -top : 0n, minimum(top - 1n, value));
};

type LaneMeaning = (a: bigint, b: bigint, width: number) => bigint;
const truth = (condition: boolean): bigint => (condition ? -1n : 0n);
const bySign =
  (meaning: LaneMeaning): LaneMeaning =>
  (a, b, width) =>
    meaning(signed(a, width), signed(b, width), width);

const laneBinary: Readonly<Record<string, LaneMeaning>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  add_sat_s: bySign((a, b, width) => saturate(a + b, width, true)),
  add_sat_u: (a, b, width) => saturate(a + b, width, false),
  sub_sat_s: bySign((a, b, width) => saturate(a - b, width, true)),
  sub_sat_u: (a, b, width) => saturate(a - b, width, false),
  min_s: bySign(minimum),
  min_u: minimum,
  max_s: bySign(maximum),
  max_u: maximum,
  avgr_u: (a, b) => (a + b + 1n) >> 1n,
  eq: (a, b) => truth(a === b),
  ne: (a, b) => truth(a !== b),
  lt_s: bySign((a, b) => truth(a < b)),
  gt_s: bySign((a, b) => truth(a > b)),
  le_s: bySign((a, b) => truth(a <= b)),
  ge_s: bySign((a, b) => truth(a >= b)),
  lt_u: (a, b) => truth(a < b),
  gt_u: (a, b) => truth(a > b),
  le_u: (a, b) => truth(a <= b),
  ge_u: (a, b) => truth(a >= b),
};

/** The count is taken modulo the lane's width. */
const laneShift: Readonly<Record<string, LaneMeaning>> = {
  shl: (a, count) => a << count,
  shr_u: (a, count) => a >> count,
  shr_s: (a, count, width) => signed(a, width) >> count,
};

const narrow =
  (from: number, isSigned: boolean): Meaning =>
  ([a, b]) =>
    join(
      [...split(a!, from), ...split(b!, from)].map(lane => saturate(signed(lane, from), from / 2, isSigned)),
      from / 2,
    );

/** The lower or upper half of the lanes, twice as wide. */
const extended = Object.fromEntries(
  ([8, 16, 32] as const).flatMap(from =>
    ['low', 'high'].flatMap(half =>
      ['s', 'u'].map((sign): [string, Meaning] => [
        `i${from * 2}x${64 / from}.extend_${half}_i${from}x${128 / from}_${sign}`,
        ([a]) => {
          const lanes = split(a!, from).map(lane => (sign === 's' ? signed(lane, from) : lane));
          return join(half === 'high' ? lanes.slice(lanes.length / 2) : lanes.slice(0, lanes.length / 2), from * 2);
        },
      ]),
    ),
  ),
);

/** Products of the lower or upper half of the lanes, twice as wide. */
const extendedProducts =
  (from: number, high: boolean, isSigned: boolean): Meaning =>
  inputs => {
    const [left, right] = inputs.map(input => {
      const lanes = split(input, from).map(lane => (isSigned ? signed(lane, from) : lane));
      return high ? lanes.slice(lanes.length / 2) : lanes.slice(0, lanes.length / 2);
    });
    return join(
      left!.map((lane, n) => lane * right![n]),
      from * 2,
    );
  };

const pairs = (lanes: readonly bigint[]): bigint[] =>
  lanes.filter((_, n) => n % 2 === 0).map((lane, n) => lane + lanes[n * 2 + 1]);

/** By whole name: what is not done lane by lane. */
const whole: Readonly<Record<string, Meaning>> = {
  'v128.and': ([a, b]) => a! & b!,
  'v128.or': ([a, b]) => a! | b!,
  'v128.xor': ([a, b]) => a! ^ b!,
  'v128.not': ([a]) => ~a!,
  'v128.andnot': ([a, b]) => a! & ~b!,
  'v128.bitselect': ([a, b, mask]) => (a! & mask!) | (b! & ~mask!),
  'v128.any_true': ([a]) => (a! === 0n ? 0n : 1n),
  'i8x16.shuffle': ([a, b], { parameter }) => {
    const bytes = [...split(a!, 8), ...split(b!, 8)];
    return join(
      parameter!.map(index => bytes[index]),
      8,
    );
  },
  'i8x16.swizzle': ([a, indices]) => {
    const bytes = split(a!, 8);
    return join(
      split(indices!, 8).map(index => bytes[Number(index)] ?? 0n),
      8,
    );
  },
  'i8x16.narrow_i16x8_s': narrow(16, true),
  'i8x16.narrow_i16x8_u': narrow(16, false),
  'i16x8.narrow_i32x4_s': narrow(32, true),
  'i16x8.extadd_pairwise_i8x16_u': ([a]) => join(pairs(split(a!, 8)), 16),
  'i32x4.extadd_pairwise_i16x8_u': ([a]) => join(pairs(split(a!, 16)), 32),
  'i32x4.dot_i16x8_s': ([a, b]) => {
    const [left, right] = [split(a!, 16), split(b!, 16)];
    return join(pairs(left.map((lane, n) => signed(lane, 16) * signed(right[n], 16))), 32);
  },
  'i32x4.extmul_low_i16x8_s': extendedProducts(16, false, true),
  'i32x4.extmul_high_i16x8_s': extendedProducts(16, true, true),
  'i32x4.extmul_low_i16x8_u': extendedProducts(16, false, false),
  'i32x4.extmul_high_i16x8_u': extendedProducts(16, true, false),
  ...extended,
  ...floatConversions,
};

export function evaluateVector(value: Value, inputs: readonly bigint[]): bigint {
  const operation = value.detail as VectorOperation;
  const meaning = whole[operation.name];
  if (meaning) return meaning(inputs, operation, value);
  const [shape, what] = operation.name.split('.') as [string, string];
  const { lane } = operation;
  const [a, b] = inputs as [bigint, bigint];
  const total = shape.includes('x') ? 128 : lane;
  const isFloat = shape.startsWith('f');
  if (isFloat && floatCompare[what]) {
    const compare = floatCompare[what];
    if (total === lane) return compare(a, b, lane) ? 1n : 0n;
    const right = split(b, lane);
    return join(
      split(a, lane).map((each, n) => truth(compare(each, right[n], lane))),
      lane,
    );
  }
  if (isFloat && floatUnary[what])
    return join(
      split(a, lane, total).map(each => floatUnary[what](each, lane)),
      lane,
    );
  const binary = (isFloat ? floatBinary : laneBinary)[what];
  if (binary) {
    const right = split(b, lane, total);
    return join(
      split(a, lane, total).map((each, n) => binary(each, right[n], lane)),
      lane,
    );
  }
  const shift = laneShift[what];
  if (shift)
    return join(
      split(a, lane).map(each => shift(each, b % BigInt(lane), lane)),
      lane,
    );
  if (what === 'splat') return join(new Array(128 / lane).fill(a), lane);
  if (what === 'bitmask')
    return join(
      split(a, lane).map(each => each >> BigInt(lane - 1)),
      1,
    );
  if (what === 'all_true') return split(a, lane).every(each => each !== 0n) ? 1n : 0n;
  throw new Error(`vector operation ${operation.name} has no meaning`);
}
