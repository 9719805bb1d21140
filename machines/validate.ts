/** Finds a profile's mistakes before power-on, without building anything that lasts. Pure: nothing of the host is touched. */
import { MachineError } from '#core';
import { describeAcpi } from './acpi-description.ts';
import { assemble } from './assemble.ts';
import { checks } from './check-profile.ts';
import { type Finding, findingOf } from './finding.ts';
import type { Profile } from './profile.ts';

/** All that is wrong with a profile; empty if nothing is. */
export function validate(profile: Profile): readonly Finding[] {
  const found = checks.flatMap(check => findingsOf(() => check(profile)));
  if (found.length > 0) return found;
  // Devices are built on a board without processors: overlaps and wrong options show as they would at power-on.
  const built = assemble.check(profile);
  return built.length > 0 ? built : findingsOf(() => describeAcpi(profile));
}

function findingsOf(check: () => unknown): readonly Finding[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof MachineError) return [findingOf(error, 'profile')];
    throw error;
  }
}

/** Throws the first finding. */
export function requireValid(profile: Profile): void {
  const [first, ...others] = validate(profile);
  if (!first) return;
  const { code, path, remedy } = first;
  const more = others.length ? ` (and ${others.length} more)` : '';
  throw new MachineError(code, `${first.message}${more}`, { path, ...(remedy === undefined ? {} : { remedy }) });
}
