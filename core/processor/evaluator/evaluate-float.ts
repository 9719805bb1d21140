/**
 * Floating-point operations of the IR, on the bits of numbers. They round to nearest, know no status flags, and their NaNs are
 * any: authors use a result only where none of that shows.
 */

const view = new DataView(new ArrayBuffer(8));

export const toNumber = (bits: bigint, width: number): number => {
  view.setBigUint64(0, bits, true);
  return width === 32 ? view.getFloat32(0, true) : view.getFloat64(0, true);
};

export const toBits = (value: number, width: number): bigint => {
  if (width === 32) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return width === 32 ? BigInt(view.getUint32(0, true)) : view.getBigUint64(0, true);
};

type Binary = (a: bigint, b: bigint, width: number) => bigint;
type Unary = (a: bigint, width: number) => bigint;

/** Arithmetic in double precision, rounded once more, is correct for singles: 53 > 2 × 24 + 1. */
const arithmetic =
  (meaning: (a: number, b: number) => number): Binary =>
  (a, b, width) =>
    toBits(meaning(toNumber(a, width), toNumber(b, width)), width);

const chosen =
  (takesSecond: (a: number, b: number) => boolean): Binary =>
  (a, b, width) =>
    takesSecond(toNumber(a, width), toNumber(b, width)) ? b : a;

export const floatBinary: Readonly<Record<string, Binary>> = {
  add: arithmetic((a, b) => a + b),
  sub: arithmetic((a, b) => a - b),
  mul: arithmetic((a, b) => a * b),
  div: arithmetic((a, b) => a / b),
  pmin: chosen((a, b) => b < a),
  pmax: chosen((a, b) => a < b),
};

/** To the nearest integer, ties to even; what has no fraction stays. */
const nearest = (value: number): number => {
  if (!(Math.abs(value) < 2 ** 52)) return value;
  const floor = Math.floor(value);
  const rest = value - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return rounded === 0 && (value < 0 || Object.is(value, -0)) ? -0 : rounded;
};

export const floatUnary: Readonly<Record<string, Unary>> = {
  nearest: (a, width) => toBits(nearest(toNumber(a, width)), width),
  sqrt: (a, width) => toBits(Math.sqrt(toNumber(a, width)), width),
  abs: (a, width) => BigInt.asUintN(width - 1, a),
};

type Comparison = (a: bigint, b: bigint, width: number) => boolean;

const comparison =
  (meaning: (a: number, b: number) => boolean): Comparison =>
  (a, b, width) =>
    meaning(toNumber(a, width), toNumber(b, width));

export const floatCompare: Readonly<Record<string, Comparison>> = {
  eq: comparison((a, b) => a === b),
  ne: comparison((a, b) => a !== b),
  lt: comparison((a, b) => a < b),
  le: comparison((a, b) => a <= b),
  gt: comparison((a, b) => a > b),
  ge: comparison((a, b) => a >= b),
};

/** Truncates; NaN is 0, and what does not fit becomes the nearest that does. */
const truncateSaturating = (bits: bigint, from: number, to: number): bigint => {
  const value = toNumber(bits, from);
  if (Number.isNaN(value)) return 0n;
  const limit = 2 ** (to - 1);
  if (value >= limit) return (1n << BigInt(to - 1)) - 1n;
  if (value <= -limit) return -(1n << BigInt(to - 1));
  return BigInt(Math.trunc(value));
};

/** The 64-bit integer as a single, rounded once: by way of a double whose last bit remembers what was lost. */
const singleOfInteger = (value: bigint): bigint => {
  const integer = BigInt.asIntN(64, value);
  const magnitude = integer < 0n ? -integer : integer;
  const excess = BigInt(Math.max(0, magnitude.toString(2).length - 50));
  const kept = (magnitude >> excess) | (magnitude & ((1n << excess) - 1n) ? 1n : 0n);
  const number = Number(kept << excess);
  return toBits(integer < 0n ? -number : number, 32);
};

type Conversion = (inputs: readonly bigint[]) => bigint;
const lane32 = (value: bigint, n: number): bigint => BigInt.asUintN(32, value >> BigInt(n * 32));
const lane64 = (value: bigint, n: number): bigint => BigInt.asUintN(64, value >> BigInt(n * 64));
const lanes32 = (count: number, lane: (n: number) => bigint): bigint =>
  Array.from({ length: count }, (_, n) => BigInt.asUintN(32, lane(n)) << BigInt(n * 32)).reduce((a, b) => a | b);
const pair64 = (lane: (n: number) => bigint): bigint => lane(0) | (lane(1) << 64n);

export const floatConversions: Readonly<Record<string, Conversion>> = {
  'f64.convert_i32_s': ([a]) => toBits(Number(BigInt.asIntN(32, a!)), 64),
  'f64.convert_i64_s': ([a]) => toBits(Number(BigInt.asIntN(64, a!)), 64),
  'f32.convert_i32_s': ([a]) => toBits(Number(BigInt.asIntN(32, a!)), 32),
  'f32.convert_i64_s': ([a]) => singleOfInteger(a!),
  'f64.promote_f32': ([a]) => toBits(toNumber(a!, 32), 64),
  'f32.demote_f64': ([a]) => toBits(toNumber(a!, 64), 32),
  'i32.trunc_sat_f32_s': ([a]) => truncateSaturating(a!, 32, 32),
  'i32.trunc_sat_f64_s': ([a]) => truncateSaturating(a!, 64, 32),
  'i64.trunc_sat_f32_s': ([a]) => truncateSaturating(a!, 32, 64),
  'i64.trunc_sat_f64_s': ([a]) => truncateSaturating(a!, 64, 64),
  'f64x2.convert_low_i32x4_s': ([a]) => pair64(n => toBits(Number(BigInt.asIntN(32, lane32(a!, n))), 64)),
  'f32x4.convert_i32x4_s': ([a]) => lanes32(4, n => toBits(Number(BigInt.asIntN(32, lane32(a!, n))), 32)),
  'f64x2.promote_low_f32x4': ([a]) => pair64(n => toBits(toNumber(lane32(a!, n), 32), 64)),
  'f32x4.demote_f64x2_zero': ([a]) => lanes32(2, n => toBits(toNumber(lane64(a!, n), 64), 32)),
  'i32x4.trunc_sat_f32x4_s': ([a]) => lanes32(4, n => truncateSaturating(lane32(a!, n), 32, 32)),
  'i32x4.trunc_sat_f64x2_s_zero': ([a]) => lanes32(2, n => truncateSaturating(lane64(a!, n), 64, 32)),
};
