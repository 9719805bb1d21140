/** What a machine boots: the kernel given, else the profile's own, else the default guest. */
import { MachineError } from '#core';
import { VirtioConsole } from '#devices';
import { type BootSource, type InitramfsOptions, type Profile, use, validate } from '#machines';
import type { RunArguments } from './arguments.ts';
import { plain } from './complaint.ts';
import { ExitCode } from './exit-code.ts';
import { type BootableGuest, guest, guestKernel } from './fetch/initrd.ts';
import { readInput } from './file.ts';
import { say } from './output.ts';
import { hasPci } from './profile.ts';
import { Progress } from './progress.ts';
import { endingSignals } from './signals.ts';

const consoleArguments = 'console=ttyS0';
/** In real time a busy host may keep the guest from its timer ticks just while Linux counts them, which then panics. */
const realTimeArguments = 'no_timer_check';
const greeting = 'Welcome to virt64. poweroff stops the machine; Ctrl-A x quits at once.';
/** Between the entropy device of `pc` and the drives. */
const terminalSlot = '00:03.0';
const guestModules = ['virtio_pci', 'virtio_rng', 'virtio_blk', 'button', 'evdev'];

export async function bootOf(
  profile: Profile,
  options: RunArguments,
  chatter: (text: string) => void,
): Promise<Profile> {
  const commandLine = [consoleArguments, profile.clock === 'host' && realTimeArguments, options.append]
    .filter(Boolean)
    .join(' ');
  const initrd = options.initrd === undefined ? undefined : await readInput('--initrd', options.initrd);
  if (options.kernel !== undefined) {
    const kernel = await readInput('--kernel', options.kernel);
    const boot: BootSource = { kind: 'kernel', kernel, commandLine, ...(initrd ? { initrd } : {}) };
    return profile.with({ boot });
  }
  if (profile.boot) {
    for (const option of ['initrd', 'append'] as const) {
      if (options[option] !== undefined) throw useless(`--${option}`, profile);
    }
    return profile;
  }
  const terminal = initrd ? undefined : followedTerminal(profile);
  const { release, ...guest } = await defaultGuest(options, initrd, terminal).catch(withoutLinux);
  chatter(`Linux ${release} with ${options.initrd ?? 'BusyBox'}`);
  const booting = profile.with({ boot: { kind: 'kernel', ...guest, commandLine } });
  return terminal ? booting.with(terminal) : booting;
}

async function defaultGuest(
  { refresh = false, quiet }: RunArguments,
  initrd?: Uint8Array,
  terminal?: object,
): Promise<BootableGuest> {
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
    if (initrd) return { ...(await guestKernel({ refresh, ...speak })), initrd };
    const modules = terminal ? [...guestModules, 'virtio_console'] : guestModules;
    const followsTerminal = terminal !== undefined;
    return await guest({ modules, refresh, greeting, ...terminalSize(), followsTerminal, ...speak });
  } finally {
    for (const signal of endingSignals) process.off(signal, quit);
  }
}

/** Nothing else boots in its place: a script would take the toy kernel's words for its guest's. */
function withoutLinux(error: unknown): never {
  if (!(error instanceof MachineError) || error.code !== 'guest-unavailable') throw error;
  throw new MachineError(error.code, `there is no Linux to boot: ${plain(error)}`, {
    remedy: [error.remedy, 'virt64 demo runs a toy kernel, which needs nothing'].filter(Boolean).join('; '),
    cause: error,
  });
}

/** Terminals that have no size say 0. */
function terminalSize(): Pick<InitramfsOptions, 'terminal'> {
  const { isTTY, rows, columns } = process.stdout;
  return isTTY && rows > 0 && columns > 0 ? { terminal: { rows, columns } } : {};
}

/** Tells the default guest its terminal's size. Under the virtual clock nobody may tell it anything that the clock does not decide. */
function followedTerminal(profile: Profile): Pick<Profile, 'devices'> | undefined {
  const { terminal } = terminalSize();
  if (!terminal || profile.clock !== 'host' || !hasPci(profile)) return undefined;
  const devices = { terminal: use(VirtioConsole, { slot: terminalSlot, ...terminal }) };
  // A profile of a plugin's may have something there.
  return validate(profile.with({ devices })).length === 0 ? { devices } : undefined;
}

const useless = (option: string, { name }: Profile): MachineError =>
  new MachineError('bad-argument', `machine ${name} boots a kernel of its own`, {
    path: option,
    remedy: 'give --kernel too, or another machine: --machine pc',
  });
