/**
 * One decoded instruction. The decoder fills the same object again and again; who wants to keep it copies it into a record
 * (core/processor/interpreter/record.ts), a JIT block or a Decoded of its own.
 */
import type { Form } from '../isa/form.ts';

export class Decoded {
  /** undefined: the bytes are no instruction here; `fault` says which fault (6 #UD, 13 #GP for over 15 bytes). */
  form: Form | undefined = undefined;
  fault = 6;
  /** Bytes, 1 to 15. */
  length = 0;

  /** State offset of each register operand, by operand number: general (AH…BH are byte offsets), xmm, or mmx. For segment, control, debug and ST(i) operands: the number. 0 elsewhere. */
  readonly registers: Int32Array = new Int32Array(4);

  /** State offsets of base and index; state.zero where there is none (RIP-relative addresses have neither). */
  base = 0;
  index = 0;
  /** log2 of the scale. */
  scale = 0;
  /** Displacement, 64 bits, sign-extended (for moffs the whole address; for an instruction without memory operand its second immediate: ENTER's level, a far pointer's selector). */
  displacementLow = 0;
  displacementHigh = 0;
  /** The displacement counts from the next instruction. */
  ripRelative = false;
  addressWidth: 16 | 32 | 64 = 64;
  /** Segment of the memory operand or string source, after prefixes (core/processor/state/layout.ts Segment). */
  segment = 3;

  /** Immediate: extended to its operand's width as the operand says, zero above. For a relative branch: the displacement, sign-extended. */
  immediateLow = 0;
  immediateHigh = 0;

  lock = false;

  /** How it was written: variant of the opcode map, Prefix bits, REX (or what VEX says in its place), ModRM and SIB (-1: none). For the disassembler. */
  variant = 0;
  prefixes = 0;
  rex = 0;
  /** mmmmm vvvv L pp as VEX has them, bits 12:8, 6:3, 2 and 1:0; 0 without VEX. */
  vex = 0;
  opcode = 0;
  modrm = -1;
  sib = -1;
}

/** Where the decoder takes its bytes from. */
export interface ByteSource {
  /** Number of bytes at hand, up to 15; fewer only where the next one cannot be fetched (the caller knows the fault). */
  readonly length: number;
  at(index: number): number;
}
