/** Measures what hostile guests do to the program that runs them: a table on stdout, progress on stderr. */
import { cpus, loadavg } from 'node:os';
import { MachineError } from '#core';
import { type HostileOptions, help, parseArguments } from './arguments.ts';
import { type Case, caseName, type Result } from './case.ts';
import { guests } from './guests.ts';
import { runCases } from './run-cases.ts';
import { type Done, outcome, table } from './table.ts';

/** Less tells nothing. */
const leastSeconds = 0.5;
const bad: ReadonlySet<string> = new Set(['hung', 'threw', 'died']);

const legend =
  'Lag: p50 / p99 / worst, in milliseconds, as stop() is. MiB: still held after the run / needed at its worst.';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

function casesOf({ only, accelerators, clocks, minutes }: HostileOptions): Case[] {
  const some = guests
    .filter(({ name }) => only.includes(name))
    .flatMap(guest =>
      accelerators
        .filter(accelerator => guest.accelerators?.includes(accelerator) ?? true)
        .flatMap(accelerator => clocks.map(clock => ({ guest: guest.name, accelerator, clock }))),
    );
  const seconds = Math.max(leastSeconds, (minutes * 60) / some.length);
  return some.map(each => ({ ...each, seconds }));
}

async function measure(cases: readonly Case[], { jobs, profile, shared }: HostileOptions): Promise<Done[]> {
  const done = new Map<Case, Done>();
  const waiting = shared ? groups(cases) : cases.map(each => [each]);
  const onResult = (given: Case, result: Result): void => {
    done.set(given, { ...given, result });
    const lag = 'measurement' in result ? `, lag p99 ${result.measurement.lag.p99.toFixed(0)} ms` : '';
    say(`${done.size}/${cases.length} ${caseName(given)}: ${outcome(result)}${lag}`);
  };
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      await runCases(next, { nodeArguments: profile === undefined ? [] : profiling(next[0], profile), onResult });
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return cases.map(each => done.get(each)!);
}

/** Cases of one accelerator and clock share a process. */
function groups(cases: readonly Case[]): Case[][] {
  return [...Map.groupBy(cases, ({ accelerator, clock }) => `${accelerator} ${clock}`).values()];
}

const profiling = ({ guest, accelerator, clock }: Case, folder: string): string[] => [
  '--cpu-prof',
  `--cpu-prof-dir=${folder}`,
  `--cpu-prof-name=${guest}.${accelerator}.${clock}.cpuprofile`,
];

async function main(given: readonly string[]): Promise<void> {
  const options = parseArguments(given);
  if (options.help) {
    process.stdout.write(help);
    return;
  }
  const cases = casesOf(options);
  say(`${cases.length} cases of ${cases[0]?.seconds.toFixed(1)} s`);
  const before = loadavg()[0];
  const results = await measure(cases, options);
  const around = {
    date: new Date().toISOString().slice(0, 16),
    processor: cpus()[0]?.model ?? 'unknown',
    threads: cpus().length,
    load: Number(before.toFixed(1)),
    node: process.versions.node,
    seconds: cases[0]?.seconds,
  };
  const { date, processor, threads, load, node } = around;
  const first = `${date}, ${processor}, ${threads} threads, load ${load}, Node ${node}, ${around.seconds?.toFixed(1)} s each`;
  if (options.json) process.stdout.write(`${JSON.stringify({ ...around, results }, null, 2)}\n`);
  else process.stdout.write(`${first}\n\n${legend}\n\n${table(results)}\n`);
  if (results.some(({ result }) => bad.has(result.kind))) process.exitCode = 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof MachineError)) throw error;
  say(error.message);
  process.exitCode = 64;
}
