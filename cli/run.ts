/** virt64 run: a machine in this terminal. */
import { setImmediate } from 'node:timers/promises';
import { build, type Machine, nanoseconds, type Outcome } from '#machines';
import { choice, pattern } from './argument-values.ts';
import { parseRun, type RunArguments, runHelp } from './arguments.ts';
import { blameOption } from './blame.ts';
import { bootOf } from './boot.ts';
import { closeDrives, haveDrivesFailed } from './drive.ts';
import { ExitCode, exitCodeHelp, exitCodeOf } from './exit-code.ts';
import { hostEntropy, hostWallClock } from './host-sources.ts';
import { registryWith } from './import-plugin.ts';
import { dim, print, say } from './output.ts';
import { profileOf } from './profile.ts';
import { attachTerminal, expectsInput } from './terminal.ts';

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
  const accelerator = registry.accelerator(options.accel ?? 'nvmm-svm');
  const engine = choice('--engine', options.engine, ['jit', 'interpreter']);
  const limits = limitsOf(options);
  const plain = await profileOf(options, registry);
  const chatter = options.quiet ? () => {} : (text: string) => say(dim(text));
  const profile = await bootOf(plain, options, chatter);
  await using machine = await build(profile, {
    accelerator,
    interactive: expectsInput,
    ...(engine ? { engine } : {}),
    ...(profile.clock === 'host' ? { entropy: hostEntropy, wallClock: hostWallClock } : {}),
  }).catch(blameOption);
  chatter(`${profile.name} on ${machine.accelerator}${process.stdin.isTTY ? '; Ctrl-A x quits' : ''}`);
  const outcome = await runInTerminal(machine, limits).finally(() => closeDrives());
  if (options.json) say(JSON.stringify(outcome));
  else if (outcome.kind === 'error') say(`virt64: the accelerator gave up: ${outcome.message}`);
  else chatter(`\nvirt64: ${describe(outcome)}`);
  return haveDrivesFailed() ? ExitCode.diskFailed : exitCodeOf(outcome);
}

function limitsOf({ timeout, until, 'no-reboot': endsAtReset = false }: RunArguments): Limits {
  return {
    timeout: timeout === undefined ? Number.POSITIVE_INFINITY : nanoseconds(timeout, '--timeout'),
    endsAtReset,
    ...(until === undefined ? {} : { until: pattern('--until', until) }),
  };
}

async function runInTerminal(machine: Machine, { timeout, until, endsAtReset }: Limits): Promise<Outcome> {
  let isOver = false;
  using _terminal = attachTerminal(machine, () => {
    isOver = true;
    machine.stop();
  });
  const end = machine.now + timeout;
  for (;;) {
    const outcome = await machine.run({ timeout: Math.max(end - machine.now, 0), ...(until ? { until } : {}) });
    if (outcome.kind !== 'reset' || endsAtReset) return outcome;
    // A guest that does nothing but reset itself must not keep the program from hearing its user.
    await setImmediate();
    if (isOver) return { kind: 'stopped' };
    machine.reset();
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
