/**
 * Vector operations → SIMD. A name that is WebAssembly's own (`i8x16.add`) needs no row; every other operation of
 * core/ir/vector.ts has one in `compound`. Scalar arguments and results are i32 or i64 as their widths say.
 */
import type { Value } from '../ir/value.ts';
import type { VectorOperation } from '../ir/vector.ts';
import { type SimdName, simdOpcodes } from './simd-opcodes.ts';
import type { ValueWriter } from './values.ts';

type Lowering = (value: Value, operation: VectorOperation, values: ValueWriter) => void;

export const compound: Record<string, Lowering> = {};

export function vectorLowering(value: Value, values: ValueWriter): void {
  const operation = value.detail as VectorOperation;
  const lower = compound[operation.name];
  if (lower) {
    lower(value, operation, values);
    return;
  }
  if (!(operation.name in simdOpcodes)) throw new Error(`no lowering of ${operation.name}`);
  for (const input of value.inputs) values.push(input);
  values.f.simd(operation.name as SimdName);
  for (const byte of operation.parameter ?? []) values.f.byte(byte);
}
