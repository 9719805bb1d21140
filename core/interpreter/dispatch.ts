/**
 * The interpreter's loop, `run(cpu, budget) → Leave`: one function, which branches by the handler number of the current record into
 * the handler's code. It returns when the budget is used up or when only TypeScript can go on.
 */
import { Leave, Status } from '../cpu/leave.ts';
import type { Form } from '../isa/form.ts';
import { Segment, segmentBase, state, tlb } from '../state/layout.ts';
import { FunctionBuilder, type Label } from '../wasm/function.ts';
import { lower } from '../wasm/lower.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import { again } from './function-target.ts';
import { Handler } from './handlers.ts';
import { importFunction } from './import-function.ts';
import { InlineTarget, type LoopLabels, type LoopLocals, reload, spillFlags } from './inline-target.ts';
import { programOf } from './programs.ts';
import { record } from './record.ts';
import type { Addressing } from './record-target.ts';

export interface InlineHandler {
  readonly form: Form;
  readonly addressing: Addressing;
}

/** Iterations of REP that may pass before the host gets a word in. */
const patience = 50_000;
/** Executions after which a jump target is compiled. */
const promotionCount = 1000;

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
  };
  const { cpu, left, rec, codeBase, codeTable, status } = locals;
  const spins = f.local('i32');
  const handlerType = module.type(['i32', 'i32'], ['i32']);
  const compiledType = module.type(['i32', 'i32', 'i32'], ['i32']);
  const storeRip = () => {
    f.get(cpu).get(codeBase).get(rec).memory('i64.load16_u', record.offset).op('i64.add');
    f.memory('i64.store', state.rip.offset);
  };
  const storeBudget = (extra: number) => {
    f.get(cpu).get(left);
    if (extra) f.i32(extra).op('i32.add');
    f.memory('i32.store', state.budget.offset);
  };
  const leave = (reason: number) => {
    f.get(cpu).i32(reason).memory('i32.store', state.leave.offset).i32(reason).op('return');
  };
  const leaveAsSet = () => f.get(cpu).memory('i32.load', state.leave.offset).op('return');

  reload(f, locals);
  const resume = f.loop();
  f.get(left).op('i32.eqz').if(undefined, 'unlikely');
  spillFlags(f, locals);
  storeBudget(0);
  leave(Leave.budget);
  f.end();
  writeLookup();
  if (counts) writeCount();

  const abort = f.block();
  const statusLabel = f.block();
  const events = f.block();
  const spin = f.block();
  const budgetOut = f.block();
  const dispatch = f.loop();
  f.get(left).op('i32.eqz').brIf(budgetOut, 'unlikely');
  f.get(left).i32(1).op('i32.sub').set(left);
  const jumped = counts ? f.block() : dispatch;
  const againLabel = f.block();
  const labels: LoopLabels = { dispatch, jumped, resume, abort, again: againLabel, status: statusLabel, events };

  const total = Handler.first + handlers.length;
  const rare = f.block();
  const cases: Label[] = [];
  for (let index = total - 1; index >= 0; index--) cases[index] = f.block();
  f.get(rec).memory('i32.load16_u', record.handler).brTable(cases, rare);
  for (let index = 0; index < total; index++) {
    f.end();
    if (index < Handler.first) writeOwn(index);
    else {
      const { form, addressing } = handlers[index - Handler.first]!;
      lower(programOf(form), new InlineTarget(f, module, form, addressing, locals, labels));
    }
  }
  f.end();
  writeFunctionCall();
  f.end();
  // Not retired, once more; now and then the host gets a word in.
  f.get(left).i32(1).op('i32.add').set(left);
  f.get(spins).i32(1).op('i32.add').tee(spins).i32(patience).op('i32.ge_u').brIf(spin, 'unlikely');
  f.br(dispatch);
  if (counts) {
    f.end();
    writeCount();
    f.br(dispatch);
  }
  f.end();
  f.op('unreachable');

  f.end();
  storeRip();
  spillFlags(f, locals);
  storeBudget(0);
  leave(Leave.budget);

  f.end();
  storeRip();
  spillFlags(f, locals);
  storeBudget(0);
  leave(Leave.spin);

  f.end();
  // Retired; an event may have become deliverable.
  f.get(rec).i32(record.size).op('i32.add').set(rec);
  storeRip();
  spillFlags(f, locals);
  storeBudget(0);
  leave(Leave.events);

  f.end();
  // After a helper the state block is right, flags and RIP included.
  f.get(status).i32(Status.transferred).op('i32.eq').if();
  reload(f, locals);
  f.br(resume);
  f.end();
  f.get(cpu)
    .get(left)
    .get(status)
    .i32(Status.leave)
    .op('i32.ne')
    .op('i32.add')
    .memory('i32.store', state.budget.offset);
  leaveAsSet();

  f.end();
  storeRip();
  spillFlags(f, locals);
  storeBudget(1);
  leaveAsSet();
  f.end();
  f.op('unreachable');
  return f;

  /** state.rip → rec, codeBase, codeTable: by the fetch TLB and the page's table, or by the host. */
  function writeLookup(): void {
    const linear = f.local('i64');
    const entry = f.local('i32');
    f.get(cpu).memory('i64.load', state.rip.offset).tee(codeBase).set(linear);
    f.get(cpu).memory('i32.load', state.mode.offset).i32(3).op('i32.and').i32(2).op('i32.ne').if();
    f.get(linear).get(cpu).memory('i64.load', segmentBase(Segment.cs).offset).op('i64.add');
    f.i64(0xffff_ffffn).op('i64.and').set(linear).end();
    f.get(linear).i64(-4096).op('i64.and').get(locals.context).op('i64.or');
    f.get(linear)
      .op('i32.wrap_i64')
      .i32(8)
      .op('i32.shr_u')
      .i32((tlb.entries - 1) << 4)
      .op('i32.and');
    f.get(cpu).op('i32.add').tee(entry).memory('i64.load', tlb.fetch).op('i64.eq').if('i32', 'likely');
    f.get(entry)
      .memory('i32.load', tlb.fetch + 12)
      .tee(codeTable);
    f.get(linear)
      .op('i32.wrap_i64')
      .i32(4095)
      .op('i32.and')
      .tee(entry)
      .i32(2)
      .op('i32.shl')
      .op('i32.add')
      .memory('i32.load');
    f.get(cpu)
      .get(codeBase)
      .get(entry)
      .op('i64.extend_i32_u')
      .op('i64.sub')
      .tee(codeBase)
      .memory('i64.store', state.codeBase.offset);
    f.else().i32(0).end();
    f.tee(rec).op('i32.eqz').if(undefined, 'unlikely');
    askHost();
    f.end();
    f.release(linear);
    f.release(entry);
  }

  function askHost(): void {
    spillFlags(f, locals);
    storeBudget(0);
    f.get(cpu).call(importFunction(module, 'lookup')).tee(rec).op('i32.eqz').if(undefined, 'unlikely');
    leaveAsSet();
    f.end();
    f.get(cpu).memory('i64.load', state.codeBase.offset).set(codeBase);
    f.get(cpu).memory('i32.load', state.codeTable.offset).set(codeTable);
  }

  function writeCount(): void {
    const counter = f.local('i32');
    const count = f.local('i32');
    f.get(cpu).memory('i32.load', state.codeCounters.offset).get(rec).i32(4).op('i32.shr_u').op('i32.add').tee(counter);
    f.get(counter).memory('i32.load16_u').i32(1).op('i32.add').tee(count).memory('i32.store16');
    f.get(count).i32(promotionCount).op('i32.eq').if(undefined, 'unlikely');
    f.get(cpu).get(rec).get(codeTable).call(importFunction(module, 'promote')).end();
    f.release(counter);
    f.release(count);
  }

  function writeOwn(handler: number): void {
    const refund = () => f.get(left).i32(1).op('i32.add').set(left);
    switch (handler) {
      case Handler.stale:
        refund();
        storeRip();
        f.br(resume);
        return;
      case Handler.goto: {
        const offset = f.local('i32');
        refund();
        f.get(rec).memory('i32.load', record.displacement).tee(offset).if(undefined, 'likely');
        f.get(offset).set(rec).br(dispatch).end();
        f.get(rec).memory('i32.load', record.immediate).tee(offset).i32(4096).op('i32.lt_u').if();
        f.get(codeTable).get(offset).i32(2).op('i32.shl').op('i32.add').memory('i32.load').tee(status).if();
        f.get(rec).get(status).memory('i32.store', record.displacement);
        f.get(status).set(rec).br(dispatch).end().end();
        f.get(cpu).get(codeBase).get(offset).op('i64.extend_i32_u').op('i64.add').memory('i64.store', state.rip.offset);
        f.br(resume).release(offset);
        return;
      }
      case Handler.undefined:
        f.get(cpu).get(rec).memory('i32.load16_u', record.a).memory('i32.store', state.faultVector.offset);
        f.get(cpu).get(rec).memory('i32.load16_s', record.b).memory('i32.store', state.faultError.offset);
        f.get(cpu).i32(Leave.fault).memory('i32.store', state.leave.offset).br(abort);
        return;
      case Handler.crossing: {
        const linear = f.local('i64');
        const entry = f.local('i32');
        refund();
        f.get(codeBase).i64(4096).op('i64.add').tee(linear).get(locals.context).op('i64.or');
        f.get(linear)
          .op('i32.wrap_i64')
          .i32(8)
          .op('i32.shr_u')
          .i32((tlb.entries - 1) << 4)
          .op('i32.and');
        f.get(cpu).op('i32.add').tee(entry).memory('i64.load', tlb.fetch).op('i64.eq').if(undefined, 'likely');
        f.get(linear)
          .op('i32.wrap_i64')
          .get(entry)
          .memory('i32.load', tlb.fetch + 8)
          .op('i32.add');
        f.get(rec).memory('i32.load', record.immediate).op('i32.eq').if(undefined, 'likely');
        f.get(rec).memory('i32.load', record.displacement).set(rec).br(dispatch);
        f.end().end();
        storeRip();
        f.release(linear);
        f.release(entry);
        askHost();
        f.br(dispatch);
        return;
      }
      case Handler.jitted:
        // Where the budget does not reach to the end of the block, its first record is executed as it was.
        refund();
        f.get(left).get(rec).memory('i32.load16_u', record.a).op('i32.lt_u').if(undefined, 'unlikely');
        f.get(rec).memory('i32.load', record.displacement).set(rec).br(dispatch).end();
        spillFlags(f, locals);
        f.get(cpu)
          .get(left)
          .get(rec)
          .memory('i32.load', record.immediate + 4);
        f.get(rec).memory('i32.load', record.immediate).callIndirect(compiledType).set(status);
        f.get(cpu).memory('i32.load', state.budget.offset).set(left);
        f.get(status).i32(~Status.transferred).op('i32.and').if();
        leaveAsSet();
        f.end();
        reload(f, locals);
        f.br(resume);
        return;
    }
  }

  function writeFunctionCall(): void {
    spillFlags(f, locals);
    storeBudget(1);
    f.get(cpu).get(rec);
    f.get(rec).memory('i32.load16_u', record.handler).i32(total).op('i32.sub').callIndirect(handlerType);
    f.set(status);
    reload(f, locals);
    f.get(status).op('i32.eqz').if();
    f.get(rec).i32(record.size).op('i32.add').set(rec).br(dispatch).end();
    f.get(status).i32(again).op('i32.ne').brIf(statusLabel);
  }
}
