/** What the program says: data on stdout, everything else on stderr; colour on terminals only, and never with NO_COLOR. */
import { setTimeout } from 'node:timers/promises';
import { ExitCode } from './exit-code.ts';

/** Understands control sequences. */
export const isFancy = (stream: NodeJS.WriteStream): boolean => stream.isTTY === true && process.env.TERM !== 'dumb';

const paint = (stream: NodeJS.WriteStream, code: number, text: string): string =>
  isFancy(stream) && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text;

export const red = (text: string): string => paint(process.stderr, 31, text);
export const dim = (text: string): string => paint(process.stderr, 2, text);
/** For stdout. */
export const bold = (text: string): string => paint(process.stdout, 1, text);

export const say = (message: string): void => {
  process.stderr.write(`${message}\n`);
};

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** What went wrong with stdout, unless it is only that nobody reads any more (`virt64 run | head`). */
export function complainOfOutput({ code, message }: NodeJS.ErrnoException): void {
  if (code !== 'EPIPE') say(`${red('virt64:')} stdout cannot be written: ${message}`);
}

/** Milliseconds: how often one looks, and in which time a reader that is still there reads something. */
const lookEvery = 20;
const patience = 500;

/** Whether stdout and stderr have got rid of all that was written. False: nobody reads it. */
export async function isWritten(): Promise<boolean> {
  for (const stream of [process.stdout, process.stderr]) {
    let before = Number.POSITIVE_INFINITY;
    for (let waited = 0; stream.writableLength > 0; waited += lookEvery) {
      const left = waiting(stream);
      if (left < before) waited = 0;
      if (waited >= patience) return false;
      before = left;
      await setTimeout(lookEvery);
    }
  }
  return true;
}

/** Bytes; where it can be seen also how much of one write is done. */
function waiting(stream: NodeJS.WriteStream): number {
  const { _handle: handle } = stream as { _handle?: { writeQueueSize?: number } };
  return stream.writableLength + (handle?.writeQueueSize ?? 0);
}

/** For the whole program: output that cannot be written is no internal error. `run` sees to its stdout itself, and ends in good order. */
export function guardOutput(): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', error => {
    if (process.stdout.listenerCount('error') > 1) return;
    complainOfOutput(error);
    process.exit(ExitCode.quit);
  });
}

export const printJson = (value: unknown): void =>
  print(JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? each.toString() : each), 2));

export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column].length))) ?? [];
  for (const [name, ...cells] of rows) {
    const others = cells.map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column + 1])));
    print([bold(name!.padEnd(widths[0])), ...others].join('  '));
  }
}
