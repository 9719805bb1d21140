/**
 * Helpers of SSE: MASKMOV, whose other bytes may be a device's registers; and floating point, for what the fast ways of float-*.ts leave over: exceptions, special operands, rounding control. They write
 * their target themselves (state offset; numbers of operations are in operations.ts) or, where an exception is unmasked, raise #XM.
 */
import type { Helper } from '../helpers.ts';

export const vectorHelpers = {
  /** (left, right, target, operation | format << 8 | VectorCode); of 256 bits with the upper halves of left and right. */
  sseArithmetic: { inputs: [128, 128, 32, 32], results: [], dear: true },
  sseArithmeticWide: { inputs: [128, 128, 32, 32, 128, 128], results: [], dear: true },
  /** (left, right, target, predicate | format << 8 | VectorCode): CMPPS and kin. */
  sseCompare: { inputs: [128, 128, 32, 32], results: [], dear: true },
  sseCompareWide: { inputs: [128, 128, 32, 32, 128, 128], results: [], dear: true },
  /** (four singles, four more, rounding as VCVTPS2PH's immediate has it): their halves. */
  singlesToHalves: { inputs: [128, 128, 32], results: [64, 64], dear: true },
  /** (left, right, 1 for COMIS, 0 for UCOMIS, | format << 8): ZF, PF, CF; the other flags become 0. */
  sseCompareFlags: { inputs: [64, 64, 32], results: [], flags: true, dear: true },
  /** (first, second, target, FusedSigns | FusedOrder << 3 | format << 8 | VectorCode, third): FMA. */
  fusedArithmetic: { inputs: [128, 128, 32, 32, 128], results: [], dear: true },
  fusedArithmeticWide: { inputs: [128, 128, 32, 32, 128, 128, 128, 128], results: [], dear: true },
  /** (what the target keeps, source, target, operation | VectorCode) */
  sseConvert: { inputs: [128, 128, 32, 32], results: [], dear: true },
  sseConvertWide: { inputs: [128, 128, 32, 32, 128, 128], results: [], dear: true },
  /** (segment, offset, value, a bit for each byte of it that is stored, bytes of the operand): MASKMOVQ, MASKMOVDQU. */
  maskedStore: { inputs: [32, 64, 128, 32, 32], results: [] },
  /** (segment, offset, a bit for each element, bytes of an element | of all << 8, register): VMASKMOV and VPMASKMOV, from memory and to it. */
  maskedLoad: { inputs: [32, 64, 32, 32, 32], results: [] },
  maskedElements: { inputs: [32, 64, 32, 32, 32], results: [] },
  /** (segment, base and displacement, GatherCode, target, index, mask) */
  gather: { inputs: [32, 64, 32, 32, 32, 32], results: [] },
} as const satisfies Record<string, Helper>;
