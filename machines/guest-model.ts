/** The processor that a profile asks for. */
import { amd, type CpuModel, intel, MachineError } from '#core';
import type { Profile } from './profile.ts';

/** Features that a guest cannot have on every accelerator: NVMM hides them (nvmm.md, section 12), and has no place for DEBUGCTL. */
const without = ['monitor', 'rdtscp', 'invpcid', 'pcid', 'rdrand', 'rdseed', 'umip', 'mce'];

export function guestModel({ cpu, processors }: Pick<Profile, 'cpu' | 'processors'>): CpuModel {
  return typeof cpu === 'string' ? namedModel(cpu, processors) : cpu;
}

/** A vendor's model, and differences: `amd`, `intel,+avx,+avx2`, `amd,-lzcnt`. */
export function namedModel(text: string, processors = 1): CpuModel {
  const [vendor, ...differences] = text.split(',').map(part => part.trim());
  const wrong = (what: string): never => {
    throw new MachineError('bad-option', `there is no processor "${text}": ${what}`, {
      path: 'cpu',
      remedy: 'name a vendor and features with their signs, such as intel,+avx2',
    });
  };
  if (vendor !== 'amd' && vendor !== 'intel') return wrong(`"${vendor}" is neither amd nor intel`);
  const named = (sign: string) => differences.filter(part => part[0] === sign).map(part => part.slice(1));
  const odd = differences.find(part => !/^[-+]./.test(part));
  if (odd !== undefined) return wrong(`"${odd}" has no sign`);
  const also = named('+');
  const gone = [...without.filter(feature => !also.includes(feature)), ...named('-')];
  return (vendor === 'amd' ? amd : intel)({ processors, without: gone, also, debugControl: false });
}
