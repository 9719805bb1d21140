/** Decoded instructions as text, in the Intel syntax of GNU objdump. */
import type { Instruction } from '../isa/instruction.ts';
import { opcodeMap, type Variant } from '../isa/opcode-map.ts';
import type { Decoded } from './decoded.ts';
import { predicates, vexPredicates } from './names.ts';
import { operandText } from './operand-text.ts';
import { Prefix } from './prefixes.ts';
import { stringOperands, stringStem } from './string-text.ts';

/** Where assembly has several names for an instruction, they go by operand size; JCXZ, JECXZ and JRCXZ by address size. */
export const mnemonicOf = ({ name, mnemonics, varies }: Instruction, size: number, addressWidth: number): string => {
  const byAddress = varies?.includes('address') && !varies.includes('operand');
  return mnemonics?.[byAddress ? addressWidth : size] ?? name;
};

const suffixes: Readonly<Record<number, string>> = { 16: 'w', 32: 'd', 64: 'q' };

/** Letter for an operand size that is not the usual one and that no operand shows. */
const suffix = ({ row, size, code64 }: Variant, decoded: Decoded): string => {
  const { instruction, operands, options } = row;
  if (!instruction.varies?.includes('operand') || instruction.mnemonics) return '';
  if (operands.some(({ kind }) => kind !== 'immediate')) return '';
  if (code64) {
    const usual = options.size64 ? 64 : 32;
    return size === usual ? '' : suffixes[size];
  }
  return decoded.prefixes & Prefix.operandSize ? suffixes[size] : '';
};

const repeatName = (decoded: Decoded, { row }: Variant): string => {
  const repeated = decoded.prefixes & (Prefix.repe | Prefix.repne);
  if (!repeated) return '';
  switch (row.instruction.repeats) {
    case 'rep':
      return repeated === Prefix.repe ? 'rep ' : 'repnz ';
    case 'repe':
      return repeated === Prefix.repe ? 'repz ' : 'repnz ';
    default:
      return '';
  }
};

/** CMPPS and its kin: their predicate is part of the name. */
const comparisons = /^(v?)cmp([ps][sd])$/;
function comparison(mnemonic: string, { vex, immediateLow }: Decoded): string | undefined {
  const [, v, type] = comparisons.exec(mnemonic) ?? [];
  const predicate = (vex ? vexPredicates : predicates)[immediateLow];
  return type && predicate ? `${v}cmp${predicate}${type}` : undefined;
}

/** `rip` is the address of the instruction; `decoded` must hold a form. */
export function disassemble(decoded: Decoded, rip: bigint | number = 0n): string {
  const variant = opcodeMap().variants[decoded.variant];
  const { form } = decoded;
  if (!form || !variant) return '(bad)';
  const { row } = variant;
  const { instruction } = row;
  const name = mnemonicOf(instruction, variant.size, decoded.addressWidth);
  const before = `${decoded.lock ? 'lock ' : ''}${repeatName(decoded, variant)}`;
  const string = stringOperands(instruction.name, decoded, variant);
  if (string) return `${before}${stringStem(instruction.name)} ${string.join(',')}`;
  const mnemonic = before + name;

  if (row.operands[0]?.method === 'A') {
    const offset = (decoded.immediateLow >>> 0).toString(16);
    return `${mnemonic} 0x${decoded.displacementLow.toString(16)}:0x${offset}`;
  }
  const texts = row.operands.flatMap((pattern, n) => {
    // It stands in the memory operand.
    if (pattern.method === 'X') return [];
    // An instruction's second immediate is where others have a displacement.
    const second = pattern.kind === 'immediate' && row.operands.slice(0, n).some(({ kind }) => kind === 'immediate');
    if (second) return `0x${decoded.displacementLow.toString(16)}`;
    return operandText(decoded, n, form.operands[n], pattern, variant, BigInt(rip));
  });
  const compares = comparison(mnemonic, decoded);
  if (compares && texts.length > 2) return `${compares} ${texts.slice(0, -1).join(',')}`;
  return `${mnemonic}${suffix(variant, decoded)} ${texts.join(',')}`.trimEnd();
}
