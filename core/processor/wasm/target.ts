/**
 * What lowering asks of its reader: where operands, state, flags and control are. The interpreter answers from the record in
 * linear memory, the JIT from constants and locals. `push…` leaves a value on the WebAssembly stack: i32 up to 32 bits
 * (zero-extended), i64, or v128.
 */
import type { BulkOperation, FlagUpdate, RegisterPlace } from '../ir/effect.ts';
import type { Value, Width } from '../ir/value.ts';
import type { SegmentIndex } from '../state/layout.ts';
import type { FunctionBuilder, FunctionReference } from './function.ts';
import type { ModuleBuilder } from './module.ts';
import type { ValueWriter } from './values.ts';

export interface Target {
  readonly f: FunctionBuilder;
  readonly module: ModuleBuilder;
  /** JavaScript functions of the embedder (core/processor/interpreter/imports.ts). */
  import(name: string): FunctionReference;

  /** Address of the state block, i32. */
  pushCpu(): void;
  pushRegister(operand: number, width: Width): void;
  /** The upper half of a YMM register operand. */
  pushUpper(operand: number): void;
  pushState(offset: number, width: Width): void;
  pushImmediate(operand: number, width: Width): void;
  pushNumber(operand: number): void;
  /** log2 of the memory operand's scale. */
  pushScale(): void;
  /** -1: the string source. */
  pushSegment(operand: number): void;
  /** 1 where the memory operand's base is rSP. */
  pushStackBased(): void;
  write(place: RegisterPlace, push: () => void): void;
  /** Whether `value` is what a register that has not been written yet holds: a VEX form's target that is its first source. */
  isSame?(place: RegisterPlace, value: Value): boolean;
  /** Whether writing `place` may change what the leaf, which is no element, reads. */
  clobbers(place: RegisterPlace, leaf: Value): boolean;

  /** Effective address of the memory operand, i64, without its segment. */
  pushOffset(): void;
  /** Linear address of the memory operand, i64; aborts where segmentation forbids it. `access`: bytes | Access << 8. */
  pushLinear(access: number, plus: (() => void) | undefined): void;
  /** Linear address of an implicit operand. */
  pushImplicit(segment: SegmentIndex | 'source', access: number, offset: () => void): void;
  /** Bytes of an access, with bit 8 where it is through SS (see translateRead). */
  pushAccessSize(bytes: number, segment: SegmentIndex | 'source' | undefined): void;
  /** Low 12 bits of TLB tags, i64. */
  pushContext(): void;

  pushRip(): void;
  pushNextRip(): void;

  /** i64 and i32 in the representation of core/processor/state/layout.ts. */
  pushFlagResult(): void;
  pushFlagBits(): void;
  popFlagResult(): void;
  popFlagBits(): void;

  /** Takes a flag update to compute it when it is needed; the values' locals are the target's to release then. */
  deferFlags?(flags: FlagUpdate, values: ValueWriter): boolean;
  holds?(values: ValueWriter): boolean;
  /** Computes what was deferred. */
  settleFlags?(): void;
  /** Pushes a flag, or a condition over flags, that follows from deferred updates; false: there is no such thing. */
  pushDeferred?(value: Value): boolean;

  /** Fault fields are set: leave, nothing retired. */
  abort(): void;
  /** Everything a helper may look at is in the state block after this. */
  beforeHelper(): void;
  /** The status is on the stack; not `done` leaves. */
  afterHelper(): void;
  /** Continues at a target (i64). `direct`: the form's relative operand. */
  jump(target: Value, push: () => void): void;
  /** Not retired: the same instruction again. */
  again(): void;
  /** Retired: on with the next instruction. */
  finish(window: boolean): void;
  /** Does all but the last of the remaining iterations that stay within the pages, if it can. */
  bulk(what: BulkOperation, width: Width, addressWidth: 16 | 32 | 64): boolean;
}
