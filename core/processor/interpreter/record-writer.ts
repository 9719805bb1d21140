/** Writes records (record.ts) into linear memory, a word of two or more fields at a time. */
import type { Decoded } from '../decode/decoded.ts';
import type { Form } from '../isa/form.ts';
import { Segment, segmentBase, state } from '../state/layout.ts';
import { Vector } from '../state/registers.ts';
import { Handler } from './handlers.ts';
import { gotoRecord, record, undefinedRecord, wordOf } from './record.ts';

/** Handler numbers of forms; `simple`: the memory operand is a base and a displacement. */
export interface Handlers {
  handlerOf(form: Form, simple: boolean): number;
}

export class RecordWriter {
  readonly #words: Int32Array;
  readonly #slots = new Int32Array(4);

  constructor(
    words: Int32Array,
    private readonly handlers: Handlers,
  ) {
    this.#words = words;
  }

  instruction(pointer: number, offset: number, mode: number, decoded: Decoded): void {
    const words = this.#words;
    const form = decoded.form!;
    const { operands } = form;
    const memory = operands.some(({ kind }) => kind === 'memory');
    const relative = operands.some(({ kind }) => kind === 'relative');
    const inMemory64 = decoded.addressWidth === 64;
    // ES, CS, SS and DS have no base in 64-bit mode, and records of other modes take the slow path.
    const segment =
      (mode & 3) === 2 && decoded.segment < Segment.fs ? state.zero.offset : segmentBase(decoded.segment).offset;
    const base = decoded.ripRelative ? state.codeBase.offset : decoded.base;
    const simple = memory && inMemory64 && decoded.index === state.zero.offset && segment === state.zero.offset;
    const size = decoded.addressWidth === 64 ? 2 : decoded.addressWidth === 32 ? 1 : 0;
    const address = decoded.scale | (inMemory64 ? 0 : 4) | (decoded.segment << 3) | (size << 6);

    const slots = this.#slots;
    slots.fill(0);
    let count = 0;
    operands.forEach(({ slot }, operand) => {
      if (slot < 0) return;
      slots[slot] = decoded.registers[operand];
      count++;
    });

    let displacementLow = decoded.displacementLow;
    let displacementHigh = decoded.displacementHigh;
    let immediateLow = decoded.immediateLow;
    let immediateHigh = count > 2 ? slots[2] | (slots[3] << 16) : decoded.immediateHigh;
    const next = offset + decoded.length;
    if (decoded.ripRelative) {
      const low = (displacementLow >>> 0) + next;
      displacementHigh = (displacementHigh + (low > 0xffff_ffff ? 1 : 0)) | 0;
      displacementLow = low | 0;
    }
    if (relative) {
      const low = (immediateLow >>> 0) + next;
      immediateHigh = (immediateHigh + (low > 0xffff_ffff ? 1 : 0)) | 0;
      immediateLow = low | 0;
      displacementLow = 0;
      displacementHigh = 0;
    }

    words[wordOf(pointer, record.handler)] =
      this.handlers.handlerOf(form, simple) | (decoded.length << 16) | (address << 24);
    words[wordOf(pointer, record.a)] = slots[0] | (slots[1] << 16);
    words[wordOf(pointer, record.base)] = base | (decoded.index << 16);
    words[wordOf(pointer, record.segmentBase)] = segment | (offset << 16);
    words[wordOf(pointer, record.displacement)] = displacementLow;
    words[wordOf(pointer, record.displacementHigh)] = displacementHigh;
    words[wordOf(pointer, record.immediate)] = immediateLow;
    words[wordOf(pointer, record.immediateHigh)] = immediateHigh;
  }

  undefined(pointer: number, offset: number, fault: number): void {
    this.own(pointer, offset, Handler.undefined);
    this.#words[wordOf(pointer, undefinedRecord.vector)] = fault | ((fault === Vector.gp ? 0 : -1) << 16);
  }

  goto(pointer: number, offset: number): void {
    this.own(pointer, offset, Handler.goto);
    this.#words[wordOf(pointer, gotoRecord.target)] = offset;
  }

  own(pointer: number, offset: number, handler: number): void {
    this.#words.fill(0, wordOf(pointer, 0), wordOf(pointer, record.size));
    this.#words[wordOf(pointer, record.handler)] = handler;
    this.#words[wordOf(pointer, record.segmentBase)] = offset << 16;
  }
}
