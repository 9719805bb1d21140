/** Implementations of the helpers of core/processor/isa/vector/helpers.ts. */
import type { vectorHelpers } from '../../ir/helper-rows/vector.ts';
import type { HelperImplementation } from '../core.ts';
import { fusedArithmetic } from './fused-arithmetic.ts';
import { gather, maskedElements, maskedLoad } from './masked-elements.ts';
import { maskedStore } from './masked-store.ts';
import { sseArithmetic } from './sse-arithmetic.ts';
import { sseCompare, sseCompareFlags } from './sse-compare.ts';
import { singlesToHalves, sseConvert } from './sse-convert.ts';

export const sseHelpers: Readonly<Record<keyof typeof vectorHelpers, HelperImplementation>> = {
  sseArithmetic,
  sseArithmeticWide: sseArithmetic,
  sseCompare,
  sseCompareWide: sseCompare,
  sseCompareFlags,
  fusedArithmetic,
  fusedArithmeticWide: fusedArithmetic,
  singlesToHalves,
  sseConvert,
  sseConvertWide: sseConvert,
  maskedStore,
  maskedLoad,
  maskedElements,
  gather,
};
