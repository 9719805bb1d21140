/** The program `virt64`. Answers with its exit status. */
import { readFileSync } from 'node:fs';
import { MachineError } from '#core';
import { suggestion } from '#machines';
import { refuseForeign } from './arguments.ts';
import { type CommandName, commandNames, commands } from './commands.ts';
import { completion } from './completion/completion.ts';
import { demo } from './demo.ts';
import { ExitCode, exitCodeHelp, exitCodeOfError } from './exit-code.ts';
import { listAccelerators, listDevices, listMachines } from './list.ts';
import { bold, complain, complainInJson, print, say } from './output.ts';
import { run } from './run.ts';

export { guardOutput } from './output.ts';

type Action = (args: readonly string[]) => Promise<number>;

const actions: Readonly<Record<CommandName, Action>> = {
  run,
  demo,
  machines: listMachines,
  accels: listAccelerators,
  devices: listDevices,
  completion,
  version: showVersion,
};

const help = `Usage: virt64 COMMAND [options]

${commandNames.map(name => `  ${name.padEnd(10)} ${commands[name].summary}`).join('\n')}

Each takes --help. The shortest way to Linux is: virt64 run
`;

/** `-qv`, too. */
const asksForVersion = (arg: string): boolean => arg === '--version' || /^-[hq]*[vV][hqvV]*$/.test(arg);

const asksForHelp = (arg: string): boolean => arg === '--help' || arg === '-h' || arg === 'help';

export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined) {
    say(help);
    return ExitCode.usage;
  }
  try {
    // Such a word cannot be an option's value: that would have to be written --option=-v.
    if (args.some(asksForVersion)) return await showVersion();
    if (!asksForHelp(name)) return await actionNamed(name, args)(rest);
    return rest.every(asksForHelp) ? showHelp() : await actionNamed(rest[0]!, rest)(['--help']);
  } catch (error) {
    if (args.includes('--json')) complainInJson(error);
    else complain(error);
    return exitCodeOfError(error);
  }
}

function showHelp(): number {
  print(`${bold('virt64')}: x86-64 virtual machines in TypeScript\n\n${help}\n${exitCodeHelp}`);
  return ExitCode.ok;
}

async function showVersion(): Promise<number> {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  print((JSON.parse(file) as { version: string }).version);
  return ExitCode.ok;
}

/** `args` begin with the name. */
function actionNamed(name: string, args: readonly string[]): Action {
  if (Object.hasOwn(actions, name)) return actions[name as CommandName];
  if (name.startsWith('-')) {
    refuseForeign([name]);
    if (isOfRun(name)) {
      throw new MachineError('bad-argument', `${name} comes before any command`, {
        remedy: `did you mean virt64 run ${args.join(' ')}?`,
      });
    }
  }
  throw new MachineError('bad-argument', `there is no command "${name}"`, {
    remedy: suggestion('command', name.replace(/^-+/, ''), [...commandNames, 'help']),
  });
}

/** By its name with one dash or two, or by its letter; with or without a value. */
function isOfRun(given: string): boolean {
  const name = given.split('=')[0]!.replace(/^-+/, '');
  const { options } = commands.run;
  return Object.hasOwn(options, name) || Object.values(options).some(({ short }) => short === name);
}
