/** Option tables as text: `  -m, --mem SIZE         memory: …`. */
import type { Option, Options } from './options.ts';

const width = 80;
const column = 25;

export const optionHelp = (options: Options): string =>
  Object.entries(options)
    .map(([name, option]) => lines(name, option))
    .join('\n');

function lines(name: string, option: Option): string {
  const short = option.short === undefined ? '    ' : `-${option.short}, `;
  const value = option.type === 'string' ? ` ${option.value}` : '';
  const label = `  ${short}--${name}${value}  `;
  const margin = ' '.repeat(column);
  const text = wrap(option.help, width - column).join(`\n${margin}`);
  return label.length > column ? `${label.trimEnd()}\n${margin}${text}` : label.padEnd(column) + text;
}

function wrap(text: string, room: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (longer.length <= room) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** What fits beside a completion: the first clause. */
export const summaryOf = ({ help }: Option): string => help.split(/[;:.(]| \[/)[0].trim();
