/** Performs a command, and says what was wrong with it. */
import { MachineError } from '#core';
import { suggestion } from '#machines';
import { refuseForeign } from './arguments.ts';
import { type CommandName, commandNames, commands } from './commands.ts';
import { complain, complainInJson, exitCodeOfError } from './complaint.ts';
import { completion } from './completion/completion.ts';
import { demo } from './demo.ts';
import { listAccelerators, listDevices, listMachines } from './list.ts';
import { newExample } from './new/new.ts';
import { run } from './run.ts';

type Action = (args: readonly string[]) => Promise<number>;

const actions: Readonly<Record<Exclude<CommandName, 'version'>, Action>> = {
  run,
  demo,
  machines: listMachines,
  accels: listAccelerators,
  devices: listDevices,
  new: newExample,
  completion,
};

/** Answers with the exit status. */
export async function perform(name: string, args: readonly string[]): Promise<number> {
  try {
    return await actionNamed(name, args)(args);
  } catch (error) {
    if (args.includes('--json')) complainInJson(error);
    else complain(error);
    return exitCodeOfError(error);
  }
}

function actionNamed(name: string, rest: readonly string[]): Action {
  if (Object.hasOwn(actions, name)) return actions[name as keyof typeof actions];
  if (name.startsWith('-')) {
    refuseForeign([name]);
    if (isOfRun(name)) {
      throw new MachineError('bad-argument', `${name} comes before any command`, {
        remedy: `did you mean virt64 run ${[name, ...rest].join(' ')}?`,
      });
    }
  }
  throw new MachineError('bad-argument', `there is no command "${name}"`, {
    remedy: suggestion('command', name.replace(/^-+/, ''), [...commandNames, 'help']),
  });
}

/** By its name with one dash or two, or by its letter; with or without a value. */
function isOfRun(given: string): boolean {
  const name = given.split('=')[0].replace(/^-+/, '');
  const { options } = commands.run;
  return Object.hasOwn(options, name) || Object.values(options).some(({ short }) => short === name);
}
