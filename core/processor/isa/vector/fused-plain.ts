/**
 * FMA from plain additions and multiplications. Of singles, products are exact as doubles, and a sum that is rounded to odd survives a second rounding. Of
 * doubles: Boldo and Melquiond, Emulation of a FMA and correctly rounded sums (IEEE Transactions on Computers 57, 2008), with Dekker's product.
 */
import { constant, type Value, zero } from '../../ir/value.ts';
import { everywhere, shuffleLanes, simd } from '../../ir/vector.ts';

const add = (left: Value, right: Value): Value => simd('f64x2.add', left, right);
const subtract = (left: Value, right: Value): Value => simd('f64x2.sub', left, right);
const multiply = (left: Value, right: Value): Value => simd('f64x2.mul', left, right);
const and = (left: Value, right: Value): Value => simd('v128.and', left, right);

/** A rounded sum and what it lost (Knuth, TAOCP vol. 2, 4.2.2, theorem B). */
function sumOf(left: Value, right: Value): { sum: Value; lost: Value } {
  const sum = add(left, right);
  const virtual = subtract(sum, left);
  return { sum, lost: add(subtract(left, subtract(sum, virtual)), subtract(right, virtual)) };
}

const isZero = (value: Value): Value => simd('f64x2.eq', value, zero(128));

/** A sum whose last bit tells that something was lost. */
function oddSum(left: Value, right: Value): Value {
  const { sum, lost } = sumOf(left, right);
  const even = simd('i64x2.eq', and(sum, everywhere(64, 1)), zero(128));
  const differs = simd('i64x2.shr_s', simd('v128.xor', sum, lost), constant(32, 63));
  const step = simd('v128.or', differs, everywhere(64, 1));
  return simd('i64x2.add', sum, simd('v128.andnot', and(even, step), isZero(lost)));
}

const upperLanes = (value: Value): Value => shuffleLanes(value, value, 8, [1, 0]);
const doubles = (singles: Value): Value => simd('f64x2.promote_low_f32x4', singles);
const singles = (numbers: Value): Value => simd('f32x4.demote_f64x2_zero', numbers);

const inHalves = (values: readonly Value[], meaning: (...halves: Value[]) => Value): readonly [Value, Value] => [
  meaning(...values.map(doubles)),
  meaning(...values.map(value => doubles(upperLanes(value)))),
];

export function fused32(left: Value, right: Value, third: Value): Value {
  const [low, high] = inHalves([left, right, third], (a, b, c) => singles(oddSum(multiply(a!, b!), c!)));
  return low.low64().join(high.low64());
}

/** Nothing was lost in either rounding. */
export function exactFused32(left: Value, right: Value, third: Value, result: Value): Value {
  const [low, high] = inHalves([left, right, third, result], (a, b, c, r) => {
    const { sum, lost } = sumOf(multiply(a!, b!), c!);
    return and(isZero(lost), simd('f64x2.eq', sum, r!));
  });
  return simd('i64x2.all_true', and(low, high));
}

const splitter = everywhere(64, 0x41a0_0000_0200_0000n);

/** Two numbers of half as many bits. */
function split(value: Value): { high: Value; low: Value } {
  const scaled = multiply(value, splitter);
  const high = subtract(scaled, subtract(scaled, value));
  return { high, low: subtract(value, high) };
}

function productOf(left: Value, right: Value): { product: Value; lost: Value } {
  const product = multiply(left, right);
  const [a, b] = [split(left), split(right)];
  const first = subtract(multiply(a.high, b.high), product);
  const second = add(first, multiply(a.high, b.low));
  const third = add(second, multiply(a.low, b.high));
  return { product, lost: add(third, multiply(a.low, b.low)) };
}

function parts64(left: Value, right: Value, third: Value) {
  const { product, lost } = productOf(left, right);
  const small = sumOf(third, lost);
  const large = sumOf(product, small.sum);
  return { product, large: large.sum, rest: small.lost, other: large.lost };
}

export function fused64(left: Value, right: Value, third: Value): Value {
  const { product, large, rest, other } = parts64(left, right, third);
  const result = add(large, oddSum(rest, other));
  // The sign of a sum of zeros is lost on the way.
  const zeros = and(isZero(product), isZero(third));
  return simd('v128.bitselect', add(product, third), result, zeros);
}

export function exactFused64(left: Value, right: Value, third: Value): Value {
  const { large, rest, other } = parts64(left, right, third);
  const small = sumOf(rest, other);
  const whole = sumOf(large, small.sum);
  return simd('i64x2.all_true', and(isZero(small.lost), isZero(whole.lost)));
}

const magnitudeMask = everywhere(64, (1n << 63n) - 1n);
const least = everywhere(64, (1023n - 400n) << 52n);
const most = everywhere(64, (1023n + 400n) << 52n);

/** Numbers whose product and all that it loses are normal, and zeros. Width 1. */
export function isPlain64(...values: Value[]): Value {
  const strange = values.map(value => {
    const magnitude = and(value, magnitudeMask);
    const small = simd('v128.andnot', simd('i64x2.gt_s', least, magnitude), isZero(value));
    return simd('v128.or', small, simd('i64x2.gt_s', magnitude, most));
  });
  return simd(
    'v128.any_true',
    strange.reduce((all, some) => simd('v128.or', all, some)),
  ).xor(constant(1, 1));
}
