/** Measures virt64 beside QEMU's TCG in one interleaved run: tables on stdout, progress on stderr. */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { MachineError } from '#core';
import { type BenchOptions, caseNames, help, parseArguments } from './arguments.ts';
import { measureBoot } from './boot-case.ts';
import type { CaseResult } from './case.ts';
import { type Contender, qemu, qemuVersion, virt64 } from './contender.ts';
import { exits } from './kernel/workloads/exits.ts';
import { workloads } from './kernel/workloads.ts';
import { measureKernel } from './kernel-case.ts';
import { measureResident } from './resident-case.ts';
import { measureStartup } from './startup-case.ts';
import { bootTable, latencyTable, residentTable, speedTable, startupTable } from './table.ts';

const memory = 64 * 2 ** 20;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

interface Surroundings {
  readonly date: string;
  readonly processor: string;
  readonly threads: number;
  readonly load: number;
  readonly node: string;
  readonly qemu: string | undefined;
}

function surroundings(options: BenchOptions): Surroundings {
  return {
    date: new Date().toISOString().slice(0, 16),
    processor: cpus()[0]?.model ?? 'unknown',
    threads: cpus().length,
    load: Number(loadavg()[0].toFixed(1)),
    node: process.versions.node,
    qemu: options.qemu ? qemuVersion() : undefined,
  };
}

async function measure(options: BenchOptions, folder: string, withQemu: boolean): Promise<CaseResult[]> {
  const { only, engines, repetitions } = options;
  const among = (accelerators: readonly string[]): Contender[] => [
    ...(withQemu ? [qemu] : []),
    ...(options.accelerators ?? accelerators).flatMap(accelerator =>
      engines.map(engine => virt64(accelerator, engine)),
    ),
  ];
  const some = among(['software', 'nvmm-svm']);
  const all = among(['software', 'nvmm-svm', 'nvmm-vmx']);
  const common = { repetitions, folder, memory, say };
  const cases: CaseResult[] = [];
  for (const workload of workloads) {
    if (only.has(workload.name)) cases.push(await measureKernel(workload, { ...common, contenders: some }));
  }
  if (only.has('exits')) cases.push(await measureKernel(exits, { ...common, contenders: all }));
  if (only.has('resident')) cases.push(await measureResident({ ...common, contenders: some }));
  if (only.has('boot')) cases.push(...(await unlessUnavailable(() => measureBoot({ ...common, contenders: all }))));
  if (only.has('startup')) cases.push(await measureStartup({ repetitions, folder, say }));
  return cases;
}

/** Without a kernel to boot, the other cases are still worth their tables. */
async function unlessUnavailable(work: () => Promise<CaseResult>): Promise<CaseResult[]> {
  try {
    return [await work()];
  } catch (error) {
    if (!(error instanceof MachineError) || error.code !== 'guest-unavailable') throw error;
    say(`  left out: ${error.message}`);
    return [];
  }
}

function print(around: Surroundings, cases: readonly CaseResult[]): void {
  const { date, processor, threads, load, node } = around;
  const parts = [
    `${date}, ${processor}, ${threads} threads, load ${load}, Node ${node}${around.qemu ? `, QEMU ${around.qemu}` : ''}`,
  ];
  const speeds = cases.filter(({ name, instructions }) => instructions !== undefined && name !== exits.name);
  if (speeds.length > 0) parts.push(speedTable(speeds, qemu.name));
  if (cases.some(({ operations }) => operations)) parts.push(latencyTable(cases));
  for (const each of cases) {
    if (each.name === 'resident') parts.push(residentTable(each));
    if (each.name === 'boot') parts.push(bootTable(each, qemu.name));
    if (each.name === 'startup') parts.push(startupTable(each));
  }
  const failures = cases.flatMap(({ name, results }) =>
    Object.entries(results).flatMap(([contender, { failure }]) =>
      failure === undefined ? [] : [`${name}, ${contender}: ${failure}`],
    ),
  );
  if (failures.length > 0) parts.push(['Failed:', ...failures].join('\n- '));
  process.stdout.write(`${parts.join('\n\n')}\n`);
}

async function main(given: readonly string[]): Promise<void> {
  const options = parseArguments(given);
  if (options.help) {
    process.stdout.write(help);
    return;
  }
  const around = surroundings(options);
  if (options.qemu && around.qemu === undefined) say('QEMU is not installed: there will be nothing to compare with');
  if (options.only.size === caseNames.length)
    say('all cases take some 20 minutes; --only NAMES runs a part, --help lists them');
  const folder = await mkdtemp(join(tmpdir(), 'virt64-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const cases = await measure(options, folder, around.qemu !== undefined);
  if (options.json) process.stdout.write(`${JSON.stringify({ ...around, cases }, null, 2)}\n`);
  else print(around, cases);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof MachineError)) throw error;
  say(error.message);
  process.exitCode = 64;
}
