/** Registers that a processor announces and the board has to have: otherwise the guest finds out, by #GP. */
import { MachineError, type MsrBus } from '#core';
import type { Profile } from './profile.ts';

/** The first register of each (SDM vol. 4, table 2-2): IA32_MTRRCAP, IA32_MCG_CAP. */
const registers = [
  { feature: 'mtrr', index: 0xfe },
  { feature: 'mca', index: 0x179 },
] as const;

export function boardFeaturesMissing({ cpu }: Profile, msrs: Pick<MsrBus, 'has'>): readonly MachineError[] {
  if (typeof cpu === 'string') return [];
  return registers
    .filter(({ feature, index }) => cpu.features.has(feature) && !msrs.has(index))
    .map(
      ({ feature, index }) =>
        new MachineError(
          'bad-profile',
          `the model ${cpu.name} has ${feature}, and no device has MSR 0x${index.toString(16)}`,
          {
            path: 'cpu',
            remedy: `leave ${feature} out of the model, or add a device that claims its MSRs`,
          },
        ),
    );
}
