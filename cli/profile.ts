/** The machine that the command line describes: a profile and a difference. */
import { MachineError } from '#core';
import { PciHost } from '#devices';
import { type Profile, type ProfileDifference, type Registry, validate } from '#machines';
import type { RunArguments } from './arguments.ts';
import { blameOption } from './blame.ts';
import { driveDevices } from './drive.ts';
import { type Option, runOptions } from './options.ts';

export async function profileOf(options: RunArguments, registry: Registry): Promise<Profile> {
  const named = registry.profile(options.machine);
  if (options.cpu !== undefined) refuseOwnModel(named);
  const profile = named.with(differenceOf(options));
  requireValid(profile);
  if (!options.drive?.length) return profile;
  if (!hasPci(profile)) {
    throw new MachineError('bad-argument', `machine ${profile.name} has no PCI bus that disks could be on`, {
      path: '--drive',
      remedy: 'use a machine that has one: --machine pc',
    });
  }
  const withDrives = profile.with({ devices: await driveDevices(options.drive) });
  requireValid(withDrives);
  return withDrives;
}

export const hasPci = ({ devices }: Profile): boolean =>
  Object.values(devices).some(({ type }) => type === (PciHost as object));

/** `--cpu amd` is to choose between the models that there are, not to take away the one that a profile was made for. */
function refuseOwnModel({ name, cpu }: Profile): void {
  if (typeof cpu === 'string') return;
  throw new MachineError('bad-argument', `machine ${name} has a processor model of its own, ${cpu.name}`, {
    path: '--cpu',
    remedy: 'leave the option away, or change the profile',
  });
}

/** The fields of the profile that options set. */
function differenceOf(options: RunArguments): ProfileDifference {
  const difference: Record<string, unknown> = {};
  for (const [name, row] of Object.entries<Option>(runOptions)) {
    const value = options[name as keyof RunArguments];
    if (row.type === 'string' && row.profile && !row.profile.includes('.') && value !== undefined)
      difference[row.profile] = value;
  }
  return difference;
}

function requireValid(profile: Profile): void {
  const [finding] = validate(profile);
  if (!finding) return;
  const { code, message, path, remedy } = finding;
  blameOption(new MachineError(code, message, { path, ...(remedy ? { remedy } : {}) }));
}
