/** Completion for fish: one `complete` per command and option. */
import { summaryOf } from '../option-help.ts';
import type { Option } from '../options.ts';
import { choicesOf, completed, isFile } from './candidates.ts';

export function fishScript(): string {
  const lines = [
    '# Completion of virt64 for fish: virt64 completion fish > ~/.config/fish/completions/virt64.fish',
    'complete -c virt64 -f',
    'complete -c virt64 -n __fish_use_subcommand -l help -s h -d "explain all"',
    'complete -c virt64 -n __fish_use_subcommand -l version -s v -d "print the version"',
  ];
  for (const { name, summary, options, words } of completed()) {
    const after = `complete -c virt64 -n '__fish_seen_subcommand_from ${name}'`;
    lines.push(`complete -c virt64 -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`);
    if (words.length > 0) lines.push(`${after} -a ${quoted(words.join(' '))}`);
    for (const [option, row] of Object.entries(options)) lines.push(`${after} ${optionOf(option, row)}`);
  }
  return lines.join('\n');
}

function optionOf(name: string, option: Option): string {
  const short = option.short === undefined ? '' : ` -s ${option.short}`;
  return `-l ${name}${short}${completedBy(option)} -d ${quoted(summaryOf(option))}`;
}

function completedBy(option: Option): string {
  if (option.type === 'boolean') return '';
  const choices = choicesOf(option);
  if (choices) return ` -x -a ${quoted(choices.join(' '))}`;
  return isFile(option) ? ' -r -F' : ' -x';
}

const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`;
