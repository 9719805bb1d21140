/**
 * `trace(form)` runs an instruction's semantics once over symbolic operands and keeps what it said as IR. The order rule is
 * checked here: after the first register or flag write nothing may be read, and no memory may be written.
 */
import type { Address, BulkOperation, Effect, FlagUpdate, Place, Program, RegisterFile } from '../ir/effect.ts';
import { Folder } from '../ir/fold.ts';
import { type HelperName, helpers } from '../ir/helpers.ts';
import { constant, type FlagName, type Operation, Value, type Width, yes } from '../ir/value.ts';
import { type ArrayField, gprOffset, Segment, type SegmentIndex, type StateName, state } from '../state/layout.ts';
import type { Form, OperandForm } from './form.ts';
import type { Instruction } from './instruction.ts';
import { type InterceptName, intercepts } from './intercepts.ts';

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
  /** Registers only: a 32-bit register keeps its upper half where the condition does not hold. */
  writeIf(condition: Value, value: Value): void;
  writeAt(displacement: Value | number, value: Value): void;
  /** Read-modify-write as one act. The new value is computed from the old one by `change`. */
  update(change: (before: Value) => Value): { before: Value; after: Value };
  updateAt(
    displacement: Value | number,
    width: Width,
    change: (before: Value) => Value,
  ): { before: Value; after: Value };
  /** Faults unless `width` bits at a displacement can be written; writes nothing. Memory only. */
  probeAt(displacement: Value | number, width: Width): void;
  /** Faults as a read of the operand does, and reads nothing: a device's register is not touched. */
  probeRead(): void;
  /** Effective address without the segment, 64 bits (LEA, INVLPG, FXSAVE …). Memory only. */
  offset(): Value;
  /** Register number as the helper needs it (segment, control, debug register, ST(i); state offset of a general one): a 32-bit value. */
  number(): Value;
  /** Number of the segment that the memory operand lies in, 32 bits. */
  segment(): Value;
  /** Whether the memory operand's base register is rSP. */
  stackBased(): Value;
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

  /** AH, CH, DH or BH. */
  highByte(index: number): Operand {
    return this.#place({ kind: 'state', offset: gprOffset(index) + 1, width: 8, file: 'general' }, undefined);
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

  /** The field of an array in the state block that `index`, 32 bits, picks. */
  element(array: ArrayField, index: Value): Operand {
    return this.#place({ kind: 'element', array, index, width: array.width }, undefined);
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

  raise(vector: number, when: Value = yes, error = -1): void {
    this.effects.push({ kind: 'raise', vector, error, when });
  }

  call(helper: HelperName, ...inputs: Value[]): Value[] {
    const { inputs: widths, results } = helpers[helper];
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

  /** A helper that is called only where `when` is 1, and else has no results. */
  callIf(when: Value, helper: HelperName, ...inputs: Value[]): Value[] {
    const results = helpers[helper].results.map(width => new Value('result', width));
    this.effects.push({ kind: 'call', helper, inputs, results, when });
    return results;
  }

  /** What is written before on the same condition does not happen together with what follows. */
  finish(when: Value): void {
    this.effects.push({ kind: 'finish', when });
    this.#committing = false;
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
      read: () => fixed ?? tracer.#reading(tracer.#before(place)),
      write: (value: Value) => tracer.#set(place, value),
      writeIf(condition: Value, value: Value) {
        const general = place.kind !== 'element' && place.file === 'general';
        const whole: Place = place.width === 32 && general ? { ...place, width: 64 } : place;
        tracer.#set(whole, condition.select(value.zeroExtend(whole.width), tracer.#before(whole)));
      },
      update(change: (before: Value) => Value) {
        const before = operand.read();
        const after = change(before);
        tracer.#set(place, after);
        return { before, after };
      },
      readAt: () => tracer.#notMemory(),
      writeAt: () => tracer.#notMemory(),
      updateAt: () => tracer.#notMemory(),
      probeAt: () => tracer.#notMemory(),
      probeRead: () => tracer.#notMemory(),
      offset: () => tracer.#notMemory(),
      number: () =>
        place.kind === 'register'
          ? leaf('number', 32, place.operand)
          : place.kind === 'state'
            ? constant(32, place.offset)
            : place.index,
      segment: () => tracer.#notMemory(),
      stackBased: () => tracer.#notMemory(),
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
      this.effects.push(
        size === 128 && this.form.instruction.aligned
          ? { kind: 'update', address, before, after, aligned: true }
          : { kind: 'update', address, before, after },
      );
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
      writeIf: () => this.#notMemory(),
      writeAt: (displacement, value) => store(displaced(displacement), value),
      update: change => update(at(), width, change),
      updateAt: (displacement, size, change) => update(displaced(displacement), size, change),
      probeAt: (displacement, size) => {
        this.#writingMemory();
        this.effects.push({ kind: 'probe', access: 'write', address: displaced(displacement), width: size });
      },
      probeRead: () => {
        if (this.#committing) throw new Error(`${this.form.key}: memory is read after a register was written`);
        this.effects.push({ kind: 'probe', access: 'read', address: at(), width });
      },
      offset: () => leaf('offset', 64, operand ?? -1),
      number: () => this.#notMemory(),
      segment: () => leaf('segment', 32, operand ?? -1),
      stackBased: () => leaf('stackBased', 1, operand ?? -1),
    };
  }

  /** What a place held before the instruction. */
  #before(place: Place): Value {
    if (place.kind === 'element') return new Value('element', place.width, [place.index], place.array);
    return leaf(place.kind, place.width, place.kind === 'register' ? place.operand : place.offset);
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
 * The whole meaning of a form. Checks that rows declare (unit, privilege, intercept) come first as `raise`s and `call`s,
 * so that no reader needs to know of them.
 */
export function trace(form: Form): Program {
  const tracer = new Tracer(form);
  const { instruction } = form;
  if (instruction.unit) checkUnit(tracer, instruction.unit);
  if (instruction.privileged) tracer.raise(13, tracer.state('cpl').read().ne(0), 0);
  if (instruction.intercept) tracer.intercept(instruction.intercept);
  if (instruction.unit === 'mmx' && form.vendor === 'intel') enterMmxEarly(tracer);
  instruction.semantics(tracer, ...tracer.operands());
  if (instruction.unit === 'mmx') enterMmx(tracer);
  if (instruction.opensWindow) tracer.effects.push({ kind: 'window' });
  checkTransfers(form, tracer.effects);
  return new Folder().program({ effects: tracer.effects });
}

const x87Checks = { x87: 0, 'x87-no-wait': 1, mmx: 2 } as const;

function checkUnit(tracer: Tracer, unit: NonNullable<Instruction['unit']>): void {
  if (unit === 'sse') tracer.callIf(tracer.state('sseBlocked').read().ne(0), 'checkSse');
  else tracer.callIf(tracer.state('x87Blocked').read().ne(0), 'checkX87', constant(32, x87Checks[unit]));
}

/** An MMX instruction resets TOP and marks all registers as used (SDM vol. 1, section 9.5.1), unless that is done already (EMMS). */
function enterMmx(tracer: Tracer): void {
  for (const [name, value] of mmxState) {
    const { offset } = state[name];
    const isSet = (effect: Effect) =>
      effect.kind === 'set' && effect.place.kind === 'state' && effect.place.offset === offset;
    if (!tracer.effects.some(isSet)) tracer.state(name).write(constant(8, value));
  }
}

/** An Intel processor has reset TOP when a store faults, and marked the registers too when it is MASKMOVQ that does. */
function enterMmxEarly({ effects, form }: Tracer): void {
  for (const [name, value] of form.operands[0]!.kind === 'memory' ? mmxState.slice(0, 1) : mmxState) {
    const place = { kind: 'state', ...state[name], file: 'plain' } as const;
    effects.push({ kind: 'set', place, value: constant(8, value) });
  }
}

const mmxState = [
  ['x87Top', 0],
  ['x87Tags', 0xff],
] as const;

/** After a helper that may transfer nothing can follow but the end on the same condition: readers may leave there. */
function checkTransfers(form: Form, effects: readonly Effect[]): void {
  effects.forEach((effect, at) => {
    if (effect.kind !== 'call' || !helpers[effect.helper].transfers) return;
    const next = effects[at + 1];
    const ends = next === undefined || next.kind === 'window' || next.kind === 'again';
    if (!ends && !(next.kind === 'finish' && next.when === effect.when))
      throw new Error(`${form.key}: ${effect.helper} may transfer and must come last`);
  });
}

export type { RegisterFile };
