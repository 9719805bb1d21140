/** What the program says: data on stdout, everything else on stderr; colour on terminals only, and never with NO_COLOR. */
import { MachineError } from '#core';

const colourful = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';

const paint = (code: number, text: string): string => (colourful(process.stderr) ? `\x1b[${code}m${text}\x1b[0m` : text);
export const red = (text: string): string => paint(31, text);
export const dim = (text: string): string => paint(2, text);
export const bold = (text: string): string => paint(1, text);

export const say = (message: string): void => {
  process.stderr.write(`${message}\n`);
};

export function complain(error: unknown): void {
  if (!(error instanceof MachineError)) {
    say(`${red('virt64: internal error')}\n${error instanceof Error ? error.stack : String(error)}`);
    return;
  }
  const where = error.path ? `${error.path}: ` : '';
  const plain = error.message.replace(`${error.path}: `, '').replace(` (${error.remedy})`, '');
  say(`${red('virt64:')} ${where}${plain}`);
  if (error.remedy) say(`  ${error.remedy}`);
}

export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? each.toString() : each), 2)}\n`);
};

export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]!.length))) ?? [];
  for (const row of rows) {
    process.stdout.write(`${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join('  ')}\n`);
  }
}
