/** Memory operands to ModRM, SIB and displacement (SDM vol. 2, section 2.1.5). */
import { complain } from './complaint.ts';
import { addressBits, type Context, type Encoding, fitsSigned, type Immediate } from './encoding.ts';
import type { MemoryOperand } from './operand.ts';

/** MOV moffs: the address stands in the instruction. */
export function encodeDirect(operand: MemoryOperand, context: Context, out: Encoding): boolean {
  if (operand.base || operand.index || operand.relative) return false;
  const { value, symbolic } = context.evaluate(operand.displacement);
  const width = symbolic ? context.bits : absoluteWidth(value, context.bits);
  if (value !== BigInt.asUintN(width, value)) return false;
  out.addressPrefix = width !== context.bits;
  out.immediates.push({ bytes: width / 8, value, relative: false });
  out.segment = operand.segment >= 0 && operand.segment !== 3 ? operand.segment : out.segment;
  return true;
}

const rm16: Readonly<Record<string, number>> = {
  '3,6': 0,
  '3,7': 1,
  '5,6': 2,
  '5,7': 3,
  '6,': 4,
  '7,': 5,
  '5,': 6,
  '3,': 7,
};

/** Addresses that the usual address size does not reach. */
const absoluteWidth = (value: bigint, bits: 16 | 32 | 64): 16 | 32 | 64 => {
  if (bits === 16) return value >> 16n > 0n ? 32 : 16;
  return bits === 64 && value >> 31n === 1n ? 32 : bits;
};

export function encodeMemory(operand: MemoryOperand, context: Context, out: Encoding): boolean {
  const { base, index } = operand;
  const { value, symbolic } = operand.displacement
    ? context.evaluate(operand.displacement)
    : { value: 0n, symbolic: false };
  const isVector = index?.class === 'xmm';
  if (out.vectorIndex !== (isVector ? index.width : 0)) return false;
  const width =
    base?.width ??
    (isVector ? context.bits : index?.width) ??
    (symbolic ? context.bits : absoluteWidth(value, context.bits));
  if (
    (base && index && !isVector && base.width !== index.width) ||
    (base && base.class !== 'general' && base.class !== 'rip')
  )
    return false;
  if (index && !isVector && (index.class !== 'general' || index.number === 4)) return false;
  if (!addressBits[context.bits].includes(width)) return false;
  out.addressPrefix = width !== context.bits;
  const usual = base && (base.number === 4 || base.number === 5) && base.class === 'general' ? 2 : 3;
  if (operand.segment >= 0 && operand.segment !== usual) out.segment = operand.segment;

  const wide = width === 16 ? 2 : 4;
  const full = (relative = false): Immediate => ({ bytes: wide, value, relative });
  const displacement = BigInt.asIntN(width, value);
  const inRange = displacement === value || value === BigInt.asUintN(width, value);
  const negative = fitsSigned(BigInt.asIntN(64, value), 32);
  if (!(inRange || negative) || (!symbolic && !fitsSigned(displacement, wide * 8))) return false;

  if (base?.class === 'rip' || operand.relative) {
    if (index || context.bits !== 64) return false;
    out.mod = 0;
    out.rm = 5;
    out.displacement = full(symbolic);
    return true;
  }
  /** mod 0 without displacement, 1 with a byte, 2 with all of it. */
  const place = (needed: boolean): void => {
    if (displacement === 0n && !symbolic && !needed) out.mod = 0;
    else if (!symbolic && fitsSigned(displacement, 8)) {
      out.mod = 1;
      out.displacement = { bytes: 1, value: displacement, relative: false };
    } else {
      out.mod = 2;
      out.displacement = full();
    }
  };
  if (width === 16) {
    if (!base && !index) {
      out.mod = 0;
      out.rm = 6;
      out.displacement = full();
      return true;
    }
    if (operand.scale !== '1') return false;
    const rm =
      rm16[`${base?.number ?? index!.number},${base && index ? index.number : ''}`] ??
      rm16[`${index?.number},${base?.number}`];
    if (rm === undefined) return false;
    out.rm = rm;
    place(rm === 6);
    return true;
  }
  if (base && base.number > 7) out.rex |= 1;
  if (index && index.number > 7) out.rex |= 2;
  const scale = [1n, 2n, 4n, 8n].indexOf(context.evaluate(operand.scale).value);
  if (scale < 0) return complain('an index is scaled by 1, 2, 4 or 8');
  const indexBits = (index ? index.number & 7 : 4) << 3;
  if (!base) {
    out.mod = 0;
    out.displacement = full();
    if (!index && context.bits !== 64) out.rm = 5;
    else {
      out.rm = 4;
      out.sib = (scale << 6) | indexBits | 5;
    }
    return true;
  }
  const low = base.number & 7;
  if (index || low === 4) {
    out.rm = 4;
    out.sib = (scale << 6) | indexBits | low;
  } else out.rm = low;
  place(low === 5);
  return true;
}
