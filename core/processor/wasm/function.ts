/** Writes one WebAssembly function: instructions in order, locals from a pool, structured labels. */
import { padded, signed32, signed64, unsigned } from './leb128.ts';
import { type MemoryOpcodeName, memoryOpcodes, type OpcodeName, opcodes } from './opcodes.ts';
import { type SimdName, simdOpcodes } from './simd-opcodes.ts';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';
export const valueTypeCode: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** A function of the module, imported or its own; its index is known when the module is built. */
export interface FunctionReference {
  index: number;
}

/** A block, loop or if that is open; branches name it. */
export interface Label {
  readonly depth: number;
}

export type Hint = 'likely' | 'unlikely';

export class FunctionBuilder {
  readonly code: number[] = [];
  readonly hints: { readonly offset: number; readonly likely: boolean }[] = [];
  readonly calls: { readonly offset: number; readonly target: FunctionReference }[] = [];
  readonly locals: ValueType[] = [];
  readonly #free: Record<ValueType, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  #depth = 0;

  constructor(
    readonly parameters: readonly ValueType[],
    readonly results: readonly ValueType[],
  ) {}

  op(name: OpcodeName): this {
    return this.#opcode(opcodes[name]);
  }
  simd(name: SimdName): this {
    return this.#opcode(0xfd00 + simdOpcodes[name]);
  }
  /** An immediate byte after a SIMD instruction: a lane, or one of a shuffle's sixteen. */
  byte(value: number): this {
    this.code.push(value);
    return this;
  }

  i32(value: number): this {
    this.code.push(0x41);
    signed32(this.code, value);
    return this;
  }
  i64(value: bigint | number): this {
    this.code.push(0x42);
    if (typeof value === 'number' && value === (value | 0)) signed32(this.code, value);
    else signed64(this.code, BigInt(value));
    return this;
  }
  v128(low: bigint, high: bigint): this {
    this.#opcode(0xfd0c);
    for (const half of [low, high])
      for (let shift = 0n; shift < 64n; shift += 8n) this.code.push(Number((half >> shift) & 0xffn));
    return this;
  }

  get(local: number): this {
    return this.#indexed(0x20, local);
  }
  set(local: number): this {
    return this.#indexed(0x21, local);
  }
  tee(local: number): this {
    return this.#indexed(0x22, local);
  }

  /** Address on the stack; `offset` is added to it without wrapping. Guest data: `alignment` 0. */
  memory(name: MemoryOpcodeName, offset = 0, alignment: number = memoryOpcodes[name][1]): this {
    this.#opcode(memoryOpcodes[name][0]);
    unsigned(this.code, alignment);
    unsigned(this.code, offset);
    return this;
  }
  memoryCopy(): this {
    this.code.push(0xfc, 10, 0, 0);
    return this;
  }

  memoryFill(): this {
    this.code.push(0xfc, 11, 0);
    return this;
  }

  call(target: FunctionReference): this {
    this.code.push(0x10);
    this.calls.push({ offset: this.code.length, target });
    this.code.push(...padded(0));
    return this;
  }
  callIndirect(type: number): this {
    this.code.push(0x11);
    unsigned(this.code, type);
    this.code.push(0);
    return this;
  }
  returnCallIndirect(type: number): this {
    this.code.push(0x13);
    unsigned(this.code, type);
    this.code.push(0);
    return this;
  }
  selectTyped(type: ValueType): this {
    this.code.push(0x1c, 1, valueTypeCode[type]);
    return this;
  }

  block(type?: ValueType): Label {
    return this.#open(0x02, type);
  }
  loop(type?: ValueType): Label {
    return this.#open(0x03, type);
  }
  if(type?: ValueType, hint?: Hint): Label {
    this.#hint(hint);
    return this.#open(0x04, type);
  }
  else(): this {
    this.code.push(0x05);
    return this;
  }
  end(): this {
    this.#depth--;
    this.code.push(0x0b);
    return this;
  }

  br(label: Label): this {
    return this.#indexed(0x0c, this.#depth - label.depth);
  }
  brIf(label: Label, hint?: Hint): this {
    this.#hint(hint);
    return this.#indexed(0x0d, this.#depth - label.depth);
  }
  brTable(labels: readonly Label[], otherwise: Label): this {
    this.code.push(0x0e);
    unsigned(this.code, labels.length);
    for (const label of labels) unsigned(this.code, this.#depth - label.depth);
    unsigned(this.code, this.#depth - otherwise.depth);
    return this;
  }

  /** A local that nobody else uses until `release`. Its content is whatever it was. */
  local(type: ValueType): number {
    const free = this.#free[type].pop();
    if (free !== undefined) return free;
    this.locals.push(type);
    return this.parameters.length + this.locals.length - 1;
  }
  release(local: number): void {
    const type = this.locals[local - this.parameters.length];
    this.#free[type].push(local);
  }

  #opcode(opcode: number): this {
    if (opcode < 0x100) this.code.push(opcode);
    else {
      this.code.push(opcode >= 0xfd00 ? 0xfd : 0xfc);
      unsigned(this.code, opcode >= 0xfd00 ? opcode - 0xfd00 : opcode - 0xfc00);
    }
    return this;
  }

  #indexed(opcode: number, index: number): this {
    this.code.push(opcode);
    if (index < 0x80) this.code.push(index);
    else unsigned(this.code, index);
    return this;
  }

  #open(opcode: number, type: ValueType | undefined): Label {
    this.code.push(opcode, type ? valueTypeCode[type] : 0x40);
    return { depth: ++this.#depth };
  }

  #hint(hint: Hint | undefined): void {
    if (hint) this.hints.push({ offset: this.code.length, likely: hint === 'likely' });
  }
}
