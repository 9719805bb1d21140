/**
 * A handler that is a function of its own, (cpu, record) → Status, for the many forms that are rare. The loop has spilled flags and
 * budget before the call and reloads them after it.
 */

import type { Value } from '../ir/value.ts';
import type { Form } from '../isa/form.ts';
import { state } from '../state/layout.ts';
import { Leave, Status } from '../state/leave.ts';
import type { FunctionBuilder } from '../wasm/function.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import { type Addressing, RecordTarget } from './record-target.ts';

/**
 * What a handler returns beside a Status, in the low bits: the instruction is to run again. The bits above say how many iterations more it was
 * worth than the one.
 */
export const again = 5;
export const againBits = 3;

export class FunctionTarget extends RecordTarget {
  readonly #flagResult: number;
  readonly #flagBits: number;
  #iterations = -1;

  constructor(f: FunctionBuilder, module: ModuleBuilder, form: Form, addressing: Addressing) {
    super(f, module, form, addressing, 0, 1);
    this.#flagResult = f.local('i64');
    this.#flagBits = f.local('i32');
  }

  pushCodeBase(): void {
    this.f.get(this.cpu).memory('i64.load', state.codeBase.offset);
  }
  pushContext(): void {
    this.f.get(this.cpu).memory('i64.load32_u', state.context.offset);
  }
  pushFlagResult(): void {
    this.f.get(this.cpu).memory('i64.load', state.flagResult.offset);
  }
  pushFlagBits(): void {
    this.f.get(this.cpu).memory('i32.load', state.flagBits.offset);
  }
  popFlagResult(): void {
    const { f } = this;
    f.set(this.#flagResult).get(this.cpu).get(this.#flagResult).memory('i64.store', state.flagResult.offset);
  }
  popFlagBits(): void {
    const { f } = this;
    f.set(this.#flagBits).get(this.cpu).get(this.#flagBits).memory('i32.store', state.flagBits.offset);
  }

  abort(): void {
    this.f.get(this.cpu);
    this.pushRip();
    this.f.memory('i64.store', state.rip.offset).i32(Status.fault).op('return');
  }
  beforeHelper(): void {
    this.storeRips();
  }
  afterHelper(): void {
    const { f } = this;
    const status = f.local('i32');
    f.tee(status).if(undefined, 'unlikely');
    f.get(status).op('return').end();
    f.release(status);
  }
  jump(_target: Value, push: () => void): void {
    this.f.get(this.cpu);
    push();
    this.f.memory('i64.store', state.rip.offset).i32(Status.transferred).op('return');
  }
  protected countIterations(): void {
    const { f } = this;
    this.#iterations = f.local('i32');
    f.set(this.#iterations);
  }

  /** Its caller counts. */
  again(): void {
    const { f } = this;
    f.i32(again);
    if (this.#iterations >= 0) f.get(this.#iterations).i32(againBits).op('i32.shl').op('i32.or');
    f.op('return');
  }
  finish(window: boolean): void {
    const { f } = this;
    if (window) {
      f.get(this.cpu).memory('i32.load', state.eventPending.offset).if(undefined, 'unlikely');
      f.get(this.cpu);
      this.pushNextRip();
      f.memory('i64.store', state.rip.offset);
      f.get(this.cpu).i32(Leave.events).memory('i32.store', state.leave.offset).i32(Status.leave).op('return').end();
    }
    f.i32(Status.done).op('return');
  }
}
