/** The soak itself: two lanes of units, one in a process that lives long, one in a process each, beside other load. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SoakOptions } from './arguments.ts';
import { nameOf } from './configuration.ts';
import { Ledger } from './ledger.ts';
import { isResident, referenceOf, unitOf } from './plan.ts';
import { Results, type Summary } from './results.ts';
import { placeName, type Unit } from './unit.ts';
import { type Done, WorkerProcess } from './worker-process.ts';

export type Say = (text: string) => void;

export async function soak(options: SoakOptions, say: Say, units?: readonly Unit[]): Promise<Summary> {
  const each = new Soak(options, say);
  return each.run(units ?? options.only?.map(number => unitOf(options.seed, number)));
}

class Soak {
  readonly #ledger = new Ledger();
  readonly #results: Results;
  readonly #end: number;

  constructor(
    private readonly options: SoakOptions,
    private readonly say: Say,
  ) {
    this.#results = new Results(options, this.#ledger);
    this.#end = Date.now() + options.minutes * 60_000;
  }

  async run(given: readonly Unit[] | undefined): Promise<Summary> {
    const load = Array.from({ length: this.options.load }, busyLoop);
    try {
      await Promise.all([true, false].map(resident => this.#lane(resident, given)));
    } finally {
      for (const child of load) child.kill('SIGKILL');
    }
    return this.#results.summary();
  }

  async #lane(resident: boolean, given: readonly Unit[] | undefined): Promise<void> {
    let worker: WorkerProcess | undefined;
    for (const unit of this.#units(resident, given)) {
      if (!worker || worker.dead || !resident) {
        worker?.[Symbol.dispose]();
        worker = new WorkerProcess();
      }
      await this.#do(worker, unit, resident);
    }
    worker?.[Symbol.dispose]();
  }

  *#units(resident: boolean, given: readonly Unit[] | undefined): Iterable<Unit> {
    for (let number = resident ? 0 : 1; !given && Date.now() < this.#end; number += 2)
      yield unitOf(this.options.seed, number);
    for (const unit of given?.filter(({ number }) => isResident(number) === resident) ?? []) {
      // Alone, it has nothing to be compared with.
      if ('configuration' in unit && !this.#ledger.has(nameOf(unit.configuration))) yield referenceOf(unit);
      yield unit;
    }
  }

  async #do(worker: WorkerProcess, unit: Unit, resident: boolean): Promise<void> {
    const begun = Date.now();
    const done = await worker.run(unit, this.options.limit * 1000);
    const seconds = (Date.now() - begun) / 1000;
    const failures = [...done.report.failures];
    for (const trace of done.report.traces ?? []) {
      const difference = this.#ledger.add(trace, `unit ${unit.number} on ${placeName(unit.place)}`);
      if (!difference) continue;
      failures.push(difference.what);
      await this.#keep(unit, 'expected.log', `${difference.expected.log}\n${difference.expected.end}\n`);
      await this.#keep(unit, 'actual.log', `${difference.actual.log}\n${difference.actual.end}\n`);
    }
    const counts = Object.entries(done.report.counts ?? {}).map(([name, count]) => `${count} ${name}`);
    const end = failures.length > 0 ? `FAILED: ${failures.join('; ')}` : counts.join(', ');
    this.say(`${describe(unit)}: ${seconds.toFixed(0)} s: ${end}`);
    if (failures.length > 0) await this.#keepAll(unit, done, failures);
    this.#results.add({ unit, done, failures, seconds, resident, process: worker.id, begun });
  }

  async #keepAll(unit: Unit, { report }: Done, failures: readonly string[]): Promise<void> {
    const logs = [report.log, ...(report.traces ?? []).map(({ log }) => log)].filter(log => log !== undefined);
    await this.#keep(unit, 'unit.log', logs.join('\n'));
    await this.#keep(unit, 'unit.json', JSON.stringify({ seed: this.options.seed, unit, failures }, null, 2));
  }

  async #keep({ number }: Unit, name: string, content: string): Promise<void> {
    const folder = join(this.options.keep, `seed-${this.options.seed}-unit-${number}`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), content, 'latin1');
  }
}

const busyLoop = (): ChildProcess =>
  spawn(process.execPath, [fileURLToPath(new URL('load.js', import.meta.url))], { stdio: 'ignore' });

export function describe(unit: Unit): string {
  const { number, kind, place } = unit;
  const what = {
    boot: () => ('configuration' in unit ? nameOf(unit.configuration) : ''),
    records: () =>
      'how' in unit
        ? `${unit.how}, ${unit.program}, ${unit.clock} clock, ${unit.processors}p, ${unit.ends.length} ends`
        : '',
    clock: () => ('seconds' in unit ? `${unit.profile} ${unit.processors}p ${unit.cpu}` : ''),
    churn: () => '',
  }[kind === 'moves' ? 'boot' : kind]();
  return `unit ${number}: ${kind} on ${placeName(place)} ${what}`.trimEnd();
}
