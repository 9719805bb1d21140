/** What the interpreter's loop does outside of instructions: looking up where to go on, counting, leaving. */

import { Segment, segmentBase, state, tlb } from '../state/layout.ts';
import { Leave } from '../state/leave.ts';
import type { FunctionBuilder } from '../wasm/function.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import { importFunction } from './import-function.ts';
import { type LoopLocals, reload, spillFlags } from './inline-target.ts';
import { record } from './record.ts';

/** Executions after which a jump target is compiled: what compiling it costs is by then about what interpreting it has cost. */
const promotionCount = 16_000;

export class LoopParts {
  constructor(
    readonly f: FunctionBuilder,
    readonly module: ModuleBuilder,
    readonly locals: LoopLocals,
  ) {}

  spill(): void {
    spillFlags(this.f, this.locals);
  }
  reload(): void {
    reload(this.f, this.locals);
  }

  /** state.rip := where the current record is. */
  storeRip(): void {
    const { f, locals } = this;
    f.get(locals.cpu).get(locals.codeBase).get(locals.rec).memory('i64.load16_u', record.offset).op('i64.add');
    f.memory('i64.store', state.rip.offset);
  }

  /** `unretired`: instructions that have been counted too early. */
  storeBudget(unretired: number): void {
    const { f, locals } = this;
    f.get(locals.cpu).get(locals.left);
    if (unretired > 0) f.i32(unretired).op('i32.add');
    f.memory('i32.store', state.budget.offset);
  }

  /** What is executed now is no instruction, or does not retire. */
  refund(): void {
    const { f, locals } = this;
    f.get(locals.left).i32(1).op('i32.add').set(locals.left);
  }

  /** Before an instruction: state.rip is right already, or `storeRip` makes it so. */
  leave(reason: number): void {
    const { f, locals } = this;
    this.spill();
    this.storeBudget(0);
    f.get(locals.cpu).i32(reason).memory('i32.store', state.leave.offset).i32(reason).op('return');
  }
  leaveAsSet(): void {
    this.f.get(this.locals.cpu).memory('i32.load', state.leave.offset).op('return');
  }
  leaveAt(reason: number): void {
    this.storeRip();
    this.leave(reason);
  }

  /** state.rip → rec, codeBase, codeTable: by the fetch TLB and the page's table, or by the host. */
  lookup(): void {
    const { f, locals } = this;
    const { cpu, codeBase, codeTable, rec } = locals;
    f.get(locals.left).op('i32.eqz').if(undefined, 'unlikely');
    this.leave(Leave.budget);
    f.end();

    const linear = f.local('i64');
    const entry = f.local('i32');
    f.get(cpu).memory('i64.load', state.rip.offset).tee(codeBase).set(linear);
    f.get(cpu).memory('i32.load', state.mode.offset).i32(3).op('i32.and').i32(2).op('i32.ne').if();
    f.get(linear).get(cpu).memory('i64.load', segmentBase(Segment.cs).offset).op('i64.add');
    f.i64(0xffff_ffffn).op('i64.and').set(linear).end();
    f.get(linear).i64(-4096).op('i64.and').get(locals.context).op('i64.or');
    this.pushFetchEntry(linear);
    f.tee(entry).memory('i64.load', tlb.fetch).op('i64.eq').if('i32', 'likely');
    f.get(entry).memory('i32.load', tlb.fetch + 12);
    f.tee(codeTable).get(linear).op('i32.wrap_i64').i32(4095).op('i32.and').tee(entry);
    f.i32(2).op('i32.shl').op('i32.add').memory('i32.load');
    f.get(cpu).get(codeBase).get(entry).op('i64.extend_i32_u').op('i64.sub').tee(codeBase);
    f.memory('i64.store', state.codeBase.offset);
    f.else().i32(0).end();
    f.tee(rec).op('i32.eqz').if(undefined, 'unlikely');
    this.askHost();
    f.end();
    f.release(linear);
    f.release(entry);
  }

  pushFetchEntry(linear: number): void {
    const { f, locals } = this;
    f.get(linear).op('i32.wrap_i64').i32(8).op('i32.shr_u');
    f.i32((tlb.entries - 1) << 4).op('i32.and');
    f.get(locals.cpu).op('i32.add');
  }

  /** state.rip → rec, by the host. */
  askHost(): void {
    const { f, locals } = this;
    const { cpu, codeBase, codeTable, rec } = locals;
    this.spill();
    this.storeBudget(0);
    f.get(cpu).call(importFunction(this.module, 'lookup')).tee(rec).op('i32.eqz').if(undefined, 'unlikely');
    this.leaveAsSet();
    f.end();
    f.get(cpu).memory('i64.load', state.codeBase.offset).set(codeBase);
    f.get(cpu).memory('i32.load', state.codeTable.offset).set(codeTable);
  }

  /** Counts an execution of `rec`, a jump's target. */
  count(): void {
    const { f, locals } = this;
    const { cpu, rec, codeTable } = locals;
    const counter = f.local('i32');
    const count = f.local('i32');
    f.get(cpu).memory('i32.load', state.codeCounters.offset).get(rec).i32(4).op('i32.shr_u').op('i32.add').tee(counter);
    f.get(counter).memory('i32.load16_u').i32(1).op('i32.add').tee(count).memory('i32.store16');
    f.get(count).i32(promotionCount).op('i32.eq').if(undefined, 'unlikely');
    f.get(cpu).get(rec).get(codeTable).call(importFunction(this.module, 'promote')).end();
    f.release(counter);
    f.release(count);
  }
}
