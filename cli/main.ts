/**
 * The program `virt64`. Answers with its exit status. What asks for its version or for help is answered at once: all else, which takes the
 * whole of virt64, is imported when it is wanted.
 */
import { version } from '#installation';
import { commandNames, commands } from './commands.ts';
import { ExitCode, exitCodeHelp } from './exit-code.ts';
import { bold, print, say } from './output.ts';

export { guardOutput } from './output.ts';

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
  // Such a word cannot be an option's value: that would have to be written --option=-v.
  if (args.some(asksForVersion)) return showVersion();
  const needsHelp = asksForHelp(name);
  if (needsHelp && rest.every(asksForHelp)) return showHelp();
  const command = needsHelp ? rest[0] : name;
  if (command === 'version') return showVersion();
  const { perform } = await import('./command.ts');
  return perform(command, needsHelp ? ['--help'] : rest);
}

function showHelp(): number {
  print(`${bold('virt64')}: x86-64 virtual machines in TypeScript\n\n${help}\n${exitCodeHelp}`);
  return ExitCode.ok;
}

function showVersion(): number {
  print(version);
  return ExitCode.ok;
}
