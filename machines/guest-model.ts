/** The processor that a profile asks for. */
import { amd, type CpuModel, implementedFeatures, intel, MachineError } from '#core';
import type { Profile } from './profile.ts';
import { nearest } from './suggestion.ts';

/** Features that a guest cannot have on every accelerator: NVMM hides them (nvmm.md, section 12), and has no place for DEBUGCTL. */
const without = ['monitor', 'rdtscp', 'invpcid', 'pcid', 'rdrand', 'rdseed', 'umip', 'mce'];

/** Whose models have names. */
export const vendors = ['amd', 'intel'] as const;

export function guestModel({ cpu, processors }: Pick<Profile, 'cpu' | 'processors'>): CpuModel {
  return typeof cpu === 'string' ? namedModel(cpu, processors) : cpu;
}

/**
 * A vendor's model, and differences: `amd`, `intel,+avx,+avx2`, `amd,-lzcnt`. Features have the names of Linux's /proc/cpuinfo. Throws a MachineError
 * that names what is wrong.
 */
export function namedModel(text: string, processors = 1): CpuModel {
  const [vendor = '', ...differences] = text.split(',').map(part => part.trim());
  if (vendor !== 'amd' && vendor !== 'intel')
    throw wrong(
      text,
      `"${vendor}" is neither amd nor intel`,
      'name one of them, and features with their signs: intel,+avx2',
    );
  for (const difference of differences) {
    if (!/^[-+]./.test(difference))
      throw wrong(text, `"${difference}" has no sign`, 'write +NAME for a feature more, -NAME for one less');
    const name = difference.slice(1);
    if (implementedFeatures.has(name)) continue;
    const meant = nearest(name, implementedFeatures);
    throw wrong(
      text,
      `there is no feature "${name}"`,
      meant ? `did you mean ${meant}?` : 'features have the names of /proc/cpuinfo',
    );
  }
  const named = (sign: string) => differences.filter(part => part[0] === sign).map(part => part.slice(1));
  const also = named('+');
  const gone = [...without.filter(feature => !also.includes(feature)), ...named('-')];
  return (vendor === 'amd' ? amd : intel)({ processors, without: gone, also, debugControl: false });
}

const wrong = (text: string, problem: string, remedy: string): MachineError =>
  new MachineError('bad-profile', `${JSON.stringify(text)} is no processor: ${problem}`, { path: 'cpu', remedy });
