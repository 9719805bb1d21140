/** Implementations of the helpers of core/isa/float/helpers.ts. */
import type { floatHelpers } from '../../isa/float/helpers.ts';
import type { HelperImplementation } from '../core.ts';

export const x87Helpers: Readonly<Record<keyof typeof floatHelpers, HelperImplementation>> = {};
