/**
 * Decode mode: all that changes how bytes become instructions and how implicit operands are addressed. A code page is
 * decoded once per mode; forms of an instruction are chosen by it.
 */

export const CodeSize = { bits16: 0, bits32: 1, bits64: 2 } as const;
export type CodeSize = (typeof CodeSize)[keyof typeof CodeSize];

/** bits 1:0 code size, bit 2 stack is 32 bits wide (legacy only), bit 3 real or virtual-8086 mode, bit 4 segments need no checks. */
export const modeOf = (code: CodeSize, wideStack: boolean, realMode: boolean, flat: boolean): number =>
  code | (wideStack ? 4 : 0) | (realMode ? 8 : 0) | (flat ? 16 : 0);

export const mode64 = CodeSize.bits64 | 16;
export const modes = 32;

export const codeSizeOf = (mode: number): CodeSize => (mode & 3) as CodeSize;
export const is64 = (mode: number): boolean => (mode & 3) === CodeSize.bits64;
/** Width of rSP in implicit stack operands. */
export const stackWidthOf = (mode: number): 16 | 32 | 64 => (is64(mode) ? 64 : mode & 4 ? 32 : 16);
export const isReal = (mode: number): boolean => (mode & 8) !== 0;
export const isFlat = (mode: number): boolean => (mode & 16) !== 0;
