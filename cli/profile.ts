/** The machine that the command line describes: a profile and a difference. */
import { MachineError } from '#core';
import { PciHost } from '#devices';
import { type Profile, type Registry, validate } from '#machines';
import { choice, wholeNumber } from './argument-values.ts';
import type { RunArguments } from './arguments.ts';
import { blameOption } from './blame.ts';
import { driveDevices } from './drive.ts';

export async function profileOf(options: RunArguments, registry: Registry): Promise<Profile> {
  const cpu = choice('--cpu', options.cpu, ['amd', 'intel']);
  const profile = registry.profile(options.machine ?? 'pc').with({
    clock: choice('--clock', options.clock, ['host', 'virtual']) ?? 'host',
    ...(cpu ? { cpu } : {}),
    ...(options.mem === undefined ? {} : { memory: memorySize(options.mem) }),
    ...(options.smp === undefined ? {} : { processors: wholeNumber('--smp', options.smp) }),
  });
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

/** As QEMU has it: a number alone means MiB. */
const memorySize = (text: string): string => (/^\d+$/.test(text) ? `${text}M` : text);

function requireValid(profile: Profile): void {
  const [finding] = validate(profile);
  if (!finding) return;
  const { code, message, path, remedy } = finding;
  blameOption(new MachineError(code, message, { path, ...(remedy ? { remedy } : {}) }));
}
