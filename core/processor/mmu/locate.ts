/** From physical addresses to linear memory, as generated code: for both dimensions of the fast walk. */
import { state } from '../state/layout.ts';
import type { FunctionBuilder, Label } from '../wasm/function.ts';

/** Puts the place of the physical page in `base` into `result`. A page outside the RAM that the state block names leaves to `out`. */
export function locate(f: FunctionBuilder, cpu: number, base: number, result: number, out: Label): void {
  f.get(base).i64(12).op('i64.shr_u').get(cpu).memory('i64.load32_u', state.walkFirst.offset).op('i64.sub').set(base);
  f.get(base).get(cpu).memory('i64.load32_u', state.walkPages.offset).op('i64.ge_u').brIf(out);
  f.get(base).op('i32.wrap_i64').i32(12).op('i32.shl').get(cpu).memory('i32.load', state.walkOffset.offset);
  f.op('i32.add').set(result);
}
