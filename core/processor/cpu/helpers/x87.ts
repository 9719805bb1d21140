/** Implementations of the helpers of core/processor/isa/float/helpers.ts. */
import type { floatHelpers } from '../../ir/helper-rows/float.ts';
import type { HelperImplementation } from '../core.ts';
import { x87Arithmetic, x87ArithmeticMemory, x87Compare, x87CompareFlags, x87CompareMemory } from './x87-arithmetic.ts';
import {
  x87ClearExceptions,
  x87Initialize,
  x87LoadControl,
  x87LoadEnvironment,
  x87StoreEnvironment,
} from './x87-environment.ts';
import { x87Function } from './x87-functions.ts';
import {
  x87Exchange,
  x87Load,
  x87LoadConstant,
  x87LoadDecimal,
  x87LoadExtended,
  x87LoadRegister,
  x87Move,
  x87PrepareStore,
  x87PrepareStoreDecimal,
  x87PrepareStoreExtended,
  x87Store,
  x87StoreDecimal,
  x87StoreExtended,
  x87StoreRegister,
} from './x87-transfer.ts';
import { x87StoreUnchecked } from './x87-unchecked.ts';

export const x87Helpers: Readonly<Record<keyof typeof floatHelpers, HelperImplementation>> = {
  x87Load,
  x87LoadExtended,
  x87LoadDecimal,
  x87LoadRegister,
  x87LoadConstant,
  x87Store,
  x87PrepareStore,
  x87StoreExtended,
  x87PrepareStoreExtended,
  x87StoreDecimal,
  x87PrepareStoreDecimal,
  x87StoreRegister,
  x87StoreUnchecked,
  x87Arithmetic,
  x87ArithmeticMemory,
  x87Function,
  x87Compare,
  x87CompareMemory,
  x87CompareFlags,
  x87Move,
  x87Exchange,
  x87Initialize,
  x87ClearExceptions,
  x87LoadControl,
  x87StoreEnvironment,
  x87LoadEnvironment,
};
