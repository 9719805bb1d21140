/** From region to region without the interpreter: at a region's exit, state.rip is looked up in the fetch TLB. */
import { Handler } from '../interpreter/handlers.ts';
import { jittedRecord, record } from '../interpreter/record.ts';
import { state, tlb } from '../state/layout.ts';
import type { FunctionBuilder } from '../wasm/function.ts';
import type { RegionLocals } from './block-target.ts';

/** Everything is spilled. Ends in a tail call if the record at `rip` heads a region and the budget reaches for its first block. */
export function writeChain(f: FunctionBuilder, type: number, { cpu, left, rip, context }: RegionLocals): void {
  const entry = f.local('i32');
  const rec = f.local('i32');
  const offset = f.local('i64');
  const out = f.block();
  f.get(rip).i64(-4096).op('i64.and').get(context).op('i64.or');
  f.get(rip)
    .op('i32.wrap_i64')
    .i32(8)
    .op('i32.shr_u')
    .i32((tlb.entries - 1) << 4)
    .op('i32.and');
  f.get(cpu).op('i32.add').tee(entry).memory('i64.load', tlb.fetch).op('i64.ne').brIf(out, 'unlikely');
  f.get(rip).i64(4095).op('i64.and').tee(offset).op('i32.wrap_i64').i32(2).op('i32.shl');
  f.get(entry)
    .memory('i32.load', tlb.fetch + 12)
    .op('i32.add')
    .memory('i32.load')
    .tee(rec)
    .op('i32.eqz')
    .brIf(out);
  f.get(rec).memory('i32.load16_u', record.handler).i32(Handler.jitted).op('i32.ne').brIf(out);
  f.get(left).get(rec).memory('i32.load16_u', jittedRecord.count).op('i32.lt_u').brIf(out, 'unlikely');
  f.get(cpu).get(rip).get(offset).op('i64.sub').memory('i64.store', state.codeBase.offset);
  f.get(cpu).get(left).get(rec).memory('i32.load', jittedRecord.block);
  f.get(rec).memory('i32.load', jittedRecord.slot).returnCallIndirect(type);
  f.end();
  f.release(entry);
  f.release(rec);
  f.release(offset);
}
