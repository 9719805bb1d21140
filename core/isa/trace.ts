/**
 * `trace(form)` runs an instruction's semantics once over symbolic operands and keeps what it said as IR. The order rule is
 * checked here: after the first register or flag write nothing may be read, and no memory may be written.
 */
import type { Address, Effect, FlagUpdate, Place, Program, RegisterFile } from '../ir/effect.ts';
import { constant, type FlagName, type Operation, Value, type Width } from '../ir/value.ts';
import { gprOffset, Segment, type SegmentIndex, type StateName, state } from '../state/layout.ts';
import type { Form, OperandForm } from './form.ts';
import { type HelperName, helpers } from './helpers.ts';

/** Something that an instruction reads and writes: a register, a memory operand, an immediate. */
export interface Operand {
  readonly width: Width;
  readonly isMemory: boolean;
  /** The form's kind, for the few instructions whose meaning depends on it (MOVSS, MOV Sreg). */
  readonly form: OperandForm | undefined;
  read(): Value;
  /** For memory: the first `width` bits at a displacement in bytes. */
  readAt(displacement: Value | number, width: Width): Value;
  write(value: Value): void;
  writeAt(displacement: Value | number, value: Value): void;
  /** Read-modify-write as one act. The new value is computed from the old one by `change`. */
  update(change: (before: Value) => Value): { before: Value; after: Value };
  updateAt(
    displacement: Value | number,
    width: Width,
    change: (before: Value) => Value,
  ): { before: Value; after: Value };
  /** Effective address without the segment, 64 bits (LEA, INVLPG, FXSAVE …). Memory only. */
  offset(): Value;
  /** Register number as the helper needs it (segment, control, debug register, ST(i)): a 32-bit value. */
  number(): Value;
}

const leaf = (operation: Operation, width: Width, detail: number | FlagName): Value =>
  new Value(operation, width, [], detail);

export class Tracer {
  readonly effects: Effect[] = [];
  #committing = false;

  constructor(readonly form: Form) {}

  get operandWidth(): 16 | 32 | 64 {
    return this.form.operandWidth;
  }
  get addressWidth(): 16 | 32 | 64 {
    return this.form.addressWidth;
  }
  get stackWidth(): 16 | 32 | 64 {
    return this.form.stackWidth;
  }
  get is64(): boolean {
    return this.form.code64;
  }

  /** Address of the next instruction, 64 bits. */
  get nextRip(): Value {
    return new Value('nextRip', 64);
  }
  get rip(): Value {
    return new Value('rip', 64);
  }

  flag(name: FlagName): Value {
    return this.#reading(leaf('flag', 1, name));
  }

  setFlags(flags: FlagUpdate, when?: Value): void {
    this.#committing = true;
    this.effects.push(when ? { kind: 'flags', flags, when } : { kind: 'flags', flags });
  }

  /** General register by number (0 rAX … 15 r15). Byte registers are the low bytes. */
  register(index: number, width: Width): Operand {
    return this.#place({ kind: 'state', offset: gprOffset(index), width, file: 'general' }, undefined);
  }

  /** A named field of the state block. */
  state(name: StateName): Operand {
    const { offset, width } = state[name];
    return this.#place({ kind: 'state', offset, width, file: 'plain' }, undefined);
  }

  /** A field of the state block by offset (segment bases, XMM0 …). */
  field(offset: number, width: Width): Operand {
    return this.#place({ kind: 'state', offset, width, file: 'plain' }, undefined);
  }

  /** Implicit memory: a segment and an offset within it (64 bits, masked to its address size by the caller). */
  memory(segment: SegmentIndex | 'source', offset: Value, width: Width): Operand {
    return this.#memory(
      plus => ({ kind: 'implicit', segment, offset: plus ? offset.add(plus.resize(64)) : offset }),
      width,
      undefined,
    );
  }

  /** rSP masked to the stack's width, as 64 bits. */
  get stackPointer(): Value {
    return this.register(4, this.stackWidth).read().zeroExtend(64);
  }

  /** The stack at a displacement from rSP, wrapped to the stack's width. */
  stack(displacement: number, width: Width): Operand {
    const pointer = this.register(4, this.stackWidth)
      .read()
      .add(constant(this.stackWidth, displacement))
      .zeroExtend(64);
    return this.memory(Segment.ss, pointer, width);
  }

  /** Moves rSP by a number of bytes, to be called among the final register writes. */
  moveStack(bytes: number, from: Value = this.#stackBefore()): void {
    this.register(4, this.stackWidth).write(from.add(constant(this.stackWidth, bytes)));
  }

  push(value: Value): void {
    const before = this.#stackBefore();
    const bytes = value.width / 8;
    this.stack(-bytes, value.width).write(value);
    this.moveStack(-bytes, before);
  }

  /** Reads what rSP points at; `moveStack` is the caller's, so that a destination may come between. */
  top(width: Width): Value {
    return this.stack(0, width).read();
  }

  #stackBefore(): Value {
    return leaf('state', this.stackWidth, gprOffset(4));
  }

  jump(target: Value, when?: Value): void {
    this.effects.push(when ? { kind: 'jump', target, when } : { kind: 'jump', target });
  }

  raise(vector: number, when: Value, error = -1): void {
    this.effects.push({ kind: 'raise', vector, error, when });
  }

  /** Faults unless the operand's memory can be written. */
  probe(address: Address, width: Width): void {
    this.effects.push({ kind: 'probe', address, width });
  }

  call(helper: HelperName, ...inputs: Value[]): Value[] {
    const { inputs: widths, results } = helpers[helper] as { inputs: readonly Width[]; results: readonly Width[] };
    if (widths.length !== inputs.length)
      throw new Error(`${helper} takes ${widths.length} arguments, not ${inputs.length}`);
    widths.forEach((width, n) => {
      if (inputs[n]!.width !== width)
        throw new Error(`${helper}: argument ${n} has ${inputs[n]!.width} bits, not ${width}`);
    });
    const produced = results.map(width => new Value('result', width));
    this.effects.push({ kind: 'call', helper, inputs, results: produced });
    return produced;
  }

  /** A helper without results, called only where `when` is 1. */
  callIf(when: Value, helper: HelperName, ...inputs: Value[]): void {
    this.effects.push({ kind: 'call', helper, inputs, results: [], when });
  }

  finish(when: Value): void {
    this.effects.push({ kind: 'finish', when });
  }
  again(when: Value): void {
    this.effects.push({ kind: 'again', when });
  }
  bulk(what: 'movs' | 'stos', width: Width): void {
    this.effects.push({ kind: 'bulk', what, width, addressWidth: this.addressWidth });
  }

  /** The form's operands, for `semantics`. */
  operands(): Operand[] {
    return this.form.operands.map((form, operand) => this.#operand(form, operand));
  }

  #operand(form: OperandForm, operand: number): Operand {
    const width = (form.width || 64) as Width;
    switch (form.kind) {
      case 'memory':
        return this.#memory(
          plus => (plus ? { kind: 'operand', operand, plus } : { kind: 'operand', operand }),
          width,
          form,
          operand,
        );
      case 'immediate':
      case 'relative':
        return this.#place(
          { kind: 'register', operand, width, file: 'plain' },
          form,
          leaf('immediate', width, operand),
        );
      case 'cl':
        return this.#place({ kind: 'state', offset: gprOffset(1), width: 8, file: 'general' }, form);
      case 'dx':
        return this.#place({ kind: 'state', offset: gprOffset(2), width: 16, file: 'general' }, form);
      case 'one':
        return this.#place({ kind: 'register', operand, width: 8, file: 'plain' }, form, constant(8, 1));
      case 'general':
        return this.#place({ kind: 'register', operand, width, file: 'general' }, form);
      default:
        return this.#place({ kind: 'register', operand, width, file: 'plain' }, form);
    }
  }

  #place(place: Place, form: OperandForm | undefined, fixed?: Value): Operand {
    const tracer = this;
    const operand = {
      width: place.width,
      isMemory: false,
      form,
      read: () =>
        fixed ??
        tracer.#reading(leaf(place.kind, place.width, place.kind === 'register' ? place.operand : place.offset)),
      write: (value: Value) => tracer.#set(place, value),
      update(change: (before: Value) => Value) {
        const before = operand.read();
        const after = change(before);
        tracer.#set(place, after);
        return { before, after };
      },
      readAt: () => tracer.#notMemory(),
      writeAt: () => tracer.#notMemory(),
      updateAt: () => tracer.#notMemory(),
      offset: () => tracer.#notMemory(),
      number: () => leaf('immediate', 32, place.kind === 'register' ? place.operand : 0),
    };
    return operand;
  }

  #memory(at: (plus?: Value) => Address, width: Width, form: OperandForm | undefined, operand?: number): Operand {
    const displaced = (displacement: Value | number): Address =>
      at(
        typeof displacement === 'number' ? (displacement === 0 ? undefined : constant(64, displacement)) : displacement,
      );
    const update = (address: Address, size: Width, change: (before: Value) => Value) => {
      this.#writingMemory();
      const before = new Value('result', size);
      const after = change(before);
      this.effects.push({ kind: 'update', address, before, after });
      return { before, after };
    };
    const load = (address: Address, size: Width) => {
      if (this.#committing) throw new Error(`${this.form.key}: memory is read after a register was written`);
      const result = new Value('result', size);
      this.effects.push(
        size === 128 && this.form.instruction.aligned
          ? { kind: 'load', address, result, aligned: true }
          : { kind: 'load', address, result },
      );
      return result;
    };
    const store = (address: Address, value: Value) => {
      this.#writingMemory();
      this.effects.push(
        value.width === 128 && this.form.instruction.aligned
          ? { kind: 'store', address, value, aligned: true }
          : { kind: 'store', address, value },
      );
    };
    return {
      width,
      isMemory: true,
      form,
      read: () => load(at(), width),
      readAt: (displacement, size) => load(displaced(displacement), size),
      write: value => store(at(), value),
      writeAt: (displacement, value) => store(displaced(displacement), value),
      update: change => update(at(), width, change),
      updateAt: (displacement, size, change) => update(displaced(displacement), size, change),
      offset: () => leaf('offset', 64, operand ?? -1),
      number: () => this.#notMemory(),
    };
  }

  #set(place: Place, value: Value): void {
    if (value.width !== place.width) throw new Error(`${this.form.key}: ${value.width} bits written to ${place.width}`);
    this.#committing = true;
    this.effects.push({ kind: 'set', place, value });
  }

  #reading(value: Value): Value {
    if (this.#committing) throw new Error(`${this.form.key}: read after a write`);
    return value;
  }

  #writingMemory(): void {
    if (this.#committing) throw new Error(`${this.form.key}: memory is written after a register`);
  }

  #notMemory(): never {
    throw new Error(`${this.form.key}: not a memory operand`);
  }
}

/**
 * The whole meaning of a form. Checks that rows declare (privilege, unit, intercept, alignment) come first as `call`s and `raise`s,
 * so that no reader needs to know of them.
 */
export function trace(form: Form): Program {
  const tracer = new Tracer(form);
  const { instruction } = form;
  if (instruction.privileged) tracer.raise(13, tracer.state('cpl').read().ne(0), 0);
  instruction.semantics(tracer, ...tracer.operands());
  return { effects: tracer.effects };
}

export type { RegisterFile };
