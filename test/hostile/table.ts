/** Results as a Markdown table: a row for each guest and accelerator, both clocks side by side. */
import type { Case, Result } from './case.ts';

export interface Done extends Case {
  readonly result: Result;
}

/** Milliseconds: p50, p99 and worst lag. MiB: still held after the run, and needed at its worst. */
const headers = ['lag', 'stop', 'MiB', 'outcome'];

const milliseconds = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));
const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

/** What came of it, in a word or two. */
export function outcome(result: Result): string {
  switch (result.kind) {
    case 'ran':
      return result.measurement.restarts > 0 ? `${result.measurement.restarts} restarts` : 'ran';
    case 'ended':
      return `ended: ${result.how}`;
    case 'hung':
      return `**hung** after ${result.lastSign.toFixed(0)} s`;
    case 'threw':
      return `**threw** ${result.error.split('\n')[0]}`;
    case 'died':
      return `**died** ${result.how.split('\n')[0]}`;
  }
}

function cells(result: Result | undefined): string[] {
  if (!result) return headers.map(() => '');
  if (!('measurement' in result)) return [...headers.slice(1).map(() => ''), outcome(result)];
  const { lag, stop, growth, peak } = result.measurement;
  return [
    [lag.p50, lag.p99, lag.worst].map(milliseconds).join(' / '),
    milliseconds(stop),
    [growth, peak].map(mebibytes).join(' / '),
    outcome(result),
  ];
}

export function table(all: readonly Done[]): string {
  const usedClocks = [...new Set(all.map(({ clock }) => clock))];
  const header = ['guest', 'accelerator', ...usedClocks.flatMap(clock => headers.map(each => `${each}, ${clock}`))];
  const keys = [...new Set(all.map(({ guest, accelerator }) => `${guest} ${accelerator}`))];
  const rows = keys.map(key => {
    const [guest, accelerator] = key.split(' ') as [string, string];
    const found = (clock: string) =>
      all.find(each => each.guest === guest && each.accelerator === accelerator && each.clock === clock)?.result;
    return [guest, accelerator, ...usedClocks.flatMap(clock => cells(found(clock)))];
  });
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  const rule = header.map((_, column) => (column < 2 ? '---' : '--:'));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}
