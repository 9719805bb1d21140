/** Register names, as Intel syntax has them: one list for disassembler and assembler. */
import { gprOffset, x87Offset, xmmOffset } from '../state/layout.ts';

const legacy = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'] as const;
const numbers = Array.from({ length: 16 }, (_, n) => n);

export const registers64: readonly string[] = numbers.map(n => (n < 8 ? `r${legacy[n]}` : `r${n}`));
export const registers32: readonly string[] = numbers.map(n => (n < 8 ? `e${legacy[n]}` : `r${n}d`));
export const registers16: readonly string[] = numbers.map(n => (n < 8 ? legacy[n] : `r${n}w`));
export const registers8: readonly string[] = numbers.map(n =>
  n < 4 ? `${legacy[n][0]}l` : n < 8 ? `${legacy[n]}l` : `r${n}b`,
);
/** Without REX, numbers 4 to 7. */
export const highBytes: readonly string[] = ['ah', 'ch', 'dh', 'bh'];
export const segments: readonly string[] = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];

const byWidth: Readonly<Record<number, readonly string[]>> = {
  8: registers8,
  16: registers16,
  32: registers32,
  64: registers64,
};

/** Name of a general register by its state offset. */
export const generalName = (offset: number, width: number): string => {
  if (width === 8 && offset & 1) return highBytes[offset >> 3];
  return byWidth[width][offset / gprOffset(1)];
};
export const xmmName = (offset: number, width = 128): string =>
  `${width === 256 ? 'ymm' : 'xmm'}${(offset - xmmOffset(0)) / 16}`;
export const mmxName = (offset: number): string => `mm${(offset - x87Offset(0)) / 16}`;

/** What stands before a memory operand of so many bits. */
export const sizeNames: Readonly<Record<number, string>> = {
  8: 'BYTE',
  16: 'WORD',
  32: 'DWORD',
  48: 'FWORD',
  64: 'QWORD',
  80: 'TBYTE',
  128: 'XMMWORD',
  256: 'YMMWORD',
};

/** Predicates of CMPPS, CMPPD, CMPSS and CMPSD, by their immediate. */
export const predicates: readonly string[] = ['eq', 'lt', 'le', 'unord', 'neq', 'nlt', 'nle', 'ord'];
/** Those of VEX forms. */
export const vexPredicates: readonly string[] = [
  ...predicates,
  ...['eq_uq', 'nge', 'ngt', 'false', 'neq_oq', 'ge', 'gt', 'true'],
  ...['eq_os', 'lt_oq', 'le_oq', 'unord_s', 'neq_us', 'nlt_uq', 'nle_uq', 'ord_s'],
  ...['eq_us', 'nge_uq', 'ngt_uq', 'false_os', 'neq_os', 'ge_oq', 'gt_oq', 'true_us'],
];
