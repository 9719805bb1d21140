/** Operands as text, in the Intel syntax of GNU objdump. */
import type { OperandForm } from '../isa/form.ts';
import type { Variant } from '../isa/opcode-map.ts';
import { type OperandPattern, operandWidth } from '../isa/operand-pattern.ts';
import { Segment, state } from '../state/layout.ts';
import type { Decoded } from './decoded.ts';
import { generalName, mmxName, segments, sizeNames, xmmName } from './names.ts';
import { Prefix } from './prefixes.ts';

const none = state.zero.offset;

export const hexText = (value: bigint): string => `0x${value.toString(16)}`;

const join = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);

const signedHex = (value: bigint): string => (value < 0n ? `-${hexText(-value)}` : `+${hexText(value)}`);

/** `[rax+rcx*4-0x8]`, with its segment where that is not the default. */
/** `vector`: the name of an index that is a vector register. */
export function addressText(decoded: Decoded, code64: boolean, vector?: string): string {
  const { addressWidth, base, index } = decoded;
  const displacement = join(decoded.displacementLow, decoded.displacementHigh);
  const overridden = (decoded.prefixes & Prefix.segment) !== 0 && (decoded.segment > Segment.ds || !code64);
  const segment = overridden ? `${segments[decoded.segment]}:` : '';
  if (decoded.ripRelative) {
    return `${segment}[${addressWidth === 64 ? 'rip' : 'eip'}+${hexText(BigInt.asUintN(64, displacement))}]`;
  }
  if (base === none && index === none && !vector) {
    return `${segment || 'ds:'}${hexText(BigInt.asUintN(addressWidth, displacement))}`;
  }
  const parts: string[] = [];
  if (base !== none) parts.push(generalName(base, addressWidth));
  if (vector) parts.push(`${vector}*${1 << decoded.scale}`);
  if (index !== none) {
    const scale = addressWidth === 16 ? '' : `*${1 << decoded.scale}`;
    parts.push(generalName(index, addressWidth) + scale);
  }
  const written = decoded.modrm >> 6 !== 0 || base === none;
  const tail = written ? signedHex(displacement) : '';
  return `${segment}[${parts.join('+')}${tail}]`;
}

/** The name of a memory operand's index where it is a vector register. */
function vectorIndex(decoded: Decoded, { row, l }: Variant): string | undefined {
  const at = row.operands.findIndex(({ method }) => method === 'X');
  if (at < 0) return undefined;
  return xmmName(decoded.registers[at], operandWidth(row.operands[at], 32, l));
}

/** Bits that the size keyword of a memory operand names; 0 for none. */
const memoryBits = (pattern: OperandPattern, width: number, { size, row }: Variant): number => {
  if (pattern.method === 'O' || row.instruction.name === 'lea') return 0;
  if (width) return width;
  const byteSized = /^(invlpg|prefetch|clflush|clwb|cldemote)/.test(row.instruction.name);
  switch (pattern.type) {
    case 't':
      return 80;
    case 'p':
      return size === 16 ? 32 : 48;
    case 'a':
      return size * 2;
    default:
      return byteSized ? 8 : 0;
  }
};

export function operandText(
  decoded: Decoded,
  operand: number,
  form: OperandForm,
  pattern: OperandPattern,
  variant: Variant,
  rip: bigint,
): string {
  const register = decoded.registers[operand];
  const { width } = form;
  switch (form.kind) {
    case 'general':
      return generalName(register, width);
    case 'xmm':
      return xmmName(register, width);
    case 'mmx':
      return mmxName(register);
    case 'segment':
      return segments[register];
    case 'control':
      return `cr${register}`;
    case 'debug':
      return `dr${register}`;
    case 'st':
      return `st(${register})`;
    case 'st0':
      return 'st';
    case 'cl':
      return 'cl';
    case 'dx':
      return 'dx';
    case 'one':
      return '1';
    case 'memory': {
      const bits = memoryBits(pattern, width, variant);
      return `${bits ? `${sizeNames[bits]} PTR ` : ''}${addressText(decoded, variant.code64, vectorIndex(decoded, variant))}`;
    }
    case 'immediate':
      return hexText(BigInt.asUintN(width || 64, join(decoded.immediateLow, decoded.immediateHigh)));
    case 'relative': {
      const target = rip + BigInt(decoded.length) + join(decoded.immediateLow, decoded.immediateHigh);
      return hexText(BigInt.asUintN(width || 64, target));
    }
  }
}
