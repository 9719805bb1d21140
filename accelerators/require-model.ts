/** Refuses a processor that an accelerator cannot give a guest: otherwise the guest finds out, by #UD or #GP. */
import { announcedFeatures, type CpuModel, MachineError } from '#core';
import type { Features } from './features.ts';

export function requireModel(
  cpu: CpuModel,
  { name, features }: { readonly name: string; readonly features: Features },
): void {
  const { cpuFeatures, debugControl } = features;
  const missing = announcedFeatures(cpu).filter(feature => !cpuFeatures.has(feature));
  if (cpu.debugControl && !debugControl) missing.push('DEBUGCTL');
  if (missing.length === 0) return;
  const more = name === 'software' ? '' : ', or use the accelerator software if that has what the guest needs';
  throw new MachineError(
    'unsupported',
    `${name} cannot give a guest ${missing.join(', ')}, which the model ${cpu.name} has`,
    {
      path: 'cpu',
      remedy: `leave ${missing.length > 1 ? 'these' : 'it'} out of the model${more}`,
    },
  );
}
