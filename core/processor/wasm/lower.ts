/** IR → WebAssembly: effects in their order. One reading for the interpreter's handlers and for the JIT's blocks. */

import type { Address, Alignment, Effect, Program } from '../ir/effect.ts';
import type { Value } from '../ir/value.ts';
import { valuesOf } from '../ir/visit.ts';
import { state } from '../state/layout.ts';
import { Access, Leave } from '../state/leave.ts';
import { Vector } from '../state/registers.ts';
import { isMutable } from './carrier.ts';
import { setElement } from './element.ts';
import { writeFlags } from './flags.ts';
import type { Hint, Label } from './function.ts';
import { commitIfGathered, pushLoad, store, translate } from './memory.ts';
import type { Target } from './target.ts';
import { ValueWriter } from './values.ts';

/** Whether an effect may change registers or flags; a call on a condition leaves them alone, or finishes the instruction. */
const writes = ({ kind, ...effect }: Effect): boolean =>
  kind === 'set' || kind === 'flags' || (kind === 'call' && !('when' in effect && effect.when));

/** Raises a fault in line: its fields are set, and the instruction aborts. */
export function raise(target: Target, vector: number, error: number): void {
  const { f } = target;
  const put = (offset: number, value: number) => {
    target.pushCpu();
    f.i32(value).memory('i32.store', offset);
  };
  put(state.faultVector.offset, vector);
  put(state.faultError.offset, error);
  put(state.leave.offset, Leave.fault);
  target.abort();
}

/** Writes an instruction, to the branch to whatever comes after it. */
export function lower(program: Program, target: Target): void {
  new Lowering(program, target).run();
}

class Lowering {
  readonly #values: ValueWriter;
  #done: Label | undefined;
  #window = false;
  #committing = false;
  /** A register has been written. */
  #hasWritten = false;

  constructor(
    readonly program: Program,
    readonly target: Target,
  ) {
    this.#values = new ValueWriter(target);
  }

  run(): void {
    const { target } = this;
    const { effects } = this.program;
    for (const effect of effects) for (const root of valuesOf(effect)) this.#values.count(root);
    if (effects.some(({ kind }) => kind === 'finish')) this.#done = target.f.block();
    effects.forEach((effect, index) => {
      this.#before(effect, index);
      this.#effect(effect);
    });
    if (this.#done) target.f.end();
    const jumps = effects.some(effect => effect.kind === 'jump' && !effect.when);
    if (!jumps || this.#done) target.finish(this.#window);
    if (!target.holds?.(this.#values)) this.#values.release();
  }

  /** What later effects read of registers and flags is read before the first write that may change it. */
  #before(effect: Effect, index: number): void {
    if (this.#committing || !writes(effect)) return;
    this.#committing = effect.kind !== 'call';
    const written: Effect[] = [];
    for (const later of this.program.effects.slice(index)) {
      if (written.length > 0) for (const root of valuesOf(later)) this.#keepLeaves(root, written, new Set());
      if (writes(later)) written.push(later);
    }
  }

  #keepLeaves(value: Value, written: readonly Effect[], seen: Set<Value>): void {
    if (seen.has(value) || this.#values.isKept(value)) return;
    seen.add(value);
    if (isMutable(value) && written.some(effect => this.#clobbers(effect, value))) this.#values.keep(value);
    for (const input of value.inputs) this.#keepLeaves(input, written, seen);
  }

  #clobbers(effect: Effect, leaf: Value): boolean {
    if (effect.kind === 'call') return true;
    if (effect.kind === 'flags') return leaf.operation === 'flag';
    if (effect.kind !== 'set' || leaf.operation === 'flag') return false;
    const { place } = effect;
    // Fixed fields lie in no array that is written, and register operands in none that is read.
    if (place.kind === 'element' || leaf.operation === 'element')
      return place.kind === 'element' && place.array === leaf.detail;
    return this.target.clobbers(place, leaf);
  }

  #effect(effect: Effect): void {
    const { target } = this;
    const { f } = target;
    const values = this.#values;
    switch (effect.kind) {
      case 'load': {
        const { result, high } = effect;
        const host = this.#translate(effect.address, high ? 32 : result.width / 8, false, effect.aligned);
        const local = values.local(result.width);
        pushLoad(target, host, result.width);
        f.set(local);
        values.bind(result, local);
        if (high) {
          const upper = values.local(high.width);
          pushLoad(target, host, high.width, 16);
          f.set(upper);
          values.bind(high, upper);
        }
        f.release(host);
        return;
      }
      case 'store': {
        const { value, high } = effect;
        const host = this.#translate(effect.address, high ? 32 : value.width / 8, true, effect.aligned);
        store(target, host, value.width, () => values.push(value, true));
        if (high) store(target, host, high.width, () => values.push(high), 16);
        if (value.width > 8) commitIfGathered(target, host);
        f.release(host);
        return;
      }
      case 'update': {
        const { before, after } = effect;
        const host = this.#translate(effect.address, before.width / 8, true, effect.aligned);
        const local = values.local(before.width);
        pushLoad(target, host, before.width);
        f.set(local);
        values.bind(before, local);
        store(target, host, after.width, () => values.push(after, true));
        if (after.width > 8) commitIfGathered(target, host);
        f.release(host);
        return;
      }
      case 'probe':
        f.release(this.#translate(effect.address, effect.width / 8, effect.access === 'write'));
        return;
      case 'set': {
        const { place, value } = effect;
        if (place.kind === 'element') setElement(values, place.array, place.index, value);
        else if (!this.#hasWritten && target.isSame?.(place, value)) return;
        else target.write(place, () => values.push(value, place.width < 32));
        this.#hasWritten = true;
        return;
      }
      case 'flags':
        if (!effect.when && target.deferFlags?.(effect.flags, values)) return;
        target.settleFlags?.();
        this.#when(effect.when, () => writeFlags(effect.flags, values));
        return;
      case 'jump':
        this.#jump(effect);
        return;
      case 'raise':
        values.pushTruth(effect.when);
        f.if(undefined, 'unlikely');
        values.scope(() => raise(target, effect.vector, effect.error));
        f.end();
        return;
      case 'call': {
        const { when, results } = effect;
        // The helper may change what the condition reads, and others may ask for it again.
        if (when && values.isShared(when)) values.keep(when);
        const locals = results.map(({ width }) => values.local(width));
        this.#when(when, () => this.#call(effect, locals), 'unlikely');
        results.forEach((result, n) => {
          values.bind(result, locals[n]);
        });
        return;
      }
      case 'window':
        this.#window = true;
        return;
      case 'finish':
        values.pushTruth(effect.when);
        f.brIf(this.#done!, 'unlikely');
        return;
      case 'again':
        this.#when(effect.when, () => target.again());
        return;
      case 'bulk':
        if (target.bulk(effect.what, effect.width, effect.addressWidth)) values.forget();
        return;
    }
  }

  #jump({ target: value, when }: Extract<Effect, { kind: 'jump' }>): void {
    const { target } = this;
    const jump = () => target.jump(value, () => this.#values.push(value));
    if (!when) {
      jump();
      return;
    }
    this.#values.pushTruth(when);
    target.settleFlags?.();
    target.f.if();
    this.#values.scope(jump);
    target.f.end();
  }

  #when(condition: Value | undefined, write: () => void, hint?: Hint): void {
    if (!condition) {
      write();
      return;
    }
    this.#values.pushTruth(condition);
    this.target.f.if(undefined, hint);
    this.#values.scope(write);
    this.target.f.end();
  }

  /** Address in linear memory, in a local that the caller releases. */
  #translate(address: Address, bytes: number, write: boolean, aligned?: Alignment): number {
    const { target } = this;
    const { f } = target;
    const access = bytes | ((write ? Access.write : Access.read) << 8);
    const linear = f.local('i64');
    if (address.kind === 'operand') {
      const { plus } = address;
      target.pushLinear(access, plus && (() => this.#values.push(plus)));
    } else target.pushImplicit(address.segment, access, () => this.#values.push(address.offset));
    f.set(linear);
    if (aligned) {
      f.get(linear)
        .op('i32.wrap_i64')
        .i32(aligned - 1)
        .op('i32.and')
        .if(undefined, 'unlikely');
      raise(target, Vector.gp, 0);
      f.end();
    }
    const segment = address.kind === 'operand' ? undefined : address.segment;
    const host = translate(target, linear, bytes, write, () => target.pushAccessSize(bytes, segment));
    f.release(linear);
    return host;
  }

  #call(effect: Extract<Effect, { kind: 'call' }>, locals: readonly number[]): void {
    const { target } = this;
    const { f } = target;
    let slot = state.argument0.offset;
    for (const input of effect.inputs) {
      target.pushCpu();
      this.#values.push(input);
      if (input.width === 128) f.memory('v128.store', slot, 0);
      else {
        if (input.width < 64) f.op('i64.extend_i32_u');
        f.memory('i64.store', slot);
      }
      slot += input.width === 128 ? 16 : 8;
    }
    target.beforeHelper();
    target.pushCpu();
    f.call(target.import(`helper_${effect.helper}`));
    target.afterHelper();
    slot = state.result0.offset;
    effect.results.forEach((result, n) => {
      target.pushCpu();
      if (result.width === 128) f.memory('v128.load', slot, 0);
      else f.memory(result.width === 64 ? 'i64.load' : 'i32.load', slot);
      if (result.width < 32) f.i32((1 << result.width) - 1).op('i32.and');
      f.set(locals[n]);
      slot += result.width === 128 ? 16 : 8;
    });
  }
}
