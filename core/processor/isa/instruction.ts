/** An instruction: its encodings and what it does, once. */
import type { Form } from './form.ts';
import type { InterceptName } from './intercepts.ts';
import type { Encoding } from './notation.ts';
import type { Operand } from './operand.ts';
import type { Tracer } from './tracer.ts';

/** What else than its explicit operands an instruction's meaning depends on; forms differ by these only. */
export type Variation =
  /** Operand size 16, 32 or 64 (needed only where no operand shows it). */
  | 'operand'
  /** Address size: rCX, rSI, rDI of string and loop instructions. */
  | 'address'
  /** Implicit memory operands on the stack: stack width (16, 32; 64 in 64-bit mode). */
  | 'stack'
  /** 64-bit mode or not (implicit memory operands other than the stack; RIP width). */
  | 'code'
  /** REP, REPE, REPNE. */
  | 'repeat';

/** What last-branch records tell apart (SDM vol. 3, table 18-11), but for relative and indirect. */
export type BranchClass = 'conditional' | 'jump' | 'call' | 'return' | 'far';

export interface InstructionDefinition {
  readonly encodings: readonly Encoding[];
  /** LOCK is allowed with a memory destination (operand 0). */
  readonly lockable?: true;
  /** #GP(0) unless CPL is 0. */
  readonly privileged?: true;
  /** Not available in real mode or virtual-8086 mode (#UD). */
  readonly protectedOnly?: true;
  readonly varies?: readonly Variation[];
  /** `rep`: REP alone matters (MOVS, STOS, LODS, INS, OUTS); `repe`: REPE and REPNE (CMPS, SCAS). */
  readonly repeats?: 'rep' | 'repe';
  /** CPUID feature bit name (core/processor/cpu/features.ts). */
  readonly feature?: string;
  /**
   * Unit whose availability is checked first: x87 (EM, TS → #NM; pending exceptions → #MF), mmx (EM → #UD, TS → #NM, pending → #MF;
   * then TOP := 0, tags valid), sse (EM or !OSFXSR → #UD, TS → #NM), avx (!OSXSAVE or XCR0 without SSE and AVX → #UD, TS → #NM). The VEX form of an
   * SSE instruction has avx.
   */
  readonly unit?: 'x87' | 'mmx' | 'sse' | 'avx' | 'x87-no-wait';
  /** Name of the SVM intercept and VMX exit that it is subject to (intercepts.ts); asked after #UD and CPL checks. */
  readonly intercept?: InterceptName;
  /** It may open a window for events (STI, POPF …): the run loop is left if one is pending. Helpers do this by status instead. */
  readonly opensWindow?: true;
  /** It is a branch, taken whenever it completes, or if its condition holds. INT n and its like are events instead. */
  readonly branch?: BranchClass;
  /** Memory operands of 128 bits must be aligned (#GP(0)); `always`: those of VEX forms, too, by their width. */
  readonly aligned?: true | 'always';
  /** Vectors are not taken 128 bits at a time: semantics run once and look at the lanes of their operands themselves. */
  readonly whole?: true;
  /**
   * Forms that AMD's and Intel's processors execute differently, each within what the manuals leave open: there are two of them, and `vendor`
   * tells them apart.
   */
  vendorDependent?(form: Omit<Form, 'id' | 'key' | 'vendor'>): boolean;
  /** What this is called in assembly where it is not the name: `{ 16: 'cbw', 32: 'cwde', 64: 'cdqe' }`. */
  readonly mnemonics?: Readonly<Record<number, string>>;
  semantics(cpu: Tracer, ...operands: Operand[]): void;
}

export interface Instruction extends InstructionDefinition {
  readonly name: string;
}

export const instruction = (name: string, definition: InstructionDefinition): Instruction => ({ name, ...definition });
