/** Finds a profile's mistakes before power-on, without building anything that lasts. Pure: nothing of the host is touched. */
import { MachineError } from '#core';
import { assemble } from './assemble.ts';
import { type Finding, findingOf } from './finding.ts';
import { memorySize } from './memory.ts';
import type { Profile } from './profile.ts';
import { nearest } from './suggestion.ts';

const maximumProcessors = 64;

const wrong = (path: string, message: string, remedy: string): MachineError =>
  new MachineError('bad-profile', message, { path, remedy });

const checks: readonly ((profile: Profile) => void)[] = [
  memorySize,
  ({ processors }) => {
    if (Number.isInteger(processors) && processors >= 1 && processors <= maximumProcessors) return;
    throw wrong('processors', `${processors} processors are not possible`, `give 1 to ${maximumProcessors}`);
  },
  ({ cpu }) => {
    if (cpu === 'amd' || cpu === 'intel' || (typeof cpu === 'object' && cpu !== null)) return;
    throw wrong('cpu', `${JSON.stringify(cpu)} is no processor`, "give 'amd', 'intel' or a CpuModel");
  },
  ({ clock }) => {
    if (clock === 'virtual' || clock === 'host') return;
    throw wrong('clock', `${JSON.stringify(clock)} is no clock`, "give 'virtual' or 'host'");
  },
  ({ console: name, devices }) => {
    if (Object.hasOwn(devices, name)) return;
    const names = Object.keys(devices);
    const meant = nearest(name, names);
    const remedy = `name one of ${names.join(', ') || 'its devices (there are none)'}`;
    throw wrong('console', `there is no device called ${name}`, meant ? `did you mean ${meant}?` : remedy);
  },
];

/** All that is wrong with a profile; empty if nothing is. */
export function validate(profile: Profile): readonly Finding[] {
  const findings = checks.flatMap(check => {
    try {
      check(profile);
      return [];
    } catch (error) {
      if (error instanceof MachineError) return [findingOf(error, 'profile')];
      throw error;
    }
  });
  // Devices are built on a board without processors: overlaps and wrong options show as they would at power-on.
  return findings.length > 0 ? findings : assemble.check(profile);
}

/** Throws the first finding. */
export function requireValid(profile: Profile): void {
  const [first, ...others] = validate(profile);
  if (!first) return;
  const { code, path, remedy } = first;
  const more = others.length ? ` (and ${others.length} more)` : '';
  throw new MachineError(code, `${first.message}${more}`, { path, ...(remedy === undefined ? {} : { remedy }) });
}
