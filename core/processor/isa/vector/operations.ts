/** Numbers by which SSE rows name to their helpers what is to be done. */

/** FMA by the signs of product and addend; in the last two they alternate. Numbers of operand orders are added to them, times 8. */
export const FusedSigns = {
  add: 0,
  subtract: 1,
  negateAdd: 2,
  negateSubtract: 3,
  addSubtract: 4,
  subtractAdd: 5,
} as const;
export type FusedSigns = (typeof FusedSigns)[keyof typeof FusedSigns];
/** Which of the three operands are multiplied, and which is added. */
export const FusedOrder = { 132: 0, 213: 1, 231: 2 } as const;
export const fusedOrders: readonly (readonly [left: number, right: number, addend: number])[] = [
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
];

/** How operands are made up: packed or scalar, single or double precision. */
export const Format = { ps: 0, pd: 1, ss: 2, sd: 3 } as const;
export type FormatName = keyof typeof Format;
export type Format = (typeof Format)[FormatName];

/** Bits of a helper's number that a VEX form adds: the whole register is written; inputs are 256 bits. */
export const VectorCode = { vex: 0x1_0000, wide: 0x2_0000 } as const;

/** What a gather's helper is told in one number; bits 1:0 are log2 of the scale. */
export const GatherCode = {
  of: ({ element, index, count, address }: Gather): number =>
    (element << 4) | (index << 8) | (count << 12) | (address << 16),
  read: (code: number): Gather & { readonly scale: number } => ({
    scale: code & 3,
    element: (code >> 4) & 15,
    index: (code >> 8) & 15,
    count: (code >> 12) & 15,
    address: code >> 16,
  }),
} as const;

/** Bytes of elements and of indices, how many there are, and the address size. */
export interface Gather {
  readonly element: number;
  readonly index: number;
  readonly count: number;
  readonly address: number;
}

export const SseArithmetic = {
  add: 0,
  subtract: 1,
  multiply: 2,
  divide: 3,
  minimum: 4,
  maximum: 5,
  squareRoot: 6,
  /** Odd lanes are added, even ones subtracted. */
  addSubtract: 7,
  horizontalAdd: 8,
  horizontalSubtract: 9,
  reciprocal: 10,
  reciprocalRoot: 11,
  /** As Intel's processors estimate them. */
  intelReciprocal: 12,
  intelReciprocalRoot: 13,
} as const;
export type SseArithmetic = (typeof SseArithmetic)[keyof typeof SseArithmetic];

/** Conversions by the mnemonic's end. Those to a general register say how wide it is. */
export const SseConversion = {
  ss2sd: 0,
  sd2ss: 1,
  ps2pd: 2,
  pd2ps: 3,
  dq2ps: 4,
  ps2dq: 5,
  tps2dq: 6,
  pd2dq: 7,
  tpd2dq: 8,
  si2ss32: 9,
  si2ss64: 10,
  si2sd64: 11,
  ss2si32: 12,
  ss2si64: 13,
  tss2si32: 14,
  tss2si64: 15,
  sd2si32: 16,
  sd2si64: 17,
  tsd2si32: 18,
  tsd2si64: 19,
  pi2ps: 20,
  ps2pi: 21,
  tps2pi: 22,
  pd2pi: 23,
  tpd2pi: 24,
  /** CVTPI2PS from memory, which leaves the x87 unit alone. */
  pm2ps: 25,
  /** From halves, in 32 bits each. */
  ph2ps: 26,
} as const;
export type SseConversion = (typeof SseConversion)[keyof typeof SseConversion];
