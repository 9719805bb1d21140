/**
 * What semantics see as `cpu`: symbolic registers, flags and memory, and the effects that an instruction may have. Everything that is said is kept by
 * the recorder, which checks the order.
 */
import type { BulkOperation, Effect, FlagUpdate, Place } from '../ir/effect.ts';
import { type HelperName, helpers } from '../ir/helpers.ts';
import { constant, type FlagName, leaf, Value, type Width, yes } from '../ir/value.ts';
import { type ArrayField, gprOffset, Segment, type SegmentIndex, type StateName, state } from '../state/layout.ts';
import type { Form, OperandForm } from './form.ts';
import { type InterceptName, intercepts } from './intercepts.ts';
import { type AddressAt, MemoryOperand } from './memory-operand.ts';
import type { Operand } from './operand.ts';
import { PlaceOperand } from './place-operand.ts';
import { Recorder } from './recorder.ts';
import type { VexRun } from './vex-run.ts';

export class Tracer {
  readonly #recorder: Recorder;

  /** Where this is the VEX form: what knows of its lanes. */
  vex: VexRun | undefined;

  constructor(readonly form: Form) {
    this.#recorder = new Recorder(form.key);
  }

  /** What has been said so far. */
  get effects(): Effect[] {
    return this.#recorder.effects;
  }

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

  /** How often 128 bits the instruction's vectors have. */
  get lanes(): 1 | 2 {
    return this.form.lanes;
  }

  /** log2 of a memory operand's scale, 32 bits. */
  scale(operand: number): Value {
    return leaf('scale', 32, operand);
  }

  /** Which 128 bits semantics are to speak of. */
  get lane(): number {
    return this.vex?.lane ?? 0;
  }

  /** Writes a register operand, or its upper half, whatever else of it may have been written. */
  setRegister(operand: number, value: Value, upper = false): void {
    const { width } = value;
    this.#recorder.set({ kind: 'register', operand, width, file: 'plain', ...(upper ? { upper: true } : {}) }, value);
  }

  flag(name: FlagName): Value {
    return this.#recorder.reading(leaf('flag', 1, name));
  }

  setFlags(flags: FlagUpdate, when?: Value): void {
    this.#recorder.commit(when ? { kind: 'flags', flags, when } : { kind: 'flags', flags });
  }

  /** General register by number (0 rAX … 15 r15). Byte registers are the low bytes. */
  register(index: number, width: Width): Operand {
    return this.#placed({ kind: 'state', offset: gprOffset(index), width, file: 'general' }, undefined);
  }

  /** AH, CH, DH or BH. */
  highByte(index: number): Operand {
    return this.#placed({ kind: 'state', offset: gprOffset(index) + 1, width: 8, file: 'general' }, undefined);
  }

  /** A named field of the state block. */
  state(name: StateName): Operand {
    const { offset, width } = state[name];
    return this.#placed({ kind: 'state', offset, width, file: 'plain' }, undefined);
  }

  /** A field of the state block by offset (segment bases, XMM0 …). */
  field(offset: number, width: Width): Operand {
    return this.#placed({ kind: 'state', offset, width, file: 'plain' }, undefined);
  }

  /** The field of an array in the state block that `index`, 32 bits, picks. */
  element(array: ArrayField, index: Value): Operand {
    return this.#placed({ kind: 'element', array, index, width: array.width }, undefined);
  }

  /** Implicit memory: a segment and an offset within it (64 bits, masked to its address size by the caller). */
  memory(segment: SegmentIndex | 'source', offset: Value, width: Width): Operand {
    return this.#inMemory(
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

  raise(vector: number, when: Value = yes, error = -1): void {
    this.effects.push({ kind: 'raise', vector, error, when });
  }

  call(helper: HelperName, ...inputs: Value[]): Value[] {
    const { inputs: widths, results } = helpers[helper];
    if (widths.length !== inputs.length)
      throw new Error(`${helper} takes ${widths.length} arguments, not ${inputs.length}`);
    widths.forEach((width, n) => {
      if (inputs[n].width !== width)
        throw new Error(`${helper}: argument ${n} has ${inputs[n].width} bits, not ${width}`);
    });
    const produced = results.map(width => new Value('result', width));
    this.effects.push({ kind: 'call', helper, inputs, results: produced });
    return produced;
  }

  /** A helper that is called only where `when` is 1, and else has no results. */
  callIf(when: Value, helper: HelperName, ...inputs: Value[]): Value[] {
    const results = helpers[helper].results.map(width => new Value('result', width));
    this.effects.push({ kind: 'call', helper, inputs, results, when });
    return results;
  }

  /** What is written before on the same condition does not happen together with what follows. */
  finish(when: Value): void {
    this.#recorder.finish(when);
  }
  again(when: Value): void {
    this.effects.push({ kind: 'again', when });
  }
  bulk(what: BulkOperation, width: Width): void {
    this.effects.push({ kind: 'bulk', what, width, addressWidth: this.addressWidth });
  }

  /** Leaves to the hypervisor if this runs in a guest and is intercepted. For checks that cannot come first. */
  intercept(name: InterceptName): void {
    this.callIf(this.state('guest').read().ne(0), 'intercept', constant(32, intercepts[name]));
  }

  /** Segment of the string source, 32 bits. */
  get sourceSegment(): Value {
    return leaf('segment', 32, -1);
  }

  /** The form's operands, for `semantics`. */
  operands(): Operand[] {
    return this.form.operands.map((form, operand) => this.#operand(form, operand));
  }

  #operand(form: OperandForm, operand: number): Operand {
    const width = (form.width === 256 ? 128 : form.width || 64) as Width;
    switch (form.kind) {
      case 'memory':
        return this.#inMemory(
          plus => (plus ? { kind: 'operand', operand, plus } : { kind: 'operand', operand }),
          width,
          form,
          operand,
        );
      case 'immediate':
      case 'relative':
        return this.#placed(
          { kind: 'register', operand, width, file: 'plain' },
          form,
          leaf('immediate', width, operand),
        );
      case 'cl':
        return this.#placed({ kind: 'state', offset: gprOffset(1), width: 8, file: 'general' }, form);
      case 'dx':
        return this.#placed({ kind: 'state', offset: gprOffset(2), width: 16, file: 'general' }, form);
      case 'one':
        return this.#placed({ kind: 'register', operand, width: 8, file: 'plain' }, form, constant(8, 1));
      case 'general':
        return this.#placed({ kind: 'register', operand, width, file: 'general' }, form);
      default:
        return this.#placed({ kind: 'register', operand, width, file: 'plain' }, form);
    }
  }

  #placed(place: Place, form: OperandForm | undefined, fixed?: Value): Operand {
    return new PlaceOperand(this.#recorder, { place, form, ...(fixed ? { fixed } : {}) });
  }

  #inMemory(at: AddressAt, width: Width, form: OperandForm | undefined, operand = -1): Operand {
    return new MemoryOperand(this.#recorder, { at, width, form, operand, aligned: form?.alignment });
  }
}
