/**
 * Vector operations. Names are WebAssembly's own wherever WebAssembly has the operation (core specification, appendix A.7): lanes in
 * front of the dot, what is done to each behind it. Their meaning is in evaluate-vector.ts, their lowering in core/processor/wasm/vector.ts.
 * Scalar floating point goes by the same road: `f64.add` takes and gives the 64 bits of the numbers.
 */
import { Value, type Width } from './value.ts';

export interface VectorOperation {
  readonly name: string;
  /** Bits of a lane of the arguments. */
  readonly lane: 8 | 16 | 32 | 64;
  /** An operation parameter known at trace time (a shuffle's lanes). */
  readonly parameter?: readonly number[];
}

export const vectorOperation = (
  name: string,
  lane: VectorOperation['lane'],
  parameter?: readonly number[],
): VectorOperation => (parameter ? { name, lane, parameter } : { name, lane });

const lanes: Readonly<Record<string, VectorOperation['lane']>> = {
  i8x16: 8,
  i16x8: 16,
  i32x4: 32,
  i64x2: 64,
  f32x4: 32,
  f64x2: 64,
  v128: 64,
  f32: 32,
  f64: 64,
  i32: 32,
  i64: 64,
};

const widthOf = (name: string): Width => {
  const [shape, what] = name.split('.') as [string, string];
  if (/^(eq|ne|lt|le|gt|ge)$/.test(what) && /^f(32|64)$/.test(shape)) return 1;
  if (what === 'any_true' || what === 'all_true') return 1;
  if (what === 'bitmask') return 32;
  return shape.includes('x') || shape === 'v128' ? 128 : (lanes[shape] as Width);
};

/** A vector operation of values; its width follows from its name. */
export const simd = (name: string, ...inputs: Value[]): Value =>
  new Value('vector', widthOf(name), inputs, vectorOperation(name, lanes[name.split('.')[0]]));

/** Bytes of two vectors by constant indices, 0 to 31. */
export const shuffle = (left: Value, right: Value, bytes: readonly number[]): Value =>
  new Value('vector', 128, [left, right], vectorOperation('i8x16.shuffle', 8, bytes));

/** Lanes of two vectors by constant indices, counted through both; as many as 16 bytes hold. */
export const shuffleLanes = (left: Value, right: Value, bytes: 1 | 2 | 4 | 8, indices: readonly number[]): Value =>
  shuffle(
    left,
    right,
    indices.flatMap(index => Array.from({ length: bytes }, (_, byte) => index * bytes + byte)),
  );

/** A constant vector, lanes from the lowest; negative lanes are cut to their width. */
export const lanesConstant = (lane: 8 | 16 | 32 | 64, values: readonly (number | bigint)[]): Value =>
  new Value(
    'constant',
    128,
    [],
    values.reduce<bigint>((sum, value, n) => sum | (BigInt.asUintN(lane, BigInt(value)) << BigInt(n * lane)), 0n),
  );

/** The same number in every lane. */
export const everywhere = (lane: 8 | 16 | 32 | 64, value: number | bigint): Value =>
  lanesConstant(lane, new Array(128 / lane).fill(value));
