/** The processor that a profile asks for. */
import { amd, type CpuModel, intel } from '#core';
import type { Profile } from './profile.ts';

/** Features that a guest cannot have on every accelerator: NVMM hides them (nvmm.md, section 12), and has no place for DEBUGCTL. */
const without = ['monitor', 'rdtscp', 'invpcid', 'pcid', 'rdrand', 'rdseed', 'umip', 'mce'];

export function guestModel({ cpu, processors }: Pick<Profile, 'cpu' | 'processors'>): CpuModel {
  if (typeof cpu !== 'string') return cpu;
  return (cpu === 'amd' ? amd : intel)({ processors, without, debugControl: false });
}
