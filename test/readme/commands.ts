/** Commands that READMEs show: that there is such a script, such a file or such a command of virt64, and that its options are right. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseCommand, parseRun } from '../../cli/arguments.ts';
import { type CommandName, commands } from '../../cli/commands.ts';
import { root } from './blocks.ts';

/** Those of the checkout, and those of the package.json beside a README. */
const scriptsFor = (readme: string): object =>
  Object.assign(
    {},
    ...[root, join(root, dirname(readme))]
      .map(folder => join(folder, 'package.json'))
      .filter(file => existsSync(file))
      .map(file => JSON.parse(readFileSync(file, 'utf8')).scripts),
  );

/** Words of a shell's line, without comments and redirections. */
function wordsOf(command: string): string[] {
  const plain = command.replace(/\s#.*$/, '').replace(/\s[<>]\s*\S+/g, '');
  return [...plain.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, bare]) => single ?? double ?? bare!);
}

/** What is wrong with a line, if anything is. */
export function complaintOf(line: string, readme: string): string | undefined {
  const commands = line.replace(/^source <\((.*?)\)/, '$1').split(/&&|\|/);
  return commands
    .map(command => complaintOfCommand(wordsOf(command), readme))
    .find(complaint => complaint !== undefined);
}

function complaintOfCommand([program, ...args]: readonly string[], readme: string): string | undefined {
  if (program === 'virt64') return complaintOfVirt64(args);
  if (program === 'npx') return complaintOfNpx(args);
  if (program === 'npm') return complaintOfNpm(args, readme);
  return undefined;
}

function complaintOfNpx([program, file, ...args]: readonly string[]): string | undefined {
  if (program === 'virt64') return complaintOfVirt64(file === undefined ? args : [file, ...args]);
  return program === 'tsx' && !existsSync(join(root, file!)) ? `there is no file ${file}` : undefined;
}

function complaintOfNpm([command, ...args]: readonly string[], readme: string): string | undefined {
  const rest = args.slice(args.indexOf('--') + 1);
  if (command === 'start') return complaintOfVirt64(['run', ...(args.includes('--') ? rest : [])]);
  return command === 'run' && !(args[0] in scriptsFor(readme)) ? `there is no script ${args[0]}` : undefined;
}

function complaintOfVirt64([name, ...args]: readonly string[]): string | undefined {
  if (name === undefined || !(name in commands)) return `there is no command ${name}`;
  const { options, words = [] } = commands[name as CommandName];
  try {
    if (name === 'run') parseRun(args);
    else parseCommand(name, words.includes(args[0]) ? args.filter(arg => arg.startsWith('-')) : args, options);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
