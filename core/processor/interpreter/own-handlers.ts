/** Handlers of records that are no instructions (handlers.ts). */

import { state, tlb } from '../state/layout.ts';
import { Leave, Status } from '../state/leave.ts';
import { Handler } from './handlers.ts';
import type { LoopLabels } from './inline-target.ts';
import type { LoopParts } from './loop-parts.ts';
import { crossingRecord, gotoRecord, jittedRecord, record, undefinedRecord } from './record.ts';

export const ownHandlers: Readonly<Record<number, (parts: LoopParts, labels: LoopLabels) => void>> = {
  /** Branches keep their way to a stale record: what took its place is mostly there by now. */
  [Handler.stale](parts, { dispatch, resume }) {
    const { f, locals } = parts;
    const { rec, codeTable, status } = locals;
    parts.refund();
    f.get(codeTable).get(rec).memory('i32.load16_u', record.offset).i32(2).op('i32.shl').op('i32.add');
    f.memory('i32.load').tee(status).if(undefined, 'likely');
    f.get(status).set(rec).br(dispatch).end();
    parts.storeRip();
    f.br(resume);
  },

  [Handler.goto](parts, { dispatch, resume }) {
    const { f, locals } = parts;
    const { cpu, rec, codeBase, codeTable, status } = locals;
    const offset = f.local('i32');
    parts.refund();
    f.get(rec).memory('i32.load', gotoRecord.link).tee(offset).if(undefined, 'likely');
    f.get(offset).set(rec).br(dispatch).end();
    f.get(rec).memory('i32.load', gotoRecord.target).tee(offset).i32(4096).op('i32.lt_u').if();
    f.get(codeTable).get(offset).i32(2).op('i32.shl').op('i32.add').memory('i32.load').tee(status).if();
    f.get(rec).get(status).memory('i32.store', gotoRecord.link);
    f.get(status).set(rec).br(dispatch).end().end();
    f.get(cpu).get(codeBase).get(offset).op('i64.extend_i32_u').op('i64.add').memory('i64.store', state.rip.offset);
    f.br(resume).release(offset);
  },

  [Handler.undefined]({ f, locals }, { abort }) {
    const { cpu, rec } = locals;
    f.get(cpu).get(rec).memory('i32.load16_u', undefinedRecord.vector).memory('i32.store', state.faultVector.offset);
    f.get(cpu).get(rec).memory('i32.load16_s', undefinedRecord.error).memory('i32.store', state.faultError.offset);
    f.get(cpu).i32(Leave.fault).memory('i32.store', state.leave.offset).br(abort);
  },

  [Handler.crossing](parts, { dispatch }) {
    const { f, locals } = parts;
    const { rec, codeBase, context } = locals;
    const linear = f.local('i64');
    const entry = f.local('i32');
    parts.refund();
    f.get(codeBase).i64(4096).op('i64.add').tee(linear).get(context).op('i64.or');
    parts.pushFetchEntry(linear);
    f.tee(entry).memory('i64.load', tlb.fetch).op('i64.eq').if(undefined, 'likely');
    f.get(linear).op('i32.wrap_i64').get(entry);
    f.memory('i32.load', tlb.fetch + 8).op('i32.add');
    f.get(rec).memory('i32.load', crossingRecord.nextPage).op('i32.eq').if(undefined, 'likely');
    f.get(rec).memory('i32.load', crossingRecord.instruction).set(rec).br(dispatch);
    f.end().end();
    parts.storeRip();
    parts.askHost();
    f.br(dispatch);
    f.release(linear);
    f.release(entry);
  },

  [Handler.jitted](parts, { dispatch, resume }) {
    const { f, module, locals } = parts;
    const { cpu, left, rec, status } = locals;
    // Where the budget does not reach to the end of the block, its first record is executed as it was.
    parts.refund();
    f.get(left).get(rec).memory('i32.load16_u', jittedRecord.count).op('i32.lt_u').if(undefined, 'unlikely');
    f.get(rec).memory('i32.load', jittedRecord.original).set(rec).br(dispatch).end();
    parts.spill();
    f.get(cpu).get(left).get(rec);
    f.memory('i32.load', jittedRecord.block);
    f.get(rec).memory('i32.load', jittedRecord.slot);
    f.callIndirect(module.type(['i32', 'i32', 'i32'], ['i32'])).set(status);
    f.get(cpu).memory('i32.load', state.budget.offset).set(left);
    f.get(status).i32(~Status.transferred).op('i32.and').if();
    parts.leaveAsSet();
    f.end();
    parts.reload();
    f.br(resume);
  },
};
