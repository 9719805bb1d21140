/**
 * Whether a result that is rounded to nearest is exact, so that nothing shows that the precision flag was clear. Only to be asked where
 * operands are not denormal and the result is finite and normal, or zero; where it cannot be told simply, the answer is no.
 */
import { Routine } from '../../ir/routine.ts';
import { constant, type Value } from '../../ir/value.ts';
import { simd } from '../../ir/vector.ts';

type FloatWidth = 32 | 64;

/** Of a scalar: (left, right, result), width 1. */
export type Exactness = (left: Value, right: Value, result: Value) => Value;

/** These are asked seldom: only programs that have not rounded anything yet do so. */
const asked = (
  name: string,
  write: (shape: 'f32' | 'f64', left: Value, right: Value, result: Value) => Value,
): Exactness => {
  const of = (width: FloatWidth): Routine =>
    new Routine(`f${width} ${name} is exact`, [width, width, width], 1, (left, right, result) =>
      write(`f${width}`, left!, right!, result!),
    );
  const routines = { 32: of(32), 64: of(64) };
  return (left, right, result) => routines[left.width as FloatWidth].of(left, right, result);
};

/** The error of a sum is a number too (Knuth, TAOCP vol. 2, 4.2.2, theorem B). */
const sumIsExact = (shape: string, left: Value, right: Value, result: Value): Value => {
  const rounded = simd(`${shape}.sub`, result, left);
  const lost = simd(`${shape}.sub`, left, simd(`${shape}.sub`, result, rounded));
  const missing = simd(`${shape}.sub`, right, rounded);
  return simd(`${shape}.eq`, simd(`${shape}.add`, lost, missing), constant(left.width, 0));
};

const fractions = { f32: 23, f64: 52 } as const;

/** Factors whose digits all find room, and powers of two. */
const productIsExact = (shape: 'f32' | 'f64', left: Value, right: Value): Value => {
  const fraction = fractions[shape];
  const zeros = (value: Value): Value => value.or(constant(value.width, 1n << BigInt(fraction))).ctz();
  const [leftZeros, rightZeros] = [zeros(left), zeros(right)];
  const fits = constant(left.width, fraction).ltU(leftZeros.add(rightZeros));
  return fits.or(leftZeros.eq(fraction)).or(rightZeros.eq(fraction));
};

const isProduct = (shape: 'f32' | 'f64', left: Value, right: Value, product: Value): Value =>
  productIsExact(shape, left, right).and(simd(`${shape}.eq`, simd(`${shape}.mul`, left, right), product));

export const exactSum = asked('sum', sumIsExact);
export const exactDifference = asked('difference', (shape, left, right, result) =>
  sumIsExact(shape, left, right.xor(constant(right.width, 1n << BigInt(right.width - 1))), result),
);
export const exactProduct = asked('product', productIsExact);
export const exactQuotient = asked('quotient', (shape, left, right, result) => isProduct(shape, result, right, left));
export const exactRoot = asked('root', (shape, _left, right, result) => isProduct(shape, result, result, right));
