/** Refuses what an accelerator cannot do by its features, by the feature's name. */
import { MachineError } from '#core';
import type { Features } from './features.ts';

const deeds = {
  protection: 'change the rights of mapped pages',
  dirtyPages: 'tell which pages were written',
  step: 'execute single instructions',
} as const;

export function requireFeature(feature: keyof typeof deeds, { features }: { readonly features: Features }): void {
  if (features[feature]) return;
  throw new MachineError('unsupported', `this accelerator cannot ${deeds[feature]}`, {
    path: `features.${feature}`,
    remedy: `ask features.${feature} before, or use an accelerator that can`,
  });
}
