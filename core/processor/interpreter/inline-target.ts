/** A handler in the interpreter's loop: flags and the record pointer are locals, control is branches to the loop's own labels. */
import type { Value } from '../ir/value.ts';
import type { Form } from '../isa/form.ts';
import { state } from '../state/layout.ts';
import type { FunctionBuilder, Label } from '../wasm/function.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import { branchRecord, record } from './record.ts';
import { type Addressing, RecordTarget } from './record-target.ts';

export interface LoopLocals {
  readonly cpu: number;
  /** Budget left after the current instruction. */
  readonly left: number;
  readonly rec: number;
  readonly codeBase: number;
  readonly codeTable: number;
  readonly context: number;
  readonly flagResult: number;
  readonly flagBits: number;
  readonly status: number;
  /** Iterations of REP since the host got a word in. */
  readonly spins: number;
}

export interface LoopLabels {
  /** Executes the record in `rec`. */
  readonly dispatch: Label;
  /** The same, after a jump: executions are counted there. */
  readonly jumped: Label;
  /** Looks up state.rip. */
  readonly resume: Label;
  readonly abort: Label;
  readonly again: Label;
  /** Acts on a Status that is not `done`. */
  readonly status: Label;
  readonly events: Label;
}

export class InlineTarget extends RecordTarget {
  constructor(
    f: FunctionBuilder,
    module: ModuleBuilder,
    form: Form,
    addressing: Addressing,
    readonly locals: LoopLocals,
    readonly labels: LoopLabels,
  ) {
    super(f, module, form, addressing, locals.cpu, locals.rec);
  }

  pushCodeBase(): void {
    this.f.get(this.locals.codeBase);
  }
  pushContext(): void {
    this.f.get(this.locals.context);
  }
  pushFlagResult(): void {
    this.f.get(this.locals.flagResult);
  }
  pushFlagBits(): void {
    this.f.get(this.locals.flagBits);
  }
  popFlagResult(): void {
    this.f.set(this.locals.flagResult);
  }
  popFlagBits(): void {
    this.f.set(this.locals.flagBits);
  }

  abort(): void {
    this.f.br(this.labels.abort);
  }

  beforeHelper(): void {
    const { f, locals } = this;
    this.storeRips();
    spillFlags(f, locals);
    f.get(locals.cpu).get(locals.left).i32(1).op('i32.add').memory('i32.store', state.budget.offset);
  }
  afterHelper(): void {
    const { f, locals } = this;
    f.tee(locals.status).brIf(this.labels.status, 'unlikely');
    reload(f, locals);
  }

  jump(target: Value, push: () => void): void {
    const { f, locals, labels } = this;
    const offset = f.local('i64');
    const direct = target.operation === 'immediate' || target.inputs[0]?.operation === 'immediate';
    const next = f.local('i32');
    if (direct) {
      f.get(locals.rec).memory('i32.load', branchRecord.link).tee(next);
      f.if(undefined, 'likely');
      f.get(next).set(locals.rec).br(labels.jumped).end();
    }
    push();
    f.get(locals.codeBase).op('i64.sub').tee(offset).i64(4096).op('i64.lt_u').if(undefined, 'likely');
    f.get(locals.codeTable)
      .get(offset)
      .op('i32.wrap_i64')
      .i32(2)
      .op('i32.shl')
      .op('i32.add')
      .memory('i32.load')
      .tee(next)
      .if(undefined, 'likely');
    if (direct) f.get(locals.rec).get(next).memory('i32.store', branchRecord.link);
    f.get(next).set(locals.rec).br(labels.jumped);
    f.end().end();
    f.get(locals.cpu)
      .get(offset)
      .get(locals.codeBase)
      .op('i64.add')
      .memory('i64.store', state.rip.offset)
      .br(labels.resume);
    f.release(offset);
    f.release(next);
  }

  protected countIterations(): void {
    const { spins } = this.locals;
    this.f.get(spins).op('i32.add').set(spins);
  }

  again(): void {
    this.f.br(this.labels.again);
  }

  finish(window: boolean): void {
    const { f, locals, labels } = this;
    if (window) f.get(locals.cpu).memory('i32.load', state.eventPending.offset).brIf(labels.events, 'unlikely');
    f.get(locals.rec).i32(record.size).op('i32.add').set(locals.rec).br(labels.dispatch);
  }
}

export function spillFlags(f: FunctionBuilder, locals: LoopLocals): void {
  f.get(locals.cpu).get(locals.flagResult).memory('i64.store', state.flagResult.offset);
  f.get(locals.cpu).get(locals.flagBits).memory('i32.store', state.flagBits.offset);
}

/** What a helper may have changed. */
export function reload(f: FunctionBuilder, locals: LoopLocals): void {
  f.get(locals.cpu).memory('i64.load', state.flagResult.offset).set(locals.flagResult);
  f.get(locals.cpu).memory('i32.load', state.flagBits.offset).set(locals.flagBits);
  f.get(locals.cpu).memory('i64.load32_u', state.context.offset).set(locals.context);
}
