/** What the parts of the encoder tell each other about one instruction. */
import type { Evaluated } from './expression.ts';
import type { Operand } from './operand.ts';

export interface Statement {
  readonly mnemonic: string;
  readonly operands: readonly Operand[];
  /** F0, F2, F3 as written before the mnemonic. */
  readonly repeats: readonly number[];
  /** -1 for none. */
  readonly segment: number;
  /** Address size of implicit memory operands, where they were written out. */
  readonly addressSize?: number;
}

export interface Context {
  readonly bits: 16 | 32 | 64;
  readonly address: bigint;
  /** Short branches do not reach here (known from an earlier pass). */
  readonly farBranch: boolean;
  evaluate(text: string): Evaluated;
}

export interface Immediate {
  readonly bytes: number;
  readonly value: bigint;
  /** Counted from the end of the instruction. */
  readonly relative: boolean;
}

export interface Encoding {
  rex: number;
  needsRex: boolean;
  forbidsRex: boolean;
  reg: number;
  mod: number;
  rm: number;
  sib: number;
  displacement: Immediate | undefined;
  segment: number;
  addressPrefix: boolean;
  opcodeRegister: number;
  immediates: Immediate[];
  memoryWidth: number;
  /** Of a VEX row: register, and W and L. */
  vvvv: number;
  /** Bits of the index that the memory operand must have, where it is a vector register. */
  vectorIndex: number;
  w: 0 | 1;
  l: 0 | 1;
}

/** Address sizes of each code size. */
export const addressBits: Readonly<Record<16 | 32 | 64, readonly number[]>> = {
  16: [16, 32],
  32: [32, 16],
  64: [64, 32],
};

export const fitsSigned = (value: bigint, bits: number): boolean => BigInt.asIntN(bits, value) === value;
