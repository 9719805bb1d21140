/** What each operation of the IR computes, on BigInts: the plain truth that evaluator and constant folding share. */
import type { Operation, Value, Width } from './value.ts';

type Meaning = (inputs: readonly bigint[], width: number, inputWidth: number) => bigint;

const signed = (value: bigint, width: number): bigint => BigInt.asIntN(width, value);
const truth = (condition: boolean): bigint => (condition ? 1n : 0n);

const bitLength = (value: bigint): number => value.toString(2).length;

const leadingZeros = (value: bigint, width: number): bigint => BigInt(value === 0n ? width : width - bitLength(value));
const trailingZeros = (value: bigint, width: number): bigint =>
  BigInt(value === 0n ? width : bitLength(value & -value) - 1);
const population = (value: bigint): bigint => BigInt(value.toString(2).replaceAll('0', '').length);

/** Results are cut to the width afterwards. */
const meanings: Partial<Record<Operation, Meaning>> = {
  add: ([a, b]) => a! + b!,
  sub: ([a, b]) => a! - b!,
  mul: ([a, b]) => a! * b!,
  and: ([a, b]) => a! & b!,
  or: ([a, b]) => a! | b!,
  xor: ([a, b]) => a! ^ b!,
  not: ([a]) => ~a!,
  neg: ([a]) => -a!,
  shl: ([a, b]) => a! << b!,
  shr: ([a, b]) => a! >> b!,
  sar: ([a, b], width) => signed(a!, width) >> b!,
  rotl: ([a, b], width) => (a! << b!) | (a! >> (BigInt(width) - b!)),
  rotr: ([a, b], width) => (a! >> b!) | (a! << (BigInt(width) - b!)),
  divU: ([a, b]) => (b === 0n ? 0n : a! / b!),
  remU: ([a, b]) => (b === 0n ? 0n : a! % b!),
  divS: ([a, b], width) => (b === 0n ? 0n : signed(a!, width) / signed(b!, width)),
  remS: ([a, b], width) => (b === 0n ? 0n : signed(a!, width) % signed(b!, width)),
  mulHighU: ([a, b], width) => (a! * b!) >> BigInt(width),
  mulHighS: ([a, b], width) => (signed(a!, width) * signed(b!, width)) >> BigInt(width),
  clz: ([a], width) => leadingZeros(a!, width),
  ctz: ([a], width) => trailingZeros(a!, width),
  popcnt: ([a]) => population(a!),
  eq: ([a, b]) => truth(a === b),
  ne: ([a, b]) => truth(a !== b),
  ltU: ([a, b]) => truth(a! < b!),
  leU: ([a, b]) => truth(a! <= b!),
  ltS: ([a, b], _, from) => truth(signed(a!, from) < signed(b!, from)),
  leS: ([a, b], _, from) => truth(signed(a!, from) <= signed(b!, from)),
  zeroExtend: ([a]) => a!,
  truncate: ([a]) => a!,
  signExtend: ([a], _, from) => signed(a!, from),
  select: ([condition, then, otherwise]) => (condition ? then! : otherwise!),
  branch: ([condition, then, otherwise]) => (condition ? then! : otherwise!),
  low64: ([a]) => a!,
  high64: ([a]) => a! >> 64n,
  join64: ([low, high]) => low! | (high! << 64n),
};

/** Whether an operation is pure arithmetic, computable from its inputs alone. */
export const isComputable = (operation: Operation): boolean => operation in meanings;

export function compute(value: Value, inputs: readonly bigint[]): bigint {
  const meaning = meanings[value.operation];
  if (!meaning) throw new Error(`${value.operation} is no arithmetic`);
  const from: Width = value.inputs[0].width;
  return BigInt.asUintN(value.width, meaning(inputs, value.width, from));
}
