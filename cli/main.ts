/** The program `virt64`. Answers with its exit status. */
import { readFileSync } from 'node:fs';
import { MachineError } from '#core';
import { suggestion } from '#machines';
import { demo } from './demo.ts';
import { ExitCode, exitCodeHelp, exitCodeOfError } from './exit-code.ts';
import { listAccelerators, listDevices, listMachines } from './list.ts';
import { bold, complain, complainInJson, print, say } from './output.ts';
import { run } from './run.ts';

export { guardOutput } from './output.ts';

const help = `Usage: virt64 COMMAND [options]

  run        run a virtual machine in this terminal
  demo       run the toy kernel on both of NVMM's backends
  machines   list machine profiles
  accels     list accelerators
  devices    list devices and their options

Each takes --help.
`;

const commands: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  run,
  demo,
  machines: listMachines,
  accels: listAccelerators,
  devices: listDevices,
};

const version = (): string => {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
};

export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined) {
    say(help);
    return ExitCode.usage;
  }
  if (name === '--version' || name === '-V' || name === 'version') {
    print(version());
    return ExitCode.ok;
  }
  if (name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) {
    print(`${bold('virt64')}: x86-64 virtual machines in TypeScript\n\n${help}\n${exitCodeHelp}`);
    return ExitCode.ok;
  }
  try {
    return name === 'help' ? await commandNamed(rest[0]!)(['--help']) : await commandNamed(name)(rest);
  } catch (error) {
    if (args.includes('--json')) complainInJson(error);
    else complain(error);
    return exitCodeOfError(error);
  }
}

function commandNamed(name: string): (args: readonly string[]) => Promise<number> {
  if (Object.hasOwn(commands, name)) return commands[name]!;
  throw new MachineError('bad-argument', `there is no command "${name}"`, {
    remedy: suggestion('command', name.replace(/^-+/, ''), [...Object.keys(commands), 'help', 'version']),
  });
}
