/** The program `virt64`. Answers with its exit status. */
import { MachineError } from '#core';
import { exitCodeHelp, ExitCode } from './exit-code.ts';
import { listAccelerators, listDevices, listMachines } from './list.ts';
import { bold, complain } from './output.ts';
import { run } from './run.ts';

const help = `Usage: virt64 COMMAND [options]

  run        run a virtual machine (virt64 run --help)
  machines   list machine profiles
  accels     list accelerators
  devices    list devices and their options

Lists take --json and --plugin FILE.
`;

const commands: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  run,
  machines: listMachines,
  accels: listAccelerators,
  devices: listDevices,
};

const unusable = new Set(['bad-kernel', 'bad-initrd', 'bad-elf', 'bad-image', 'bad-plugin', 'does-not-fit', 'file-not-found']);
const missing = new Set(['guest-unavailable', 'accelerator-unavailable', 'host-failure']);

export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(`${bold('virt64')}: x86-64 virtual machines in TypeScript\n\n${help}\n${exitCodeHelp}\n`);
    return name === undefined ? ExitCode.usage : ExitCode.ok;
  }
  try {
    const command = commands[name];
    if (!command) {
      throw new MachineError('bad-argument', `there is no command "${name}"`, { remedy: `commands are: ${Object.keys(commands).join(', ')}` });
    }
    return await command(rest);
  } catch (error) {
    complain(error);
    if (!(error instanceof MachineError)) return ExitCode.internal;
    if (unusable.has(error.code)) return ExitCode.badInput;
    return missing.has(error.code) ? ExitCode.unavailable : ExitCode.usage;
  }
}
