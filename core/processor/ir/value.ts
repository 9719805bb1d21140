/**
 * Pure values of the IR. A value is a node of a DAG; building one never has an effect. Widths are in bits; a value narrower
 * than its carrier (i32 up to 32 bits, i64, v128) is kept zero-extended by every reader.
 */
import type { ArrayField } from '../state/layout.ts';
import type { Routine } from './routine.ts';
import type { VectorOperation } from './vector.ts';

export type Width = 1 | 8 | 16 | 32 | 64 | 128;

export type FlagName = 'cf' | 'pf' | 'af' | 'zf' | 'sf' | 'of';
export const flagNames: readonly FlagName[] = ['cf', 'pf', 'af', 'zf', 'sf', 'of'];

/** Operations on values. Arguments have the result's width unless the comment says otherwise. */
export type Operation =
  // Leaves. `detail` holds what the comment names.
  | 'constant' // bigint, 0 <= detail < 2^width
  | 'register' // operand number: the register operand's content before the instruction
  | 'upper' // operand number: the upper 128 bits of a YMM register operand before the instruction
  | 'immediate' // operand number: the immediate, already extended to width
  | 'state' // state offset: a fixed register or field
  | 'element' // ArrayField: the field that the argument, an index of 32 bits, picks; what it held before the instruction
  | 'offset' // operand number: effective address of a memory operand without its segment (LEA), 64 bits, masked to the address size
  | 'number' // operand number: the number of a register operand as Decoded.registers has it (segment, control, debug, ST; general: state offset), 32 bits
  | 'scale' // operand number: log2 of a memory operand's scale, 32 bits
  | 'segment' // operand number, or -1 for the string source: segment of the memory operand after prefixes, 32 bits
  | 'stackBased' // operand number: 1 where the memory operand's base register is rSP (POP to memory), width 1
  | 'flag' // FlagName, width 1
  | 'rip' // address of this instruction, 64 bits, zero-extended from the code's width
  | 'nextRip' // address of the next one
  | 'result' // what an effect produced (load, update, call); identity is the node itself
  // Integer
  | 'add'
  | 'sub'
  | 'mul'
  | 'and'
  | 'or'
  | 'xor'
  | 'not'
  | 'neg'
  | 'shl'
  | 'shr'
  | 'sar'
  | 'rotl'
  | 'rotr' // second argument: same width, must be < width (masked by the author)
  | 'divU'
  | 'divS'
  | 'remU'
  | 'remS' // author guards against zero and overflow by `raise` before use; readers may give 0 then
  | 'mulHighU'
  | 'mulHighS' // 64 bits: upper half of the product
  | 'clz'
  | 'ctz'
  | 'popcnt' // of zero: width
  | 'eq'
  | 'ne'
  | 'ltU'
  | 'ltS'
  | 'leU'
  | 'leS' // width 1, arguments of equal width
  | 'zeroExtend'
  | 'signExtend'
  | 'truncate' // from the argument's width
  | 'select' // (condition of width 1, then, else)
  | 'branch' // the same, where the two are long and the condition can be foreseen: only one is computed
  // 128-bit
  | 'low64'
  | 'high64' // 64 bits of a 128-bit argument
  | 'join64' // (low, high) of 64 bits to 128
  | 'vector' // detail: VectorOperation; arguments 128 bits (or as the operation says)
  // Shared
  | 'routine' // detail: Routine; arguments are its parameters
  | 'parameter'; // within a routine's body: parameter number

export type Detail = bigint | number | FlagName | VectorOperation | ArrayField | Routine | undefined;

export class Value {
  constructor(
    readonly operation: Operation,
    readonly width: Width,
    readonly inputs: readonly Value[] = [],
    readonly detail: Detail = undefined,
  ) {}

  #binary(operation: Operation, other: Value | number, width: Width = this.width): Value {
    const right = typeof other === 'number' ? constant(this.width, other) : other;
    if (right.width !== this.width) throw new Error(`${operation}: ${this.width} against ${right.width} bits`);
    return new Value(operation, width, [this, right]);
  }

  add(other: Value | number): Value {
    const right = typeof other === 'number' ? constant(this.width, other) : other;
    return this.#binary('add', right.width < this.width ? right.zeroExtend(this.width) : right);
  }
  sub(other: Value | number): Value {
    const right = typeof other === 'number' ? constant(this.width, other) : other;
    return this.#binary('sub', right.width < this.width ? right.zeroExtend(this.width) : right);
  }
  mul(other: Value | number): Value {
    return this.#binary('mul', other);
  }
  and(other: Value | number): Value {
    return this.#binary('and', other);
  }
  or(other: Value | number): Value {
    return this.#binary('or', other);
  }
  xor(other: Value | number): Value {
    return this.#binary('xor', other);
  }
  not(): Value {
    return new Value('not', this.width, [this]);
  }
  neg(): Value {
    return new Value('neg', this.width, [this]);
  }
  shl(count: Value | number): Value {
    return this.#binary('shl', count);
  }
  shr(count: Value | number): Value {
    return this.#binary('shr', count);
  }
  sar(count: Value | number): Value {
    return this.#binary('sar', count);
  }
  rotl(count: Value | number): Value {
    return this.#binary('rotl', count);
  }
  rotr(count: Value | number): Value {
    return this.#binary('rotr', count);
  }
  divU(other: Value): Value {
    return this.#binary('divU', other);
  }
  divS(other: Value): Value {
    return this.#binary('divS', other);
  }
  remU(other: Value): Value {
    return this.#binary('remU', other);
  }
  remS(other: Value): Value {
    return this.#binary('remS', other);
  }
  mulHighU(other: Value): Value {
    return this.#binary('mulHighU', other);
  }
  mulHighS(other: Value): Value {
    return this.#binary('mulHighS', other);
  }
  clz(): Value {
    return new Value('clz', this.width, [this]);
  }
  ctz(): Value {
    return new Value('ctz', this.width, [this]);
  }
  popcnt(): Value {
    return new Value('popcnt', this.width, [this]);
  }

  eq(other: Value | number): Value {
    return this.#binary('eq', other, 1);
  }
  ne(other: Value | number): Value {
    return this.#binary('ne', other, 1);
  }
  ltU(other: Value | number): Value {
    return this.#binary('ltU', other, 1);
  }
  ltS(other: Value | number): Value {
    return this.#binary('ltS', other, 1);
  }
  leU(other: Value | number): Value {
    return this.#binary('leU', other, 1);
  }
  leS(other: Value | number): Value {
    return this.#binary('leS', other, 1);
  }

  zeroExtend(width: Width): Value {
    return width === this.width ? this : new Value('zeroExtend', width, [this]);
  }
  signExtend(width: Width): Value {
    return width === this.width ? this : new Value('signExtend', width, [this]);
  }
  truncate(width: Width): Value {
    return width === this.width ? this : new Value('truncate', width, [this]);
  }
  /** To `width`, dropping or adding zero bits. */
  resize(width: Width): Value {
    return width < this.width ? this.truncate(width) : this.zeroExtend(width);
  }

  /** Bit `index` as a value of width 1. */
  bit(index: number): Value {
    return index === 0 ? this.truncate(1) : this.shr(index).truncate(1);
  }
  get sign(): Value {
    return this.bit(this.width - 1);
  }
  /** On a value of width 1. */
  select(then: Value, otherwise: Value): Value {
    return new Value('select', then.width, [this, then, otherwise]);
  }
  branch(then: Value, otherwise: Value): Value {
    return new Value('branch', then.width, [this, then, otherwise]);
  }

  low64(): Value {
    return new Value('low64', 64, [this]);
  }
  high64(): Value {
    return new Value('high64', 64, [this]);
  }
  join(high: Value): Value {
    return new Value('join64', 128, [this, high]);
  }
}

/** A value without inputs. */
export const leaf = (operation: Operation, width: Width, detail: Detail): Value =>
  new Value(operation, width, [], detail);
export const constant = (width: Width, value: number | bigint): Value =>
  new Value('constant', width, [], BigInt.asUintN(width, BigInt(value)));
export const zero = (width: Width): Value => constant(width, 0);
export const yes: Value = constant(1, 1);
export const no: Value = constant(1, 0);

/** A vector operation of core/processor/ir/vector.ts; result width 128 unless said. */
export const vector = (detail: VectorOperation, inputs: readonly Value[], width: Width = 128): Value =>
  new Value('vector', width, inputs, detail);
