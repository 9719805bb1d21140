/** Operands of an instruction as its record names them: the part of lowering that every handler of the interpreter shares. */

import type { BulkOperation, RegisterPlace } from '../ir/effect.ts';
import type { Value, Width } from '../ir/value.ts';
import type { Form } from '../isa/form.ts';
import { stackAccess } from '../memory/access-size.ts';
import {
  gprOffset,
  Segment,
  type SegmentIndex,
  segmentBase,
  segmentOffset,
  state,
  ymmHighDistance,
} from '../state/layout.ts';
import type { FunctionBuilder, FunctionReference } from '../wasm/function.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import type { Target } from '../wasm/target.ts';
import { bulkSupport } from './bulk.ts';
import { pushField, storeField } from './field.ts';
import { importFunction } from './import-function.ts';
import { record, recordSlots } from './record.ts';
import { recordSupport } from './record-support.ts';

/** A memory operand that is a base and a displacement is so common that it has handlers of its own. */
export type Addressing = 'any' | 'simple';

/** Where the record keeps a register operand. */
const slotOf = (form: Form, operand: number): number => recordSlots[form.operands[operand].slot];

/** The second immediate (ENTER's level, a far pointer's selector) is in the displacement. */
export const isSecondImmediate = (form: Form, operand: number): boolean =>
  form.operands.slice(0, operand).some(({ kind }) => kind === 'immediate');

export abstract class RecordTarget implements Target {
  constructor(
    readonly f: FunctionBuilder,
    readonly module: ModuleBuilder,
    readonly form: Form,
    readonly addressing: Addressing,
    readonly cpu: number,
    readonly rec: number,
  ) {}

  import(name: string): FunctionReference {
    return importFunction(this.module, name);
  }

  pushCpu(): void {
    this.f.get(this.cpu);
  }

  /** Address of the register that a u16 slot of the record names. */
  #pushSlot(slot: number): void {
    this.f.get(this.cpu).get(this.rec).memory('i32.load16_u', slot).op('i32.add');
  }
  #pushSlot64(slot: number): void {
    this.#pushSlot(slot);
    this.f.memory('i64.load');
  }

  pushRegister(operand: number, width: Width): void {
    if (this.form.operands[operand].kind === 'segment') {
      this.pushNumber(operand);
      this.f
        .i32(4)
        .op('i32.shl')
        .get(this.cpu)
        .op('i32.add')
        .memory('i32.load16_u', segmentOffset(0) + 12);
      return;
    }
    this.#pushSlot(slotOf(this.form, operand));
    pushField(this.f, 0, width);
  }
  pushUpper(operand: number): void {
    this.#pushSlot(slotOf(this.form, operand));
    pushField(this.f, ymmHighDistance, 128);
  }
  pushState(offset: number, width: Width): void {
    this.f.get(this.cpu);
    pushField(this.f, offset, width);
  }
  pushImmediate(operand: number, width: Width): void {
    const { f } = this;
    const wide = this.form.operands[operand].kind === 'relative';
    const at = isSecondImmediate(this.form, operand) ? record.displacement : record.immediate;
    f.get(this.rec);
    if (wide || width === 64) f.memory('i64.load', at);
    else f.memory(width === 32 ? 'i32.load' : width === 16 ? 'i32.load16_u' : 'i32.load8_u', at);
    if (!wide) return;
    this.pushCodeBase();
    f.op('i64.add');
    if (width < 64) f.op('i32.wrap_i64');
    if (width < 32) f.i32((1 << width) - 1).op('i32.and');
  }
  pushNumber(operand: number): void {
    this.f.get(this.rec).memory('i32.load16_u', slotOf(this.form, operand));
  }
  pushScale(): void {
    this.f.get(this.rec).memory('i32.load8_u', record.address).i32(3).op('i32.and');
  }
  pushSegment(_operand: number): void {
    this.f.get(this.rec).memory('i32.load8_u', record.address).i32(3).op('i32.shr_u').i32(7).op('i32.and');
  }

  pushStackBased(): void {
    this.f.get(this.rec).memory('i32.load16_u', record.base).i32(gprOffset(4)).op('i32.eq');
  }

  write(place: RegisterPlace, push: () => void): void {
    const { f } = this;
    if (place.kind === 'register') this.#pushSlot(slotOf(this.form, place.operand));
    else this.pushCpu();
    push();
    const offset = place.kind === 'state' ? place.offset : place.upper ? ymmHighDistance : 0;
    storeField(f, offset, place.width, place.file === 'general');
  }

  /** Which register an operand is, is not known: any other register operand or fixed register may be the same. */
  clobbers(place: RegisterPlace, leaf: Value): boolean {
    if (leaf.operation === 'offset') return place.file === 'general';
    if (leaf.operation === 'state') {
      const offset = leaf.detail as number;
      if (place.kind === 'state')
        return (
          place.offset < offset + leaf.width / 8 &&
          offset < Math.floor(place.offset / 8) * 8 + Math.max(place.width / 8, 8)
        );
      return place.file === 'general' ? offset < gprOffset(16) : offset >= gprOffset(16);
    }
    if (leaf.operation === 'upper')
      return place.kind === 'register' ? place.upper === true : place.offset >= gprOffset(16);
    if (place.kind === 'register') return !place.upper;
    return place.offset < gprOffset(16) === (this.form.operands[leaf.detail as number].kind === 'general');
  }

  pushOffset(): void {
    const { f } = this;
    this.#pushSum();
    if (this.addressing === 'simple') return;
    const sum = f.local('i64');
    f.set(sum);
    f.get(this.rec).memory('i32.load8_u', record.address).i32(0x80).op('i32.and').if('i64', 'likely');
    f.get(sum).else().get(sum);
    this.#pushAddressMask();
    f.op('i64.and').end();
    f.release(sum);
  }

  #pushAddressMask(): void {
    this.f
      .i64(0xffff_ffffn)
      .i64(0xffff)
      .get(this.rec)
      .memory('i32.load8_u', record.address)
      .i32(0x40)
      .op('i32.and')
      .op('select');
  }

  /** Base, index and displacement. */
  #pushSum(): void {
    const { f } = this;
    this.#pushSlot64(record.base);
    f.get(this.rec).memory('i64.load', record.displacement).op('i64.add');
    if (this.addressing === 'simple') return;
    this.#pushSlot64(record.index);
    f.get(this.rec).memory('i64.load8_u', record.address).i64(3).op('i64.and').op('i64.shl').op('i64.add');
  }

  pushLinear(access: number, plus: (() => void) | undefined): void {
    const { f } = this;
    const sum = f.local('i64');
    this.#pushSum();
    if (plus) {
      plus();
      f.op('i64.add');
    }
    if (this.addressing === 'simple') {
      f.release(sum);
      return;
    }
    f.set(sum);
    f.get(this.rec).memory('i32.load8_u', record.address).i32(4).op('i32.and').if('i64', 'unlikely');
    f.get(this.cpu).get(this.rec).get(sum).i32(access).call(recordSupport(this.module, 'operandLinear'));
    this.#takeLinear();
    f.else().get(sum);
    this.#pushSlot64(record.segmentBase);
    f.op('i64.add').end();
    f.release(sum);
  }

  pushImplicit(segment: SegmentIndex | 'source', access: number, offset: () => void): void {
    const { f, form } = this;
    const in64 = segment === Segment.ss ? form.stackWidth === 64 && form.code64 : form.code64;
    if (in64) {
      offset();
      if (segment === 'source') this.#pushSlot64(record.segmentBase);
      else if (segment >= Segment.fs) this.pushState(segmentBase(segment).offset, 64);
      else return;
      f.op('i64.add');
      return;
    }
    f.get(this.cpu);
    if (segment === 'source') this.pushSegment(-1);
    else f.i32(segment);
    offset();
    f.i32(access).call(recordSupport(this.module, 'legacyLinear'));
    this.#takeLinear();
  }

  /** A status is on the stack; the address is in result0. */
  #takeLinear(): void {
    const { f } = this;
    f.if(undefined, 'unlikely');
    this.abort();
    f.end().get(this.cpu).memory('i64.load', state.result0.offset);
  }

  pushAccessSize(bytes: number, segment: SegmentIndex | 'source' | undefined): void {
    const { f } = this;
    f.i32(segment === Segment.ss ? bytes | stackAccess : bytes);
    if (segment !== undefined && segment !== 'source') return;
    this.pushSegment(0);
    f.i32(Segment.ss).op('i32.eq').i32(8).op('i32.shl').op('i32.or');
  }

  pushRip(): void {
    const { f } = this;
    this.pushCodeBase();
    f.get(this.rec).memory('i64.load16_u', record.offset).op('i64.add');
    this.#wrapRip();
  }
  pushNextRip(): void {
    const { f } = this;
    this.pushCodeBase();
    f.get(this.rec).memory('i64.load16_u', record.offset).op('i64.add');
    f.get(this.rec).memory('i64.load8_u', record.length).op('i64.add');
    this.#wrapRip();
  }
  /** EIP and IP wrap at their code's width. */
  #wrapRip(): void {
    if (!this.form.code64) this.f.i64(0xffff_ffffn).op('i64.and');
  }

  /** Do the rest of a helper's preparation: where the instruction is. */
  storeRips(): void {
    const { f } = this;
    f.get(this.cpu);
    this.pushRip();
    f.memory('i64.store', state.rip.offset).get(this.cpu);
    this.pushNextRip();
    f.memory('i64.store', state.nextRip.offset);
  }

  bulk(what: BulkOperation, width: Width, addressWidth: 16 | 32 | 64): boolean {
    const { code64, repeat } = this.form;
    if (!code64 || addressWidth !== 64 || repeat === 'none') return false;
    this.f.get(this.cpu).get(this.rec);
    this.f.call(bulkSupport(this.module, what, width / 8, repeat !== 'repne'));
    this.countIterations();
    return true;
  }

  /** Pops how many iterations a bulk operation was worth. */
  protected abstract countIterations(): void;

  abstract pushCodeBase(): void;
  abstract pushContext(): void;
  abstract pushFlagResult(): void;
  abstract pushFlagBits(): void;
  abstract popFlagResult(): void;
  abstract popFlagBits(): void;
  abstract abort(): void;
  abstract beforeHelper(): void;
  abstract afterHelper(): void;
  abstract jump(target: Value, push: () => void): void;
  abstract again(): void;
  abstract finish(window: boolean): void;
}
