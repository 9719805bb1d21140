/** Numbers by which x87 rows name to their helpers what is to be done. */

/** Numbers in memory. */
export const X87Memory = { single: 0, double: 1, int16: 2, int32: 3, int64: 4 } as const;
export type X87Memory = (typeof X87Memory)[keyof typeof X87Memory];

export const X87Arithmetic = {
  add: 0,
  multiply: 1,
  /** Target - source. */
  subtract: 4,
  /** Source - target. */
  subtractReversed: 5,
  divide: 6,
  divideReversed: 7,
} as const;
export type X87Arithmetic = (typeof X87Arithmetic)[keyof typeof X87Arithmetic];

export const X87Constant = { one: 0, log2Ten: 1, log2E: 2, pi: 3, logTen2: 4, ln2: 5, zero: 6 } as const;

/** Of ST(0) and perhaps ST(1). */
export const X87Function = {
  changeSign: 0,
  absolute: 1,
  test: 2,
  examine: 3,
  squareRoot: 4,
  round: 5,
  scale: 6,
  extract: 7,
  remainder: 8,
  remainderNearest: 9,
  exponential: 10,
  logarithm: 11,
  logarithmOfSuccessor: 12,
  arctangent: 13,
  sine: 14,
  cosine: 15,
  sineCosine: 16,
  tangent: 17,
} as const;
export type X87Function = (typeof X87Function)[keyof typeof X87Function];
/** Added to an angle's function: as Intel's processors do. */
export const intelAngle = 32;

/** How comparisons differ. */
export const X87Compare = { quiet: 1, popOne: 2, popTwo: 4 } as const;
