/**
 * A form is an instruction with everything its meaning depends on settled: operand kinds and widths, and the variations that it
 * declares. One form is traced once, and becomes one interpreter handler.
 */
import type { Alignment } from '../ir/effect.ts';
import type { Width } from '../ir/value.ts';
import type { Instruction } from './instruction.ts';

export type OperandKind =
  /** General register, its slot in the decoded record (byte registers include AH…BH). */
  | 'general'
  | 'segment'
  | 'control'
  | 'debug'
  | 'mmx'
  | 'xmm'
  /** ST(i); the record holds i. */
  | 'st'
  | 'memory'
  | 'immediate'
  /** Branch target: an immediate that the decoder has already made an absolute RIP. */
  | 'relative'
  /** Fixed by the encoding: nothing is decoded. */
  | 'cl'
  | 'dx'
  | 'one'
  | 'st0';

export type Vendor = 'amd' | 'intel';

/** 0: 80-bit x87 memory operands and structures. 256 bits are two values of 128. */
export type OperandWidth = Width | 256 | 0;

export interface OperandForm {
  readonly kind: OperandKind;
  readonly width: OperandWidth;
  /** Bits in each 128 of a vector; 0 where the operand does not follow the vector's width. */
  readonly lane: Width | 0;
  /** Which register slot of a decoded instruction it has, in the order of operands; -1: none. */
  readonly slot: number;
  /** In memory it must be aligned to so many bytes. */
  readonly alignment: Alignment | undefined;
}

export interface Form {
  /** Index in the list of all forms, and so the interpreter's handler. */
  readonly id: number;
  /** Unique and readable: `add r64,m64`, `push r64 stack=64`. */
  readonly key: string;
  readonly instruction: Instruction;
  readonly operands: readonly OperandForm[];
  readonly operandWidth: 16 | 32 | 64;
  readonly addressWidth: 16 | 32 | 64;
  readonly stackWidth: 16 | 32 | 64;
  readonly code64: boolean;
  /** Whose processor does this, where AMD's and Intel's differ (`InstructionDefinition.vendorDependent`). */
  readonly vendor: Vendor | undefined;
  /** Encoded with VEX: vector registers are written as a whole. */
  readonly vex: boolean;
  /** How often 128 bits its vectors have. */
  readonly lanes: 1 | 2;
  /** The first operand is written only, and the second is what semantics read in its place. */
  readonly merges: boolean;
  readonly repeat: 'none' | 'rep' | 'repe' | 'repne';
}
