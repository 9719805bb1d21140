/** Finds a profile's mistakes before power-on, without building anything that lasts. Pure: nothing of the host is touched. */
import { MachineError } from '#core';
import { assemble } from './assemble.ts';
import { checks } from './check-profile.ts';
import { type Finding, findingOf } from './finding.ts';
import type { Profile } from './profile.ts';

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
