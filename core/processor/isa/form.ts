/**
 * A form is an instruction with everything its meaning depends on settled: operand kinds and widths, and the variations that it
 * declares. One form is traced once, and becomes one interpreter handler.
 */
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

export interface OperandForm {
  readonly kind: OperandKind;
  /** Bits of the value; for 80-bit x87 memory operands and structures, 0. */
  readonly width: Width | 0;
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
  readonly repeat: 'none' | 'rep' | 'repe' | 'repne';
}
