/** What a machine boots: the kernel given, else the profile's own, else the default guest, else the embedded one. */
import { type ErrorCode, MachineError } from '#core';
import { type BootSource, findingOf, type Profile, toyvirt } from '#machines';
import type { RunArguments } from './arguments.ts';
import { guest } from './fetch/initrd.ts';
import { readInput } from './file.ts';
import { say } from './output.ts';

const consoleArguments = 'console=ttyS0';
const guestModules = ['virtio_pci', 'virtio_rng', 'virtio_blk'];

export async function bootOf(
  profile: Profile,
  options: RunArguments,
  chatter: (text: string) => void,
): Promise<Profile> {
  const commandLine = [consoleArguments, options.append].filter(Boolean).join(' ');
  if (options.kernel !== undefined) {
    const kernel = await readInput('--kernel', options.kernel);
    const initrd = options.initrd === undefined ? undefined : await readInput('--initrd', options.initrd);
    const boot: BootSource = { kind: 'kernel', kernel, commandLine, ...(initrd ? { initrd } : {}) };
    return profile.with({ boot });
  }
  if (options.initrd !== undefined) throw useless('--initrd', 'an initrd needs a kernel', 'give --kernel too');
  if (profile.boot) {
    if (options.append === undefined) return profile;
    throw useless('--append', `machine ${profile.name} boots a kernel of its own`, 'give --kernel too');
  }
  try {
    const { kernel, initrd, release } = await guest({
      modules: guestModules,
      ...(options.refresh ? { refresh: true } : {}),
      onProgress: chatter,
    });
    chatter(`Linux ${release} with BusyBox`);
    return profile.with({ boot: { kind: 'kernel', kernel, initrd, commandLine } });
  } catch (error) {
    if (!(error instanceof MachineError) || error.code !== 'guest-unavailable') throw error;
    say(`virt64: there is no Linux to boot: ${error.message}`);
    say('  Give your own: --kernel FILE --initrd FILE. The embedded guest (machine toyvirt) is booted instead.');
    return toyvirt.with({ clock: profile.clock });
  }
}

const useless = (option: string, message: string, remedy: string): MachineError =>
  new MachineError('bad-argument', message, { path: option, remedy });

const optionOf: Partial<Record<ErrorCode, string>> = {
  'bad-kernel': '--kernel',
  'bad-elf': '--kernel',
  'bad-initrd': '--initrd',
  'bad-command-line': '--append',
};

/** Names the option that a file came from. */
export function blameOption(error: unknown): never {
  const option = error instanceof MachineError && error.path === undefined ? optionOf[error.code] : undefined;
  if (option === undefined) throw error;
  const { code, message, remedy } = findingOf(error as MachineError, option);
  throw new MachineError(code, message, { path: option, cause: error, ...(remedy === undefined ? {} : { remedy }) });
}
