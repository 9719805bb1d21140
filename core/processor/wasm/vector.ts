/**
 * Vector operations → SIMD. A name that is WebAssembly's own (`i8x16.add`) needs no row; every other operation of
 * core/processor/ir/vector.ts has one in `compound`. Scalar arguments and results are i32 or i64 as their widths say; floating-point
 * numbers too, which travel as their bits.
 */
import type { Value } from '../ir/value.ts';
import type { VectorOperation } from '../ir/vector.ts';
import { type OpcodeName, opcodes } from './opcodes.ts';
import { type SimdName, simdOpcodes } from './simd-opcodes.ts';
import type { ValueWriter } from './values.ts';

type Lowering = (value: Value, operation: VectorOperation, values: ValueWriter) => void;

export const compound: Record<string, Lowering> = {};

const takesInteger = (name: string): boolean => name.includes('.convert_i');
const givesInteger = (name: string): boolean => name.startsWith('i') || /\.(eq|ne|lt|le|gt|ge)$/.test(name);

/** `f64.add`, `f32.lt`, `f64.convert_i32_s`, `i32.trunc_sat_f64_s` … */
const scalar: Lowering = (value, { name }, values) => {
  const { f } = values;
  for (const input of value.inputs) {
    values.push(input);
    if (!takesInteger(name)) f.op(input.width === 64 ? 'f64.reinterpret_i64' : 'f32.reinterpret_i32');
  }
  f.op(name as OpcodeName);
  if (!givesInteger(name)) f.op(value.width === 64 ? 'i64.reinterpret_f64' : 'i32.reinterpret_f32');
};

export function vectorLowering(value: Value, values: ValueWriter): void {
  const operation = value.detail as VectorOperation;
  const { name } = operation;
  const lower = compound[name] ?? (name in opcodes ? scalar : undefined);
  if (lower) {
    lower(value, operation, values);
    return;
  }
  if (!(name in simdOpcodes)) throw new Error(`no lowering of ${name}`);
  for (const input of value.inputs) values.push(input);
  values.f.simd(name as SimdName);
  for (const byte of operation.parameter ?? []) values.f.byte(byte);
}
