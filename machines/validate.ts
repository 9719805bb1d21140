/** Finds a profile's mistakes before power-on, without building anything that lasts. Pure: nothing of the host is touched. */
import { MachineError } from '#core';
import { assemble } from './assemble.ts';
import { memorySize } from './memory.ts';
import type { Profile } from './profile.ts';

const maximumProcessors = 64;

export interface Finding {
  /** `devices.com1.port` */
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

/** All that is wrong with a profile; empty if nothing is. */
export function validate(profile: Profile): readonly Finding[] {
  const findings: Finding[] = [];
  const attempt = (path: string, action: () => void): void => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof MachineError)) throw error;
      findings.push({ path: error.path ?? path, code: error.code, message: error.message });
    }
  };
  attempt('memory', () => memorySize(profile));
  attempt('processors', () => {
    const { processors } = profile;
    if (!Number.isInteger(processors) || processors < 1 || processors > maximumProcessors) {
      throw new MachineError('bad-profile', `${processors} processors are not possible`, {
        path: 'processors',
        remedy: `give 1 to ${maximumProcessors}`,
      });
    }
  });
  attempt('console', () => {
    if (profile.devices[profile.console]) return;
    throw new MachineError('bad-profile', `there is no device called ${profile.console}`, {
      path: 'console',
      remedy: `name one of ${Object.keys(profile.devices).join(', ') || 'its devices (there are none)'}`,
    });
  });
  // Devices are built on a board without processors: overlaps and wrong options show as they would at power-on.
  if (findings.length === 0) findings.push(...assemble.check(profile));
  return findings;
}

/** Throws the first finding. */
export function requireValid(profile: Profile): void {
  const [first, ...others] = validate(profile);
  if (!first) return;
  const more = others.length ? ` (and ${others.length} more)` : '';
  throw new MachineError(first.code as MachineError['code'], `${first.message}${more}`, { path: first.path });
}
