/** virt64 run: a machine in this terminal. */
import { setImmediate } from 'node:timers/promises';
import { MachineError } from '#core';
import {
  type BuildOptions,
  build,
  hostEntropy,
  hostWallClock,
  type Machine,
  type Outcome,
  type Profile,
} from '#machines';
import { parseRun, type RunArguments, runHelp } from './arguments.ts';
import { blameOption } from './blame.ts';
import { bootOf } from './boot.ts';
import { closeDrives, haveDrivesFailed } from './drive.ts';
import { ExitCode, exitCodeHelp, exitCodeOf } from './exit-code.ts';
import { GdbSocket } from './host/gdb-socket.ts';
import { registryWith } from './import-plugin.ts';
import { dim, isWritten, print, say } from './output.ts';
import { profileOf } from './profile.ts';
import { Standing } from './standing.ts';
import { attachTerminal, expectsInput } from './terminal.ts';
import { Trace } from './trace.ts';

interface Limits {
  /** Guest time. */
  readonly timeout: number;
  readonly until?: RegExp;
  readonly endsAtReset: boolean;
}

export async function run(args: readonly string[]): Promise<number> {
  const options = parseRun(args);
  if (options.help) {
    print(`${runHelp}\n${exitCodeHelp}`);
    return ExitCode.ok;
  }
  // Everything that can be wrong is looked at before anything is fetched.
  const registry = await registryWith(options.plugin ?? []);
  const accelerator = registry.accelerator(options.accel);
  const { engine } = options;
  const limits = limitsOf(options);
  if (options['gdb-wait'] && !options.gdb)
    throw new MachineError('bad-argument', 'nobody can come', { path: '--gdb-wait', remedy: 'give --gdb PORT, too' });
  const plain = await profileOf(options, registry);
  const chatter = options.quiet ? () => {} : (text: string) => say(dim(text));
  const profile = await bootOf(plain, options, chatter);
  await using trace = Trace.of(options);
  const outcome = await runMachine(
    profile,
    {
      accelerator,
      interactive: () => expectsInput(profile.clock),
      observers: [...registry.createObservers(), ...(trace ? [trace.observer] : [])],
      ...(engine ? { engine } : {}),
      ...(profile.clock === 'host' ? { entropy: hostEntropy, wallClock: hostWallClock } : {}),
    },
    limits,
    options,
    chatter,
    trace,
  ).finally(() => closeDrives());
  if (options.json) say(JSON.stringify(outcome));
  else if (outcome.kind === 'error') say(`virt64: the accelerator gave up: ${outcome.message}`);
  else chatter(`\nvirt64: ${describe(outcome)}`);
  const code = haveDrivesFailed() ? ExitCode.diskFailed : exitCodeOf(outcome);
  // Whoever ends the program need not wait for a reader that stands still.
  if ((outcome.kind === 'stopped' || outcome.kind === 'timeout') && !(await isWritten())) process.exit(code);
  return code;
}

type Chatter = (text: string) => void;

/** The machine is gone when this returns. */
async function runMachine(
  profile: Profile,
  building: BuildOptions,
  limits: Limits,
  options: RunArguments,
  chatter: Chatter,
  trace?: Trace,
): Promise<Outcome> {
  await using machine = await build(profile, building).catch(blameOption);
  trace?.attach(machine);
  chatter(`${profile.name} on ${machine.accelerator}${process.stdin.isTTY ? '; Ctrl-A x quits' : ''}`);
  using gdb = await listenForGdb(machine, options, chatter);
  const outcome = await runInTerminal(machine, limits, chatter);
  gdb?.end(exitCodeOf(outcome));
  return outcome;
}

async function listenForGdb(
  machine: Machine,
  { gdb: address, 'gdb-wait': waits = false }: RunArguments,
  chatter: Chatter,
): Promise<GdbSocket | undefined> {
  return address && (await GdbSocket.listen(machine, { address, waits, onKill: () => machine.stop(), chatter }));
}

function limitsOf({ timeout, until, 'no-reboot': endsAtReset = false }: RunArguments): Limits {
  return {
    timeout: timeout ?? Number.POSITIVE_INFINITY,
    endsAtReset,
    ...(until === undefined ? {} : { until }),
  };
}

async function runInTerminal(machine: Machine, limits: Limits, chatter: Chatter): Promise<Outcome> {
  const { timeout, until, endsAtReset } = limits;
  const deadline = machine.now + timeout;
  let end: Outcome | undefined;
  const stop = (kind: 'stopped' | 'timeout'): void => {
    end ??= { kind };
    machine.stop();
    standing.release();
  };
  const standing = new Standing({
    // Real time has gone on; under the virtual clock a reader that is only slow must not decide how far the guest gets.
    limit: () => (machine.profile.clock === 'host' ? Math.max(deadline - machine.now, 0) : timeout) / 1e6,
    tooLong: () => stop('timeout'),
  });
  using _terminal = attachTerminal(machine, { standing, quit: () => stop('stopped'), chatter });
  const faults = new TripleFaults(chatter);
  for (;;) {
    const outcome = await machine.run({ timeout: Math.max(deadline - machine.now, 0), ...(until ? { until } : {}) });
    if (!resets(machine.profile, outcome) || endsAtReset)
      return outcome.kind === 'stopped' ? (end ?? outcome) : outcome;
    // A guest that does nothing but reset itself must not keep the program from hearing its user, nor from writing.
    await setImmediate();
    await machine.serial.pass();
    if (end) return end;
    if (outcome.kind === 'tripleFault') faults.tell(outcome.processor);
    machine.reset();
  }
}

/** A processor that shuts down resets a PC, as the guest's own request does. */
const resets = ({ tripleFault = 'reset' }: Profile, { kind }: Outcome): boolean =>
  kind === 'reset' || (kind === 'tripleFault' && tripleFault === 'reset');

/** Says at the first, second, fourth, eighth … triple fault that it resets the machine: some guests do nothing else. */
class TripleFaults {
  #count = 0;

  constructor(private readonly chatter: Chatter) {}

  tell(processor: number): void {
    const count = ++this.#count;
    if ((count & (count - 1)) !== 0) return;
    const times = count === 1 ? '' : ` (${count} times by now)`;
    this.chatter(`virt64: a triple fault of processor ${processor} resets the machine${times}; --no-reboot ends it`);
  }
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
    case 'until':
      return 'the guest has said what --until waits for';
    case 'stopped':
      return 'quit';
    default:
      return outcome.kind;
  }
}
