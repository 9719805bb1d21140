/**
 * Pure values → WebAssembly. A node that is used twice is computed once and kept in a local. Values of 8 and 16 bits may carry
 * garbage above their width while only their low bits matter (`loose`); who needs them clean masks them then.
 */
import type { Routine } from '../ir/routine.ts';
import type { Value, Width } from '../ir/value.ts';
import type { ArrayField } from '../state/layout.ts';
import { writeArithmetic } from './arithmetic-nodes.ts';
import { carrier, isConstant, isLeaf, maskOf } from './carrier.ts';
import { pushElement } from './element.ts';
import type { FunctionBuilder } from './function.ts';
import { writeLeaf } from './leaf-nodes.ts';
import type { Target } from './target.ts';
import { vectorLowering } from './vector.ts';
import { writeWidthChange } from './width-nodes.ts';

const leafKey = (value: Value): string | undefined =>
  isLeaf(value) ? `${value.operation} ${value.width} ${String(value.detail)}` : undefined;

interface Kept {
  readonly local: number;
  clean: boolean;
}

export class ValueWriter {
  readonly f: FunctionBuilder;
  #kept = new Map<Value, Kept>();
  #leafLocals = new Map<string, Kept>();
  #uses = new Map<Value | string, number>();
  #locals: number[] = [];

  constructor(readonly target: Target) {
    this.f = target.f;
  }

  /** Counts the uses of every node below the roots, so that shared ones are recognised. Leaves are equal by what they read. */
  count(root: Value): void {
    const key = leafKey(root) ?? root;
    const uses = (this.#uses.get(key) ?? 0) + 1;
    this.#uses.set(key, uses);
    if (uses === 1) for (const input of root.inputs) this.count(input);
  }

  /** At the end of an instruction: its locals are free for the next. */
  release(): void {
    for (const local of this.#locals) this.f.release(local);
    this.#locals = [];
    this.#uses = new Map();
    this.forget();
  }

  /** What is computed in `write` is forgotten afterwards: it happened under a condition. */
  scope(write: () => void): void {
    const kept = this.#kept;
    const leafLocals = this.#leafLocals;
    this.#kept = new Map(kept);
    this.#leafLocals = new Map(leafLocals);
    write();
    this.#kept = kept;
    this.#leafLocals = leafLocals;
  }

  forget(): void {
    this.#kept = new Map();
    this.#leafLocals = new Map();
  }

  /** Registers a value that is already in a local. */
  bind(value: Value, local: number): void {
    this.#kept.set(value, { local, clean: true });
  }
  isKept(value: Value): boolean {
    return this.#find(value) !== undefined;
  }

  /** Puts a value into a local now, while what it reads is still as it was. */
  keep(value: Value): number {
    const known = this.#find(value);
    if (known?.clean) return known.local;
    this.push(value);
    const local = this.local(value.width);
    this.f.set(local);
    this.#remember(value, { local, clean: true });
    return local;
  }

  /** Drops bits above a width from what is on the stack. */
  clean(width: Width): void {
    if (width < 32) this.f.i32(maskOf(width)).op('i32.and');
  }
  /** After an operation that may have left garbage above the width; true if there is none now. */
  settle(width: Width, loose: boolean): boolean {
    if (width >= 32) return true;
    if (!loose) this.clean(width);
    return !loose;
  }

  /** A condition: any non-zero i32 is true. */
  pushTruth(value: Value): void {
    if (!this.#find(value)) {
      const [left, right] = value.inputs as [Value, Value];
      if (value.operation === 'ne' && isConstant(right, 0n) && left.width <= 32) {
        this.push(left);
        return;
      }
      if (value.operation === 'zeroExtend' && left.width === 1) {
        this.pushTruth(left);
        return;
      }
    }
    this.push(value);
  }

  push(value: Value, loose = false): void {
    const kept = this.#find(value);
    if (kept) {
      this.f.get(kept.local);
      if (!kept.clean && !loose) this.clean(value.width);
      return;
    }
    if (value.operation === 'constant' || !this.isShared(value)) {
      this.#compute(value, loose);
      return;
    }
    const clean = this.#compute(value, loose);
    const local = this.local(value.width);
    this.f.tee(local);
    this.#remember(value, { local, clean });
  }

  /** The bit of a value of width 1 at a position of an i32, other bits clear; pushes nothing and returns false where it is constant 0. */
  pushBitAt(value: Value, position: number): boolean {
    const { f } = this;
    if (isConstant(value, 0n)) return false;
    if (isConstant(value)) {
      f.i32(1 << position);
      return true;
    }
    if (value.operation === 'truncate' && !this.#find(value)) {
      let source = value.inputs[0];
      let bit = 0;
      if (source.operation === 'shr' && source.inputs[1].operation === 'constant' && !this.#find(source)) {
        bit = Number(source.inputs[1].detail);
        source = source.inputs[0];
      }
      if (source.width <= 64 && bit < source.width) {
        this.push(source, true);
        const right = bit - position;
        if (source.width === 64) {
          if (right > 0) f.i64(right).op('i64.shr_u');
          f.op('i32.wrap_i64');
        } else if (right > 0) f.i32(right).op('i32.shr_u');
        if (right < 0) f.i32(-right).op('i32.shl');
        if (!(source.width === 32 && bit === 31 && position === 0)) f.i32(1 << position).op('i32.and');
        return true;
      }
    }
    this.push(value);
    if (position > 0) f.i32(position).op('i32.shl');
    return true;
  }

  /** To i64 with the sign of its own width, whatever is above it. */
  pushSigned64(value: Value): void {
    const { f } = this;
    if (value.width === 64) {
      this.push(value);
      return;
    }
    this.push(value, true);
    if (value.width === 8) f.op('i32.extend8_s');
    else if (value.width === 16) f.op('i32.extend16_s');
    f.op('i64.extend_i32_s');
  }

  /** A local that lives until the instruction's end. */
  local(width: Width): number {
    const local = this.f.local(carrier(width));
    this.#locals.push(local);
    return local;
  }

  /** Whether it is used more than once. */
  isShared(value: Value): boolean {
    return (this.#uses.get(leafKey(value) ?? value) ?? 0) > 1;
  }
  #find(value: Value): Kept | undefined {
    const kept = this.#kept.get(value);
    if (kept) return kept;
    const key = leafKey(value);
    return key === undefined ? undefined : this.#leafLocals.get(key);
  }
  #remember(value: Value, kept: Kept): void {
    this.#kept.set(value, kept);
    const key = leafKey(value);
    if (key !== undefined) this.#leafLocals.set(key, kept);
  }

  /** Pushes a node without looking for a kept copy; true if what it pushed is clean. */
  #compute(value: Value, loose: boolean): boolean {
    if (value.width === 1 && this.target.pushDeferred?.(value)) return true;
    if (value.operation === 'routine') {
      for (const input of value.inputs) this.push(input);
      this.f.call(this.target.module.routine(value.detail as Routine));
      return true;
    }
    if (value.operation === 'element') {
      pushElement(this, value.detail as ArrayField, value.inputs[0]);
      return true;
    }
    if (value.operation === 'vector') {
      vectorLowering(value, this);
      return true;
    }
    const clean = writeLeaf(value, this) ?? writeWidthChange(value, this, loose) ?? writeArithmetic(value, this, loose);
    if (clean === undefined) throw new Error(`${value.operation} has no value here`);
    return clean;
  }
}
