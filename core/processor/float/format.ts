/** What rounding needs to know of a destination. */
export interface Format {
  /** Significand bits, the leading one included. */
  readonly precision: number;
  /** Exponents of the smallest and largest normal numbers, unbiased. */
  readonly minimum: number;
  readonly maximum: number;
  /** SSE: flush-to-zero applies, and an unmasked overflow or underflow still tells of lost precision. */
  readonly simd: boolean;
  /** What an unmasked overflow or underflow takes off or adds to the exponent; 0: there is no result then. */
  readonly wrap: number;
}

const ieee = (precision: number, maximum: number, simd: boolean): Format => ({
  precision,
  minimum: 1 - maximum,
  maximum,
  simd,
  wrap: 0,
});

/** Precision control narrows the significand of a register, never its exponent (SDM vol. 1, 8.1.5.2). */
const register = (precision: number): Format => ({
  precision,
  minimum: -16382,
  maximum: 16383,
  simd: false,
  wrap: 24576,
});

export const simdSingle = ieee(24, 127, true);
export const simdDouble = ieee(53, 1023, true);
export const storedSingle = ieee(24, 127, false);
export const storedDouble = ieee(53, 1023, false);
export const extended = register(64);
const extended53 = register(53);
const extended24 = register(24);

/** The destination of the x87 operations that obey precision control: FADD, FSUB, FMUL, FDIV, FSQRT. */
export function registerFormat(precision: number): Format {
  return precision === 64 ? extended : precision === 53 ? extended53 : extended24;
}
