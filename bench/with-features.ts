/** The usual processor, and more. */
import type { CpuModel } from '#core';
import { namedModel } from '#machines';

export const withFeatures = (features: readonly string[]): CpuModel =>
  namedModel(['amd', ...features.map(feature => `+${feature}`)].join());
