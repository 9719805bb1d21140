/** virt64 run: a machine in this terminal. */
import { MachineError } from '#core';
import { type BootSource, build, type Machine, type Outcome, type Profile, type Registry, toyvirt } from '#machines';
import { parseRun, type RunArguments, runHelp } from './arguments.ts';
import { driveDevices } from './drive.ts';
import { ExitCode, exitCodeHelp, exitCodeOf } from './exit-code.ts';
import { guest } from './fetch/initrd.ts';
import { readInput } from './file.ts';
import { registryWith } from './import-plugin.ts';
import { dim, say } from './output.ts';
import { attachTerminal } from './terminal.ts';

const consoleArguments = 'console=ttyS0';
const guestModules = ['virtio_pci', 'virtio_rng', 'virtio_blk'];

export async function run(args: readonly string[]): Promise<number> {
  const options = parseRun(args);
  if (options.help) {
    process.stdout.write(`${runHelp}\n${exitCodeHelp}\n`);
    return ExitCode.ok;
  }
  const registry = await registryWith(options.plugin ?? []);
  const chatter = options.quiet ? () => {} : (text: string) => say(dim(text));
  const profile = await profileOf(options, registry, chatter);
  const accelerator = registry.accelerator(options.accel ?? 'nvmm-svm');
  const engine = choice('--engine', options.engine, ['interpreter', 'jit']);
  await using machine = await build(profile, { accelerator, interactive: true, ...(engine ? { engine } : {}) });
  chatter(`${profile.name} on ${machine.accelerator}; Ctrl-A x quits`);
  const outcome = await runInTerminal(machine, options);
  report(outcome, options, chatter);
  return exitCodeOf(outcome);
}

async function runInTerminal(machine: Machine, options: RunArguments): Promise<Outcome> {
  const stop = () => machine.stop();
  using _terminal = attachTerminal(machine.serial, stop);
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  try {
    for (;;) {
      const outcome = await machine.run(options.timeout === undefined ? {} : { timeout: options.timeout });
      if (outcome.kind !== 'reset' || options['no-reboot']) return outcome;
      machine.reset();
    }
  } finally {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
  }
}

function report(outcome: Outcome, options: RunArguments, chatter: (text: string) => void): void {
  if (options.json) say(JSON.stringify(outcome));
  else if (outcome.kind === 'error') say(`virt64: the accelerator gave up: ${outcome.message}`);
  else chatter(`\nvirt64: ${describe(outcome)}`);
}

function describe(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'powerOff':
      return 'the guest has switched itself off';
    case 'reset':
      return 'the guest asked for a reset';
    case 'tripleFault':
      return `processor ${outcome.processor} shut down after a triple fault`;
    case 'exit':
      return `the guest ended with code ${outcome.code}`;
    case 'halted':
      return 'all processors have halted for good';
    case 'timeout':
      return 'the time is up';
    default:
      return outcome.kind;
  }
}

async function profileOf(options: RunArguments, registry: Registry, chatter: (text: string) => void): Promise<Profile> {
  let profile = registry.profile(options.machine ?? 'pc');
  const clock = choice('--clock', options.clock, ['host', 'virtual']) ?? 'host';
  const cpu = choice('--cpu', options.cpu, ['amd', 'intel']);
  profile = profile.with({
    clock,
    ...(cpu ? { cpu } : {}),
    ...(options.mem === undefined ? {} : { memory: options.mem }),
    ...(options.smp === undefined ? {} : { processors: wholeNumber('--smp', options.smp) }),
    devices: await driveDevices(options.drive ?? []),
  });
  return await bootOf(profile, options, chatter);
}

/** What it boots: the kernel given, else the profile's own, else the default guest, else the embedded one. */
async function bootOf(profile: Profile, options: RunArguments, chatter: (text: string) => void): Promise<Profile> {
  const commandLine = [consoleArguments, options.append].filter(Boolean).join(' ');
  if (options.kernel !== undefined) {
    const kernel = await readInput('--kernel', options.kernel);
    const initrd = options.initrd === undefined ? undefined : await readInput('--initrd', options.initrd);
    const boot: BootSource = { kind: 'kernel', kernel, commandLine, ...(initrd ? { initrd } : {}) };
    return profile.with({ boot });
  }
  if (options.initrd !== undefined) {
    throw new MachineError('bad-argument', '--initrd needs a kernel', { path: '--initrd', remedy: 'give --kernel too' });
  }
  if (profile.boot) return profile;
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
    say(`virt64: ${error.message}`);
    say('  Give your own with --kernel FILE --initrd FILE. Booting the embedded guest (machine toyvirt) instead.');
    return toyvirt.with({ clock: profile.clock });
  }
}

function choice<const T extends string>(option: string, value: string | undefined, values: readonly T[]): T | undefined {
  if (value === undefined || values.includes(value as T)) return value as T | undefined;
  throw new MachineError('bad-argument', `"${value}" is not possible`, { path: option, remedy: `give one of ${values.join(', ')}` });
}

function wholeNumber(option: string, value: string): number {
  if (/^\d+$/.test(value)) return Number(value);
  throw new MachineError('bad-argument', `"${value}" is no number`, { path: option, remedy: 'give a whole number' });
}
