import type { Address, Alignment } from '../ir/effect.ts';
import { constant, leaf, type Value, type Width } from '../ir/value.ts';
import type { OperandForm } from './form.ts';
import type { Operand } from './operand.ts';
import type { MemoryAccess, Recorder } from './recorder.ts';

/** The operand's address, or the one at a displacement of 64 bits from it. */
export type AddressAt = (plus?: Value) => Address;

export interface MemoryOperandParts {
  readonly at: AddressAt;
  readonly width: Width;
  readonly form: OperandForm | undefined;
  /** Its place among the form's operands; -1: the operand is implicit. */
  readonly operand: number;
  readonly aligned: Alignment | undefined;
}

export class MemoryOperand implements Operand {
  readonly isMemory = true;
  readonly width: Width;
  readonly form: OperandForm | undefined;
  readonly #recorder: Recorder;
  readonly #parts: MemoryOperandParts;

  constructor(recorder: Recorder, parts: MemoryOperandParts) {
    this.#recorder = recorder;
    this.#parts = parts;
    this.width = parts.width;
    this.form = parts.form;
  }

  read(): Value {
    return this.readAt(0, this.width);
  }

  lane(): Operand {
    return this;
  }

  /** All of 256 bits. */
  readPair(): readonly [Value, Value] {
    return this.#recorder.loadPair(this.#access(0, 128));
  }

  writePair(low: Value, high: Value): void {
    this.#recorder.storePair(this.#access(0, 128), low, high);
  }

  whole(): never {
    return this.#notRegister();
  }

  readAt(displacement: Value | number, width: Width): Value {
    return this.#recorder.load(this.#access(displacement, width));
  }

  write(value: Value): void {
    this.writeAt(0, value);
  }

  writeIf(): never {
    return this.#notRegister();
  }

  writeAt(displacement: Value | number, value: Value): void {
    this.#recorder.store(this.#access(displacement, value.width), value);
  }

  update(change: (before: Value) => Value): { before: Value; after: Value } {
    return this.updateAt(0, this.width, change);
  }

  updateAt(
    displacement: Value | number,
    width: Width,
    change: (before: Value) => Value,
  ): { before: Value; after: Value } {
    return this.#recorder.update(this.#access(displacement, width), change);
  }

  probeAt(displacement: Value | number, width: Width): void {
    this.#recorder.probe('write', this.#displaced(displacement), width);
  }

  probeRead(): void {
    this.#recorder.probe('read', this.#displaced(0), this.width);
  }

  offset(): Value {
    return leaf('offset', 64, this.#parts.operand);
  }

  number(): never {
    return this.#notRegister();
  }

  segment(): Value {
    return leaf('segment', 32, this.#parts.operand);
  }

  stackBased(): Value {
    return leaf('stackBased', 1, this.#parts.operand);
  }

  #access(displacement: Value | number, width: Width): MemoryAccess {
    return { address: this.#displaced(displacement), width, aligned: this.#parts.aligned };
  }

  #displaced(displacement: Value | number): Address {
    const { at } = this.#parts;
    if (displacement === 0) return at();
    return at(typeof displacement === 'number' ? constant(64, displacement) : displacement);
  }

  #notRegister(): never {
    throw new Error(`${this.#recorder.key}: not a register`);
  }
}
