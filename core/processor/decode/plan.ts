/** What the decoder does for each variant of the opcode map, as flat arrays by variant number. */
import type { OpcodeMap, Variant } from '../isa/opcode-map.ts';
import { operandWidth } from '../isa/operand-pattern.ts';

/** Bits of `flags`. */
export const VariantFlag = {
  lockable: 1,
  protectedOnly: 2,
  plainOnly: 4,
  forcesRegister: 8,
  /** The memory operand is an address in the instruction (MOV moffs). */
  direct: 16,
  /** Something is decoded into register slots. */
  fills: 32,
  /** Immediate bytes of any kind. */
  immediates: 64,
  /** MOV to CS is no instruction. */
  writesSegment: 128,
  /** VEX.vvvv is an operand. */
  vvvv: 256,
  /** The register of the last operand is in the immediate. */
  is4: 512,
  /** The memory operand's index is a vector. */
  vsib: 1024,
} as const;

/** How the first immediate becomes 64 bits; the low nibble of `immediates` has its size in bytes, `second` that of the second. */
export const Extend = { zero: 0, sign16: 1, sign32: 2, sign64: 3 } as const;

export class DecodePlan {
  readonly flags: Uint16Array;
  readonly feature: Uint16Array;
  readonly next: Uint16Array;
  /** Four Fill codes and four fixed slots for each variant. */
  readonly fills: Uint8Array;
  readonly fixed: Int32Array;
  readonly immediateBytes: Uint8Array;
  readonly immediateExtend: Uint8Array;
  readonly secondBytes: Uint8Array;

  constructor({ variants }: OpcodeMap) {
    const count = variants.length;
    this.flags = new Uint16Array(count);
    this.feature = new Uint16Array(count);
    this.next = new Uint16Array(count);
    this.fills = new Uint8Array(count * 4);
    this.fixed = new Int32Array(count * 4);
    this.immediateBytes = new Uint8Array(count);
    this.immediateExtend = new Uint8Array(count);
    this.secondBytes = new Uint8Array(count);
    variants.forEach((variant, n) => {
      if (variant) this.#add(variant, n);
    });
  }

  #add(variant: Variant, n: number): void {
    const { row, size, l } = variant;
    const { instruction, operands } = row;
    let flags = 0;
    if (instruction.lockable && operands[0]?.memory) flags |= VariantFlag.lockable;
    if (instruction.protectedOnly) flags |= VariantFlag.protectedOnly;
    if (variant.plainOnly) flags |= VariantFlag.plainOnly;
    if (row.forcesRegister) flags |= VariantFlag.forcesRegister;
    if (operands[0]?.method === 'S') flags |= VariantFlag.writesSegment;
    const immediates: { bytes: number; extend: number }[] = [];
    operands.forEach((operand, at) => {
      this.fills[n * 4 + at] = operand.fill;
      this.fixed[n * 4 + at] = operand.fixed;
      if (operand.fill) flags |= VariantFlag.fills;
      const bits = operandWidth(operand, size, l);
      switch (operand.method) {
        case 'H':
        case 'B':
          flags |= VariantFlag.vvvv;
          break;
        case 'X':
          flags |= VariantFlag.vsib;
          break;
        case 'L':
          if (at !== 3) throw new Error(`${row.text}: a register in the immediate is the fourth operand`);
          flags |= VariantFlag.is4;
          immediates.push({ bytes: 1, extend: Extend.zero });
          break;
        case 'O':
          flags |= VariantFlag.direct;
          break;
        case 'I':
        case 'sI': {
          const bytes = operand.type === 'b' ? 1 : operand.type === 'z' ? Math.min(size, 32) / 8 : bits / 8;
          const signed = operand.signed || (operand.type === 'z' && size === 64);
          const extend = !signed
            ? Extend.zero
            : bits === 64
              ? Extend.sign64
              : bits === 32
                ? Extend.sign32
                : Extend.sign16;
          immediates.push({ bytes, extend });
          break;
        }
        case 'J':
          immediates.push({ bytes: operand.type === 'b' ? 1 : Math.min(size, 32) / 8, extend: Extend.sign64 });
          break;
        case 'A':
          immediates.push({ bytes: bits / 8, extend: Extend.zero });
          break;
      }
    });
    if (immediates.length > 2) throw new Error(`${row.text}: more than two immediates`);
    if (immediates.length > 0) flags |= VariantFlag.immediates;
    this.immediateBytes[n] = immediates[0]?.bytes ?? 0;
    this.immediateExtend[n] = immediates[0]?.extend ?? Extend.zero;
    this.secondBytes[n] = immediates[1]?.bytes ?? 0;
    this.flags[n] = flags;
    this.feature[n] = variant.feature;
    this.next[n] = variant.next;
  }
}
