/** What a machine boots: the kernel given, else the profile's own, else the default guest, else the embedded one. */
import { MachineError } from '#core';
import { type BootSource, type InitramfsOptions, type Profile, toyvirt } from '#machines';
import type { RunArguments } from './arguments.ts';
import { ExitCode } from './exit-code.ts';
import { type BootableGuest, guest } from './fetch/initrd.ts';
import { readInput } from './file.ts';
import { plain, say } from './output.ts';
import { Progress } from './progress.ts';
import { endingSignals } from './signals.ts';

const consoleArguments = 'console=ttyS0';
/** In real time a busy host may keep the guest from its timer ticks just while Linux counts them, which then panics. */
const realTimeArguments = 'no_timer_check';
const greeting = 'Welcome to virt64. poweroff stops the machine; Ctrl-A x quits at once.';
const guestModules = ['virtio_pci', 'virtio_rng', 'virtio_blk', 'button', 'evdev'];

export async function bootOf(
  profile: Profile,
  options: RunArguments,
  chatter: (text: string) => void,
): Promise<Profile> {
  const commandLine = [consoleArguments, profile.clock === 'host' && realTimeArguments, options.append]
    .filter(Boolean)
    .join(' ');
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
    const { kernel, initrd, release } = await defaultGuest(options);
    chatter(`Linux ${release} with BusyBox`);
    return profile.with({ boot: { kind: 'kernel', kernel, initrd, commandLine } });
  } catch (error) {
    if (!(error instanceof MachineError) || error.code !== 'guest-unavailable') throw error;
    say(`virt64: there is no Linux to boot: ${plain(error)}`);
    if (error.remedy) say(`  ${error.remedy}`);
    say('  The embedded guest (machine toyvirt) boots instead.');
    return toyvirt.with({ clock: profile.clock });
  }
}

async function defaultGuest({ refresh = false, quiet }: RunArguments): Promise<BootableGuest> {
  using progress = new Progress();
  const speak = quiet
    ? {}
    : {
        onProgress: (message: string) => progress.step(message),
        onAdvance: (percent: number) => progress.advance(percent),
      };
  const quit = (): never => {
    progress[Symbol.dispose]();
    if (!quiet) say('virt64: quit');
    process.exit(ExitCode.quit);
  };
  for (const signal of endingSignals) process.on(signal, quit);
  try {
    return await guest({ modules: guestModules, refresh, greeting, ...terminalSize(), ...speak });
  } finally {
    for (const signal of endingSignals) process.off(signal, quit);
  }
}

/** Terminals that have no size say 0. */
function terminalSize(): Pick<InitramfsOptions, 'terminal'> {
  const { isTTY, rows, columns } = process.stdout;
  return isTTY && rows > 0 && columns > 0 ? { terminal: { rows, columns } } : {};
}

const useless = (option: string, message: string, remedy: string): MachineError =>
  new MachineError('bad-argument', message, { path: option, remedy });
