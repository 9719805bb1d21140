/**
 * Helpers of the x87 unit. Those that may be stopped by an unmasked exception do, and leave it pending for the next waiting
 * instruction. `offset` and `segment` are of the memory operand, for the unit's own pointer to it. Numbers are in operations.ts.
 */
import type { Helper } from '../helpers.ts';

export const floatHelpers = {
  /** (X87Memory, bits, offset, segment): FLD, FILD. */
  x87Load: { inputs: [32, 64, 64, 32], results: [] },
  /** (significand, sign and exponent, offset, segment) */
  x87LoadExtended: { inputs: [64, 16, 64, 32], results: [] },
  x87LoadDecimal: { inputs: [64, 16, 64, 32], results: [], dear: true },
  /** (i) */
  x87LoadRegister: { inputs: [32], results: [] },
  /** (X87Constant) */
  x87LoadConstant: { inputs: [32], results: [] },
  /** (X87Memory | 8 to truncate, 1 to pop, offset, segment): bits, and 1 << 16 where nothing is to be written. */
  x87Store: { inputs: [32, 32, 64, 32], results: [64, 32] },
  /** (offset, segment). Pops: low eight bytes, and the upper two | 1 << 16 where nothing is to be written. */
  x87StoreExtended: { inputs: [64, 32], results: [64, 32] },
  x87StoreDecimal: { inputs: [64, 32], results: [64, 32], dear: true },
  /** The same answers, but the unit stays as it is unless nothing is to be written. */
  x87PrepareStore: { inputs: [32, 32, 64, 32], results: [64, 32] },
  x87PrepareStoreExtended: { inputs: [64, 32], results: [64, 32] },
  x87PrepareStoreDecimal: { inputs: [64, 32], results: [64, 32], dear: true },
  /** (i, 1 to pop) */
  x87StoreRegister: { inputs: [32, 32], results: [] },
  /** (i): FSTPNCE. */
  x87StoreUnchecked: { inputs: [32], results: [] },

  /** (X87Arithmetic, i of the target, i of the source, 1 to pop) */
  x87Arithmetic: { inputs: [32, 32, 32, 32], results: [], dear: true },
  /** (X87Arithmetic, X87Memory, bits, offset, segment): with ST(0) as the target. */
  x87ArithmeticMemory: { inputs: [32, 32, 64, 64, 32], results: [], dear: true },
  /** (X87Function, | intelAngle) */
  x87Function: { inputs: [32], results: [], dear: true },
  /** (i, X87Compare bits): with ST(0), into the condition codes. */
  x87Compare: { inputs: [32, 32], results: [] },
  /** (X87Memory, bits, X87Compare bits, offset, segment) */
  x87CompareMemory: { inputs: [32, 64, 32, 64, 32], results: [] },
  /** (i, X87Compare bits): into ZF, PF and CF. */
  x87CompareFlags: { inputs: [32, 32], results: [], flags: true },
  /** (i, condition): FCMOVcc. */
  x87Move: { inputs: [32, 32], results: [] },

  /** (i) */
  x87Exchange: { inputs: [32], results: [] },
  x87Initialize: { inputs: [], results: [] },
  x87ClearExceptions: { inputs: [], results: [] },
  x87LoadControl: { inputs: [16], results: [] },
  /** (segment, offset, operand width, 1 for the registers too): FNSTENV, FNSAVE. */
  x87StoreEnvironment: { inputs: [32, 64, 32, 32], results: [], dear: true },
  /** Likewise: FLDENV, FRSTOR. */
  x87LoadEnvironment: { inputs: [32, 64, 32, 32], results: [], dear: true },
} as const satisfies Record<string, Helper>;
