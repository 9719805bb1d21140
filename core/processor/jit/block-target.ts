/** Operands of an instruction that is compiled: constants, and registers in locals. Control goes to the region's labels. */

import { pushField, storeField } from '../interpreter/field.ts';
import { importFunction } from '../interpreter/import-function.ts';
import { isSecondImmediate } from '../interpreter/record-target.ts';
import type { FlagUpdate, RegisterPlace } from '../ir/effect.ts';
import type { Value, Width } from '../ir/value.ts';
import { stackAccess } from '../memory/access-size.ts';
import {
  gprOffset,
  Segment,
  type SegmentIndex,
  segmentBase,
  segmentSelector,
  state,
  ymmHighDistance,
} from '../state/layout.ts';
import { Status } from '../state/leave.ts';
import { maskOf } from '../wasm/carrier.ts';
import type { FunctionBuilder, FunctionReference, Label } from '../wasm/function.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import type { Target } from '../wasm/target.ts';
import type { ValueWriter } from '../wasm/values.ts';
import { DeferredFlags } from './deferred-flags.ts';
import { type CompiledInstruction, noSlot } from './instruction.ts';
import { isGeneral, type RegisterFile } from './register-file.ts';

export interface RegionLocals {
  readonly cpu: number;
  /** Budget left after the block that is being executed. */
  readonly left: number;
  readonly codeBase: number;
  readonly context: number;
  readonly flagResult: number;
  readonly flagBits: number;
  readonly status: number;
  /** Where to go on, when the region is left. */
  readonly rip: number;
}

export interface RegionControl {
  /** Spills everything and returns `status`; `rip` and `left` are right. */
  readonly exit: Label;
  /** Goes on at an offset of the page: a branch, or leaving with `rip` set. */
  goTo(offset: number): void;
  /** The same for a RIP in the local `rip`. */
  goToRip(isReturn: boolean): void;
}

export class BlockTarget implements Target {
  readonly flags: DeferredFlags;
  #at!: CompiledInstruction;
  /** Instructions of the block from this one on: not retired if it aborts. */
  #rest = 0;
  #eager = false;

  constructor(
    readonly f: FunctionBuilder,
    readonly module: ModuleBuilder,
    readonly locals: RegionLocals,
    readonly registers: RegisterFile,
    readonly control: RegionControl,
  ) {
    this.flags = new DeferredFlags(this);
  }

  /** `eager`: flags are not to be deferred in it. */
  begin(instruction: CompiledInstruction, rest: number, eager: boolean): void {
    this.#at = instruction;
    this.#rest = rest;
    this.#eager = eager;
    if (eager) this.flags.settle();
  }

  import(name: string): FunctionReference {
    return importFunction(this.module, name === 'translateWrite' ? 'translateWriteCompiled' : name);
  }
  pushCpu(): void {
    this.f.get(this.locals.cpu);
  }

  #slot(operand: number): number {
    return this.#at.slots[this.#at.form.operands[operand].slot];
  }

  pushRegister(operand: number, width: Width): void {
    const slot = this.#slot(operand);
    if (this.#at.form.operands[operand].kind === 'segment') this.pushState(segmentSelector(slot).offset, width);
    else this.pushState(slot, width);
  }
  pushUpper(operand: number): void {
    this.pushState(this.#slot(operand) + ymmHighDistance, 128);
  }
  pushState(offset: number, width: Width): void {
    if (isGeneral(offset)) {
      this.registers.push(offset, width);
      return;
    }
    this.pushCpu();
    pushField(this.f, offset, width);
  }
  pushImmediate(operand: number, width: Width): void {
    const { f } = this;
    const { form, immediate, displacement } = this.#at;
    if (form.operands[operand].kind === 'relative') {
      f.get(this.locals.codeBase).i64(immediate).op('i64.add');
      return;
    }
    const value = isSecondImmediate(form, operand) ? displacement : immediate;
    if (width === 64) f.i64(value);
    else f.i32(Number(BigInt.asIntN(32, value)) & maskOf(width));
  }
  pushNumber(operand: number): void {
    this.f.i32(this.#slot(operand));
  }
  pushScale(): void {
    this.f.i32(this.#at.scale);
  }
  pushSegment(_operand: number): void {
    this.f.i32(this.#at.segment);
  }
  pushStackBased(): void {
    this.f.i32(this.#at.base === gprOffset(4) ? 1 : 0);
  }

  write(place: RegisterPlace, push: () => void): void {
    const offset = this.#offsetOf(place);
    if (isGeneral(offset)) {
      this.registers.write(offset, place.width, push);
      return;
    }
    this.pushCpu();
    push();
    storeField(this.f, offset, place.width, place.file === 'general');
  }

  isSame(place: RegisterPlace, { operation, width, detail }: Value): boolean {
    if (place.kind !== 'register' || place.upper || place.file !== 'plain') return false;
    return (
      operation === 'register' && width === place.width && this.#slot(place.operand) === this.#slot(detail as number)
    );
  }

  clobbers(place: RegisterPlace, leaf: Value): boolean {
    const written = this.#offsetOf(place);
    const overlaps = (offset: number, bytes: number) => {
      const [from, to] = isGeneral(written) ? [written & ~7, (written & ~7) + 8] : [written, written + place.width / 8];
      return offset < to && from < offset + bytes;
    };
    if (leaf.operation === 'offset') return overlaps(this.#at.base, 8) || overlaps(this.#at.index, 8);
    const slot = leaf.operation === 'state' ? (leaf.detail as number) : this.#slot(leaf.detail as number);
    const read = leaf.operation === 'upper' ? slot + ymmHighDistance : slot;
    return overlaps(read, Math.max(leaf.width / 8, 1));
  }

  #offsetOf(place: RegisterPlace): number {
    if (place.kind === 'state') return place.offset;
    return this.#slot(place.operand) + (place.upper ? ymmHighDistance : 0);
  }

  pushOffset(): void {
    const { f } = this;
    const { base, index, scale, displacement } = this.#at;
    let parts = 0;
    const join = () => {
      if (parts++ > 0) f.op('i64.add');
    };
    if (base === state.codeBase.offset) {
      f.get(this.locals.codeBase);
      join();
    } else if (base !== noSlot) {
      this.pushState(base, 64);
      join();
    }
    if (index !== noSlot) {
      this.pushState(index, 64);
      if (scale > 0) f.i64(scale).op('i64.shl');
      join();
    }
    if (displacement !== 0n || parts === 0) {
      f.i64(displacement);
      join();
    }
  }

  pushLinear(_access: number, plus: (() => void) | undefined): void {
    const { f } = this;
    this.pushOffset();
    if (plus) {
      plus();
      f.op('i64.add');
    }
    this.#addSegment(this.#at.segmentBase);
  }
  pushImplicit(segment: SegmentIndex | 'source', _access: number, offset: () => void): void {
    offset();
    if (segment === 'source') this.#addSegment(this.#at.segmentBase);
    else if (segment >= Segment.fs) this.#addSegment(segmentBase(segment).offset);
  }
  #addSegment(slot: number): void {
    if (slot === noSlot) return;
    this.pushState(slot, 64);
    this.f.op('i64.add');
  }

  pushAccessSize(bytes: number, segment: SegmentIndex | 'source' | undefined): void {
    const used = segment === undefined || segment === 'source' ? this.#at.segment : segment;
    this.f.i32(used === Segment.ss ? bytes | stackAccess : bytes);
  }
  pushContext(): void {
    this.f.get(this.locals.context);
  }
  pushRip(): void {
    this.f.get(this.locals.codeBase).i64(this.#at.offset).op('i64.add');
  }
  pushNextRip(): void {
    this.f
      .get(this.locals.codeBase)
      .i64(this.#at.offset + this.#at.length)
      .op('i64.add');
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
  deferFlags(flags: FlagUpdate, values: ValueWriter): boolean {
    return !this.#eager && this.flags.defer(flags, values);
  }
  holds(values: ValueWriter): boolean {
    return this.flags.holds(values);
  }
  settleFlags(): void {
    this.flags.settle();
  }
  pushDeferred(value: Value): boolean {
    return this.flags.push(value);
  }

  abort(): void {
    const { f, locals } = this;
    this.flags.compute();
    this.pushRip();
    f.set(locals.rip);
    f.get(locals.left).i32(this.#rest).op('i32.add').set(locals.left);
    f.i32(Status.fault).set(locals.status).br(this.control.exit);
  }

  beforeHelper(): void {
    const { f, locals } = this;
    this.flags.compute();
    this.registers.storeAll();
    this.pushCpu();
    f.get(locals.flagResult).memory('i64.store', state.flagResult.offset);
    this.pushCpu();
    f.get(locals.flagBits).memory('i32.store', state.flagBits.offset);
    this.pushCpu();
    this.pushRip();
    f.memory('i64.store', state.rip.offset);
    this.pushCpu();
    this.pushNextRip();
    f.memory('i64.store', state.nextRip.offset);
    this.pushCpu();
    f.get(locals.left).i32(this.#rest).op('i32.add').memory('i32.store', state.budget.offset);
  }
  afterHelper(): void {
    const { f, locals } = this;
    f.tee(locals.status).if(undefined, 'unlikely');
    // Transferred and left instructions have retired.
    this.pushCpu();
    f.get(locals.left).i32(this.#rest).op('i32.add');
    f.get(locals.status).i32(~1).op('i32.and').i32(Status.transferred).op('i32.eq').op('i32.sub');
    f.memory('i32.store', state.budget.offset).get(locals.status).op('return').end();
    this.registers.loadAll();
    f.get(locals.cpu).memory('i64.load', state.flagResult.offset).set(locals.flagResult);
    f.get(locals.cpu).memory('i32.load', state.flagBits.offset).set(locals.flagBits);
    f.get(locals.cpu).memory('i64.load32_u', state.context.offset).set(locals.context);
  }

  jump(target: Value, push: () => void): void {
    const { form, immediate } = this.#at;
    if (target.operation === 'immediate') {
      this.flags.settle();
      const offset = Number(immediate);
      if (offset >= 0 && offset < 4096) this.control.goTo(offset);
      else {
        push();
        this.f.set(this.locals.rip);
        this.leave();
      }
      return;
    }
    push();
    this.f.set(this.locals.rip);
    this.flags.settle();
    this.control.goToRip(form.instruction.branch === 'return');
  }

  leave(): void {
    this.f.i32(Status.done).set(this.locals.status).br(this.control.exit);
  }

  again(): void {
    throw new Error('REP is not compiled');
  }
  finish(): void {}
  bulk(): boolean {
    return false;
  }
}
