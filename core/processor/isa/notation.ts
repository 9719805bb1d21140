/**
 * How instruction rows are written: the SDM's and APM's own notation (SDM vol. 2, appendix A).
 *
 * Opcode: hex bytes with an optional mandatory prefix (`66`, `f2`, `f3`; `np` for none of them, `nr` for
 * neither F2 nor F3) and escapes `0f`, `0f 38`, `0f 3a`;
 * then one of: `/0`…`/7` ModRM.reg as opcode extension, `+r` register in the low three opcode bits; then `mem` or `reg` to admit
 * only one kind of r/m; a full ModRM byte is written as a byte (`0f 01 d8`).
 *
 * Operands: letter = addressing method, suffix = type.
 *   E r/m general · G ModRM.reg general · R r/m general, register only · M memory only · Z general register of `+r`
 *   I immediate, sI sign-extended immediate · J relative branch · O moffs · A far pointer: Ap its offset, Aw its selector
 *   S segment register · C control register · D debug register
 *   P MMX of ModRM.reg · Q MMX or memory · N MMX of r/m · V XMM of ModRM.reg · W XMM or memory · U XMM of r/m
 *   STi ST(i) of r/m · fixed: AL AX EAX rAX (operand size) CL DX 1 ST0 xmm0 and segment names ES CS SS DS FS GS
 *   types: b 8 · w 16 · d 32 · q 64 · dq 128 · t 80 · v 16/32/64 by operand size · z 16/32/32 · y 32/64 · p far pointer in memory
 *   Scalars in XMM carry their type: Wss/Wd 32, Wsd/Wq 64, Wdq/Wps/Wpd 128.
 *
 * VEX (SDM vol. 2, section 2.3). A row that only exists with a VEX prefix begins with `vex`; one that exists both ways has the operands of its VEX form
 * in the option `vex`. Further operands: H vector register of VEX.vvvv · B general register of VEX.vvvv · L vector register of the immediate's upper half
 *   X vector register that is a memory operand's index (VSIB; the row's M is base and displacement)
 *   types that follow the vector's width, 128 or 256 bits: x all of it · hx half · qx quarter · ex eighth
 * Where the VEX form has one operand more, the first two are the legacy form's first one: one is written, the other read.
 */

export interface EncodingOptions {
  /** #UD in 64-bit mode. */
  readonly no64?: true;
  /** #UD outside 64-bit mode. */
  readonly only64?: true;
  /** Operand size in 64-bit mode: 64 by default (66 selects 16), or always 64. */
  readonly size64?: 'default' | 'forced';
  /** Without REX.W, or with it, only. */
  readonly w?: 0 | 1;
  /** CPUID feature that must be announced, else #UD (core/processor/cpu/features.ts). */
  readonly feature?: string;
  /** VEX only: L must be this, or does not matter. Default: 0, or either one where an operand follows the vector's width. */
  readonly l?: 0 | 1 | 'ignored';
  /** Operands of the same instruction with a VEX prefix. */
  readonly vex?: string;
  /** Feature of the VEX form; and of the one with 256 bits where that is another. Defaults: `avx`, and the same. */
  readonly vexFeature?: string;
  readonly wideFeature?: string;
  /** VEX.W of the VEX form, where the legacy form does not say it. */
  readonly vexW?: 0 | 1;
  /** The row only applies when the operand size is this (CBW, CWDE, CDQE share one opcode). */
  readonly operandSize?: 16 | 32 | 64;
}

/** [opcode, ...operands, options?] */
export type Encoding = readonly [opcode: string, ...operands: (string | EncodingOptions)[]];

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** ADD, OR, ADC, SBB, AND, SUB, XOR and CMP share one block of nine encodings, eight opcodes apart. */
export const aluBlock = (row: number): Encoding[] => {
  const opcode = (column: number) => hex(row * 8 + column);
  return [
    [opcode(0), 'Eb', 'Gb'],
    [opcode(1), 'Ev', 'Gv'],
    [opcode(2), 'Gb', 'Eb'],
    [opcode(3), 'Gv', 'Ev'],
    [opcode(4), 'AL', 'Ib'],
    [opcode(5), 'rAX', 'Iz'],
    [`80 /${row}`, 'Eb', 'Ib'],
    [`82 /${row}`, 'Eb', 'Ib', { no64: true }],
    [`81 /${row}`, 'Ev', 'Iz'],
    [`83 /${row}`, 'Ev', 'sIb'],
  ];
};

export const opcodeHex = hex;
