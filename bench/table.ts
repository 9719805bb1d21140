/** Results as Markdown tables. */
import type { CaseResult, Result } from './case.ts';

type Row = readonly string[];

export function table(header: Row, rows: readonly Row[]): string {
  const widths = header.map((cell, column) => Math.max(cell.length, ...rows.map(row => row[column].length)));
  const line = (cells: Row): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

/** Three significant digits. */
const figure = (value: number): string => (value >= 1000 ? value.toFixed(0) : Number(value.toPrecision(3)).toString());

const cell = (result: Result | undefined, text: (result: Exclude<Result, { failure: string }>) => string): string => {
  if (!result) return '';
  return result.failure === undefined ? text(result) : 'failed';
};

const names = (cases: readonly CaseResult[]): string[] => [
  ...new Set(cases.flatMap(({ results }) => Object.keys(results))),
];

/** How often as fast as the reference. */
const ratio = (result: Result, reference: Result | undefined): string =>
  !reference || reference === result || reference.failure !== undefined || result.failure !== undefined
    ? ''
    : ` (${figure(reference.least / result.least)})`;

/** MIPS by the least and, after a stroke, the median time; in parentheses the speed as a multiple of the reference's. */
export function speedTable(cases: readonly CaseResult[], reference: string): string {
  const timed = cases.filter(({ instructions }) => instructions !== undefined);
  const contenders = names(timed);
  const rows = timed.map(({ name, instructions, results }) => [
    name,
    ...contenders.map(contender =>
      cell(results[contender], result => {
        const millions = instructions! / 1e6;
        return `${figure(millions / result.least)} / ${figure(millions / result.median)}${ratio(result, results[reference])}`;
      }),
    ),
  ]);
  return table(['MIPS, best / median (× QEMU)', ...contenders], rows);
}

/** Microseconds for one exit, system call or fault. */
export function latencyTable(cases: readonly CaseResult[]): string {
  const counted = cases.filter(({ operations }) => operations);
  const contenders = names(counted);
  const rows = counted.map(({ operations, results }) => [
    operations!.name,
    ...contenders.map(contender => cell(results[contender], ({ least }) => figure((least * 1e6) / operations!.count))),
  ]);
  return table(['µs each, best', ...contenders], rows);
}

export function bootTable(boot: CaseResult, reference: string): string {
  const rows = Object.entries(boot.results).map(([contender, result]) => [
    contender,
    cell(result, ({ least }) => figure(least)),
    cell(result, ({ median }) => figure(median)),
    cell(result, () => ratio(result, boot.results[reference]).replace(/[ ()]/g, '')),
    cell(result, ({ peakMemory }) => mebibytes(peakMemory)),
  ]);
  return table([boot.description, 's, best', 's, median', '× QEMU', 'peak MiB'], rows);
}

export function residentTable({ results, touched = 0 }: CaseResult): string {
  const rows = Object.entries(results).map(([contender, result]) => [
    contender,
    cell(result, ({ peakMemory }) => mebibytes(peakMemory)),
    cell(result, ({ peakMemory }) => mebibytes(peakMemory - touched)),
  ]);
  return table([`${mebibytes(touched)} MiB touched by the guest`, 'peak MiB', 'beyond the guest’s'], rows);
}

/** Milliseconds; a ratio to Node itself says more where the computer has other load. */
export function startupTable({ results, description, bundle }: CaseResult): string {
  const [reference] = Object.values(results);
  const rows = Object.entries(results).map(([name, result]) => [
    name,
    cell(result, ({ least }) => figure(least * 1000)),
    cell(result, ({ median }) => figure(median * 1000)),
    ratio(reference!, result).replace(/[ ()]/g, ''),
  ]);
  const times = table([description, 'ms, best', 'ms, median', '× Node'], rows);
  if (!bundle) return times;
  const sizes = table(
    ['bundle of `virt64`', 'KiB'],
    [
      ['minified', kibibytes(bundle.minified)],
      ['through gzip', kibibytes(bundle.compressed)],
    ],
  );
  return `${times}\n\n${sizes}`;
}

const kibibytes = (bytes: number): string => (bytes / 1024).toFixed(0);
const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
