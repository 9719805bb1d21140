/** The summary as text: what was done, in Markdown, and what failed. */
import type { MemorySeries } from './memory.ts';
import type { Summary } from './results.ts';
import { accelerators } from './unit.ts';

const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

const memory = (series: MemorySeries | undefined): string =>
  series
    ? `first ${series.first}, last ${series.last}, largest ${series.largest} MiB, slope ${series.slope} MiB/h, ${series.samples} samples`
    : 'not measured';

export function table(summary: Summary): string {
  const { seed, minutes, load, units, failures, counts, configurations, logsCompared, longest } = summary;
  const lines = [
    row(['units', ...accelerators]),
    row(['---', ...accelerators.map(() => '---:')]),
    ...Object.entries(units).map(([kind, done]) => row([kind, ...accelerators.map(name => done[name] ?? 0)])),
    '',
    row(['figure', 'value']),
    row(['---', '---']),
    row(['seed, minutes, busy loops beside it', `${seed}, ${minutes}, ${load}`]),
    row(['units that failed', failures.length]),
    ...Object.entries(counts).map(([name, count]) => row([name, count])),
    row(['configurations under the virtual clock', configurations]),
    row(['logs compared', logsCompared]),
    row(['memory of the worker that lives long', memory(summary.memory.worker)]),
    row(['memory of the soak itself', memory(summary.memory.soak)]),
    row(['longest unit', `unit ${longest.unit}, ${longest.seconds} s`]),
  ];
  for (const { unit, kind, accelerator, failures: what, repeat } of failures)
    lines.push('', `Unit ${unit} (${kind}, ${accelerator}) failed; ${repeat}`, ...what.map(each => `  ${each}`));
  return `${lines.join('\n')}\n`;
}
