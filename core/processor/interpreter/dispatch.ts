/**
 * The interpreter's loop, `run(cpu, budget) → Leave`: one function, which branches by the handler number of the current record into
 * the handler's code. It returns when the budget is used up or when only TypeScript can go on.
 */

import type { Form } from '../isa/form.ts';
import { programOf } from '../isa/programs.ts';
import { state } from '../state/layout.ts';
import { Leave, Status } from '../state/leave.ts';
import { FunctionBuilder, type Label } from '../wasm/function.ts';
import { lower } from '../wasm/lower.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import { again, againBits } from './function-target.ts';
import { Handler } from './handlers.ts';
import { InlineTarget, type LoopLabels, type LoopLocals } from './inline-target.ts';
import { LoopParts } from './loop-parts.ts';
import { ownHandlers } from './own-handlers.ts';
import { record } from './record.ts';
import type { Addressing } from './record-target.ts';

export interface InlineHandler {
  readonly form: Form;
  readonly addressing: Addressing;
}

/** Iterations of REP that may pass before the host gets a word in; one that meets many elements one by one counts as many (`bulk.ts`). */
const patience = 4000;

/** `counts`: executions of jump targets are counted, for the JIT. */
export function writeLoop(module: ModuleBuilder, handlers: readonly InlineHandler[], counts: boolean): FunctionBuilder {
  const f = new FunctionBuilder(['i32', 'i32'], ['i32']);
  const locals: LoopLocals = {
    cpu: 0,
    left: 1,
    rec: f.local('i32'),
    codeBase: f.local('i64'),
    codeTable: f.local('i32'),
    context: f.local('i64'),
    flagResult: f.local('i64'),
    flagBits: f.local('i32'),
    status: f.local('i32'),
    spins: f.local('i32'),
  };
  const { cpu, left, rec, status, spins } = locals;
  const parts = new LoopParts(f, module, locals);

  f.get(cpu).memory('i32.load8_u', state.stepping.offset).i32(patience).op('i32.mul').set(spins);
  parts.reload();
  const resume = f.loop();
  parts.lookup();
  if (counts) parts.count();

  const abort = f.block();
  const helperStatus = f.block();
  const events = f.block();
  const spin = f.block();
  const budgetOut = f.block();
  const dispatch = f.loop();
  f.get(left).op('i32.eqz').brIf(budgetOut, 'unlikely');
  f.get(left).i32(1).op('i32.sub').set(left);
  const jumped = counts ? f.block() : dispatch;
  const repeat = f.block();
  const labels: LoopLabels = { dispatch, jumped, resume, abort, again: repeat, status: helperStatus, events };

  const total = Handler.first + handlers.length;
  const rare = f.block();
  const cases: Label[] = [];
  for (let handler = total - 1; handler >= 0; handler--) cases[handler] = f.block();
  f.get(rec).memory('i32.load16_u', record.handler).brTable(cases, rare);
  for (let handler = 0; handler < total; handler++) {
    f.end();
    if (handler < Handler.first) ownHandlers[handler](parts, labels);
    else {
      const { form, addressing } = handlers[handler - Handler.first];
      lower(programOf(form), new InlineTarget(f, module, form, addressing, locals, labels));
    }
  }
  f.end();
  writeFunctionCall(parts, labels, total);

  f.end();
  // `repeat`: not retired, once more; now and then the host gets a word in.
  parts.refund();
  f.get(spins).i32(1).op('i32.add').tee(spins).i32(patience).op('i32.ge_u').brIf(spin, 'unlikely');
  f.br(dispatch);
  if (counts) {
    f.end();
    parts.count();
    f.br(dispatch);
  }
  f.end();
  f.op('unreachable');

  f.end();
  parts.leaveAt(Leave.budget);
  f.end();
  parts.leaveAt(Leave.spin);
  f.end();
  // `events`: retired, and an event may have become deliverable.
  f.get(rec).i32(record.size).op('i32.add').set(rec);
  parts.leaveAt(Leave.events);

  f.end();
  // After a helper the state block is right, flags and RIP included.
  f.get(status).i32(Status.transferred).op('i32.eq').if();
  parts.reload();
  f.br(resume).end();
  f.get(cpu).get(left).get(status).i32(Status.leave).op('i32.ne').op('i32.add');
  f.memory('i32.store', state.budget.offset);
  parts.leaveAsSet();

  f.end();
  parts.storeRip();
  parts.spill();
  parts.storeBudget(1);
  parts.leaveAsSet();
  f.end();
  f.op('unreachable');
  return f;
}

/** A form that has a function: flags are in the state block meanwhile. */
function writeFunctionCall(
  parts: LoopParts,
  { dispatch, status: helperStatus }: LoopLabels,
  firstFunction: number,
): void {
  const { f, module, locals } = parts;
  const { cpu, rec, status, spins } = locals;
  parts.spill();
  parts.storeBudget(1);
  f.get(cpu).get(rec);
  f.get(rec).memory('i32.load16_u', record.handler).i32(firstFunction).op('i32.sub');
  f.callIndirect(module.type(['i32', 'i32'], ['i32'])).set(status);
  parts.reload();
  f.get(status).op('i32.eqz').if();
  f.get(rec).i32(record.size).op('i32.add').set(rec).br(dispatch).end();
  f.get(status)
    .i32(2 ** againBits - 1)
    .op('i32.and')
    .i32(again)
    .op('i32.ne')
    .brIf(helperStatus);
  f.get(spins).get(status).i32(againBits).op('i32.shr_u').op('i32.add').set(spins);
}
