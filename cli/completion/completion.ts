/** virt64 completion: a script for the user's shell, made from the tables of commands and options. */
import { MachineError } from '#core';
import { suggestion } from '#machines';
import { parseCommand } from '../arguments.ts';
import { shells } from '../commands.ts';
import { ExitCode } from '../exit-code.ts';
import { optionHelp } from '../option-help.ts';
import { commonOptions } from '../options.ts';
import { print } from '../output.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { zshScript } from './zsh.ts';

const scripts: Readonly<Record<string, () => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

const help = `Usage: virt64 completion bash|zsh|fish

Prints a script by which the shell completes virt64's commands, options and
their values. For each new shell:

  bash   echo 'source <(virt64 completion bash)' >> ~/.bashrc
  zsh    echo 'source <(virt64 completion zsh)' >> ~/.zshrc, after compinit
  fish   virt64 completion fish > ~/.config/fish/completions/virt64.fish

${optionHelp(commonOptions)}`;

export async function completion(args: readonly string[]): Promise<number> {
  const shell = args.find(arg => !arg.startsWith('-'));
  const others = args.filter(arg => arg !== shell);
  if (parseCommand('completion', others, commonOptions).help) {
    print(help);
    return ExitCode.ok;
  }
  const script = shell !== undefined && Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
  if (script) {
    print(script().trimEnd());
    return ExitCode.ok;
  }
  throw new MachineError(
    'bad-argument',
    shell === undefined ? 'for which shell?' : `there is no completion for ${shell}`,
    {
      remedy: suggestion('shell', shell ?? '', shells),
    },
  );
}
