/**
 * Pure values → WebAssembly. A node that is used twice is computed once and kept in a local. Values of 8 and 16 bits may carry
 * garbage above their width while only their low bits matter (`loose`); who needs them clean masks them then.
 */
import type { FlagName, Value, Width } from '../ir/value.ts';
import type { FunctionBuilder, ValueType } from './function.ts';
import type { OpcodeName } from './opcodes.ts';
import { support } from './support.ts';
import type { Target } from './target.ts';
import { vectorLowering } from './vector.ts';

export const carrier = (width: Width): ValueType => (width === 128 ? 'v128' : width === 64 ? 'i64' : 'i32');
export const maskOf = (width: Width): number => (width >= 32 ? -1 : (1 << width) - 1);

const leaves = new Set<string>([
  'register',
  'state',
  'flag',
  'offset',
  'number',
  'segment',
  'stackBased',
  'immediate',
  'rip',
  'nextRip',
]);
export const isLeaf = (value: Value): boolean => leaves.has(value.operation);
export const isMutable = (value: Value): boolean =>
  value.operation === 'register' ||
  value.operation === 'state' ||
  value.operation === 'flag' ||
  value.operation === 'offset';
export const isConstant = (value: Value, what?: bigint): boolean =>
  value.operation === 'constant' && (what === undefined || value.detail === what);

const leafKey = (value: Value): string | undefined =>
  isLeaf(value) ? `${value.operation} ${value.width} ${String(value.detail)}` : undefined;

interface Kept {
  readonly local: number;
  clean: boolean;
}

const comparisons: Partial<Record<string, string>> = {
  eq: 'eq',
  ne: 'ne',
  ltU: 'lt_u',
  ltS: 'lt_s',
  leU: 'le_u',
  leS: 'le_s',
};
const negated: Partial<Record<string, string>> = {
  eq: 'ne',
  ne: 'eq',
  ltU: 'ge_u',
  ltS: 'ge_s',
  leU: 'gt_u',
  leS: 'gt_s',
};
const looseBinary: Partial<Record<string, string>> = {
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  and: 'and',
  or: 'or',
  xor: 'xor',
};

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

  /** A condition: any non-zero i32 is true. */
  pushTruth(value: Value): void {
    if (!this.#find(value)) {
      const [left, right] = value.inputs as [Value, Value];
      if (value.operation === 'ne' && isConstant(right, 0n) && left.width <= 32) return this.push(left);
      if (value.operation === 'zeroExtend' && left.width === 1) return this.pushTruth(left);
    }
    this.push(value);
  }

  push(value: Value, loose = false): void {
    const kept = this.#find(value);
    if (kept) {
      this.f.get(kept.local);
      if (!kept.clean && !loose) this.#clean(value.width);
      return;
    }
    if (value.operation === 'constant' || !this.#isShared(value)) {
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
      let source = value.inputs[0]!;
      let bit = 0;
      if (source.operation === 'shr' && source.inputs[1]!.operation === 'constant' && !this.#find(source)) {
        bit = Number(source.inputs[1]!.detail);
        source = source.inputs[0]!;
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

  #isShared(value: Value): boolean {
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

  #clean(width: Width): void {
    if (width < 32) this.f.i32(maskOf(width)).op('i32.and');
  }

  /** Pushes a node without looking for a kept copy; true if what it pushed is clean. */
  #compute(value: Value, loose: boolean): boolean {
    const { f, target } = this;
    const { operation, width, inputs } = value;
    const [left, right] = inputs as [Value, Value];
    const prefix = width === 64 ? 'i64' : 'i32';
    if (width === 1 && target.pushDeferred?.(value)) return true;

    const binary = looseBinary[operation];
    if (binary) {
      if (operation === 'xor' && width === 1 && isConstant(right, 1n)) {
        this.#pushNot(left);
        return true;
      }
      const bitwise = operation === 'and' || operation === 'or' || operation === 'xor';
      if (operation === 'and') {
        // One clean side is enough.
        const cleanSide = right.operation === 'constant';
        this.push(left, loose || cleanSide);
        this.push(right, loose);
        f.op(`${prefix}.and` as OpcodeName);
        return cleanSide || !loose;
      }
      const needClean = bitwise && !loose;
      this.push(left, !needClean);
      this.push(right, !needClean);
      f.op(`${prefix}.${binary}` as OpcodeName);
      return this.#settle(width, loose, needClean);
    }
    if (comparisons[operation]) {
      this.#compare(value, false);
      return true;
    }

    switch (operation) {
      case 'constant':
        if (width === 128) f.v128(BigInt.asUintN(64, value.detail as bigint), (value.detail as bigint) >> 64n);
        else if (width === 64) f.i64(value.detail as bigint);
        else f.i32(Number(BigInt.asIntN(32, value.detail as bigint)));
        return true;
      case 'register':
        target.pushRegister(value.detail as number, width);
        return true;
      case 'state':
        target.pushState(value.detail as number, width);
        return true;
      case 'immediate':
        target.pushImmediate(value.detail as number, width);
        return true;
      case 'number':
        target.pushNumber(value.detail as number);
        return true;
      case 'segment':
        target.pushSegment(value.detail as number);
        return true;
      case 'stackBased':
        target.pushStackBased();
        return true;
      case 'offset':
        target.pushOffset();
        return true;
      case 'flag':
        this.#flag(value.detail as FlagName);
        return true;
      case 'rip':
        target.pushRip();
        return true;
      case 'nextRip':
        target.pushNextRip();
        return true;
      case 'not':
        this.push(left, true);
        if (width === 64) f.i64(-1).op('i64.xor');
        else f.i32(-1).op('i32.xor');
        return this.#settle(width, loose);
      case 'neg':
        if (width === 64) f.i64(0);
        else f.i32(0);
        this.push(left, true);
        f.op(`${prefix}.sub` as OpcodeName);
        return this.#settle(width, loose);
      case 'shl':
        this.push(left, true);
        this.push(right);
        f.op(`${prefix}.shl` as OpcodeName);
        return this.#settle(width, loose);
      case 'shr':
        this.push(left);
        this.push(right);
        f.op(`${prefix}.shr_u` as OpcodeName);
        return true;
      case 'sar':
        this.push(left, true);
        if (width === 8) f.op('i32.extend8_s');
        if (width === 16) f.op('i32.extend16_s');
        this.push(right);
        f.op(`${prefix}.shr_s` as OpcodeName);
        return this.#settle(width, loose);
      case 'rotl':
      case 'rotr':
        return this.#rotate(value, loose);
      case 'divU':
      case 'divS':
      case 'remU':
      case 'remS':
        this.#divide(value);
        return this.#settle(width, loose, operation.endsWith('U'));
      case 'mulHighU':
      case 'mulHighS':
        this.push(left);
        this.push(right);
        f.call(support(target.module, operation));
        return true;
      case 'clz':
        this.push(left);
        f.op(`${prefix}.clz` as OpcodeName);
        if (width < 32) f.i32(32 - width).op('i32.sub');
        return true;
      case 'ctz':
        this.push(left, true);
        if (width < 32) f.i32(1 << width).op('i32.or');
        f.op(`${prefix}.ctz` as OpcodeName);
        return true;
      case 'popcnt':
        this.push(left);
        f.op(`${prefix}.popcnt` as OpcodeName);
        return true;
      case 'zeroExtend':
        return this.#zeroExtend(value, left);
      case 'signExtend':
        return this.#signExtend(value, left, loose);
      case 'truncate':
        return this.#truncate(value, left, loose);
      case 'select':
        this.push(inputs[1]!, loose);
        this.push(inputs[2]!, loose);
        this.pushTruth(left);
        if (width === 128) f.selectTyped('v128');
        else f.op('select');
        return !loose || width >= 32;
      case 'low64':
        this.push(left);
        f.simd('i64x2.extract_lane').byte(0);
        return true;
      case 'high64':
        this.push(left);
        f.simd('i64x2.extract_lane').byte(1);
        return true;
      case 'join64':
        this.push(left);
        f.simd('i64x2.splat');
        this.push(right);
        f.simd('i64x2.replace_lane').byte(1);
        return true;
      case 'vector':
        vectorLowering(value, this);
        return true;
      default:
        throw new Error(`${operation} has no value here`);
    }
  }

  /** After an operation that may have left garbage above the width. */
  #settle(width: Width, loose: boolean, clean = false): boolean {
    if (clean || width >= 32) return true;
    if (loose) return false;
    this.#clean(width);
    return true;
  }

  #compare({ operation, inputs }: Value, negate: boolean): void {
    const { f } = this;
    const [left, right] = inputs as [Value, Value];
    const prefix = left.width === 64 ? 'i64' : 'i32';
    const positive = negate ? negated[operation]! : comparisons[operation]!;
    if (isConstant(right, 0n) && (operation === 'eq' || operation === 'ne')) {
      this.push(left);
      f.op(`${prefix}.eqz` as OpcodeName);
      if (positive === 'ne') f.op('i32.eqz');
      return;
    }
    const signed = operation === 'ltS' || operation === 'leS';
    for (const side of [left, right]) {
      this.push(side, signed && side.width < 32);
      if (signed && side.width === 8) f.op('i32.extend8_s');
      if (signed && side.width === 16) f.op('i32.extend16_s');
    }
    f.op(`${prefix}.${positive}` as OpcodeName);
  }

  #pushNot(value: Value): void {
    if (!this.#find(value) && comparisons[value.operation] && !this.#isShared(value)) this.#compare(value, true);
    else {
      this.pushTruth(value);
      this.f.op('i32.eqz');
    }
  }

  #rotate({ operation, width, inputs }: Value, loose: boolean): boolean {
    const { f } = this;
    const [left, right] = inputs as [Value, Value];
    if (width >= 32) {
      this.push(left);
      this.push(right);
      f.op(`${width === 64 ? 'i64' : 'i32'}.${operation}` as OpcodeName);
      return true;
    }
    // Doubled up, the rotation is a shift: bits that leave at one end are there at the other.
    const doubled = f.local('i32');
    this.push(left);
    f.tee(doubled).i32(width).op('i32.shl').get(doubled).op('i32.or');
    if (operation === 'rotr') {
      this.push(right);
      f.op('i32.shr_u');
    } else {
      f.i32(width);
      this.push(right);
      f.op('i32.sub').op('i32.shr_u');
    }
    f.release(doubled);
    return this.#settle(width, loose);
  }

  /** By a support function that has an answer for zero and for overflow. */
  #divide({ operation, width, inputs }: Value): void {
    const { f } = this;
    const signed = operation.endsWith('S');
    for (const side of inputs) {
      this.push(side, signed && side.width < 32);
      if (signed && width === 8) f.op('i32.extend8_s');
      if (signed && width === 16) f.op('i32.extend16_s');
    }
    f.call(support(this.target.module, `${operation}${width === 64 ? 64 : 32}`));
  }

  #zeroExtend({ width }: Value, left: Value): boolean {
    const { f } = this;
    this.push(left);
    if (width === 64 && left.width < 64) f.op('i64.extend_i32_u');
    else if (width === 128) {
      if (left.width < 64) f.op('i64.extend_i32_u');
      const low = f.local('i64');
      f.set(low).v128(0n, 0n).get(low).simd('i64x2.replace_lane').byte(0);
      f.release(low);
    }
    return true;
  }

  #signExtend({ width }: Value, left: Value, loose: boolean): boolean {
    const { f } = this;
    if (left.width === 1) {
      if (width === 64) {
        f.i64(0);
        this.push(left);
        f.op('i64.extend_i32_u').op('i64.sub');
        return true;
      }
      f.i32(0);
      this.push(left);
      f.op('i32.sub');
      return this.#settle(width, loose);
    }
    this.push(left, true);
    if (left.width === 8) f.op('i32.extend8_s');
    if (left.width === 16) f.op('i32.extend16_s');
    if (width === 64) f.op('i64.extend_i32_s');
    return this.#settle(width, loose);
  }

  #truncate({ width }: Value, left: Value, loose: boolean): boolean {
    const { f } = this;
    if (left.width === 128) {
      this.push(left);
      f.simd('i64x2.extract_lane').byte(0);
      if (width < 64) f.op('i32.wrap_i64');
      return this.#settle(width, loose);
    }
    this.push(left, true);
    if (left.width === 64) f.op('i32.wrap_i64');
    return this.#settle(width, loose);
  }

  #flag(name: FlagName): void {
    const { f, target } = this;
    const bit = (position: number): void => {
      target.pushFlagBits();
      if (position > 0) f.i32(position).op('i32.shr_u');
      f.i32(1).op('i32.and');
    };
    switch (name) {
      case 'cf':
        return bit(0);
      case 'af':
        return bit(4);
      case 'of':
        return bit(11);
      case 'zf':
        target.pushFlagResult();
        f.op('i64.eqz');
        return;
      case 'sf':
        target.pushFlagResult();
        f.i64(63).op('i64.shr_u').op('i32.wrap_i64');
        bit(7);
        f.op('i32.xor');
        return;
      case 'pf':
        target.pushFlagResult();
        f.op('i32.wrap_i64').i32(0xff).op('i32.and').op('i32.popcnt').i32(1).op('i32.and').op('i32.eqz');
        bit(2);
        f.op('i32.xor');
        return;
    }
  }
}
