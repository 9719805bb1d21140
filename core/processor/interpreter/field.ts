/** Loads and stores of registers: the address is on the stack. */
import type { Width } from '../ir/value.ts';
import type { FunctionBuilder } from '../wasm/function.ts';

export function pushField(f: FunctionBuilder, offset: number, width: Width): void {
  if (width === 128) f.memory('v128.load', offset);
  else if (width === 64) f.memory('i64.load', offset);
  else if (width === 32) f.memory('i32.load', offset);
  else f.memory(width === 16 ? 'i32.load16_u' : 'i32.load8_u', offset, 0);
}

/** Writing 32 bits of a general register clears its upper half. */
export function storeField(f: FunctionBuilder, offset: number, width: Width, general: boolean): void {
  if (width === 128) f.memory('v128.store', offset);
  else if (width === 64) f.memory('i64.store', offset);
  else if (width === 32 && general) f.op('i64.extend_i32_u').memory('i64.store', offset);
  else if (width === 32) f.memory('i32.store', offset);
  else f.memory(width === 16 ? 'i32.store16' : 'i32.store8', offset, 0);
}
