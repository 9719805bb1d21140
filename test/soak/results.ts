/** What the soak has seen, unit by unit, and what it comes to. */
import type { SoakOptions } from './arguments.ts';
import type { Ledger } from './ledger.ts';
import { isLeak, type MemorySeries, type Sample, seriesOf } from './memory.ts';
import { accelerators, type Kind, type Unit } from './unit.ts';
import type { Done } from './worker-process.ts';

export interface Result {
  readonly unit: Unit;
  readonly done: Done;
  readonly failures: readonly string[];
  readonly seconds: number;
  readonly resident: boolean;
  readonly process: number;
  readonly begun: number;
}

export interface Failure {
  readonly unit: number;
  readonly kind: Kind;
  readonly accelerator: string;
  readonly failures: readonly string[];
  readonly repeat: string;
}

export interface Summary {
  readonly seed: number;
  readonly minutes: number;
  readonly load: number;
  /** Units done, by kind and accelerator (that of a journey's start). */
  readonly units: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly failures: readonly Failure[];
  /** Boots, moves, kills, bytes … */
  readonly counts: Readonly<Record<string, number>>;
  readonly configurations: number;
  readonly logsCompared: number;
  /** Of the process that lives long, and of the soak's own. */
  readonly memory: { readonly worker?: MemorySeries; readonly soak?: MemorySeries };
  readonly longest: { readonly unit: number; readonly seconds: number };
}

const kinds: readonly Kind[] = ['boot', 'moves', 'records', 'clock', 'churn'];

export class Results {
  readonly #begun = Date.now();
  readonly #all: Result[] = [];
  readonly #own: Sample[] = [];
  /** By process: a worker that was killed has a successor. */
  readonly #workers = new Map<number, Sample[]>();

  constructor(
    private readonly options: SoakOptions,
    private readonly ledger: Ledger,
  ) {}

  add(result: Result): void {
    const { done, process: id, resident } = result;
    const at = Date.now();
    // The logs are the ledger's to keep.
    const report = { failures: result.failures, counts: done.report.counts ?? {} };
    this.#all.push({ ...result, done: { report } });
    this.#own.push({ at, bytes: process.memoryUsage.rss() });
    if (!resident || done.resident === undefined) return;
    this.#workers.set(id, [...(this.#workers.get(id) ?? []), { at, bytes: done.resident }]);
  }

  summary(): Summary {
    const { seed, load } = this.options;
    const minutes = Number(((Date.now() - this.#begun) / 60_000).toFixed(1));
    const longest = this.#all.toSorted((a, b) => b.seconds - a.seconds)[0];
    return {
      seed,
      minutes,
      load,
      units: Object.fromEntries(kinds.map(kind => [kind, this.#perAccelerator(kind)])),
      failures: [
        ...this.#all.filter(({ failures }) => failures.length > 0).map(result => failure(seed, result)),
        ...this.#leaks(),
      ],
      counts: this.#counts(),
      configurations: this.ledger.configurations,
      logsCompared: this.ledger.compared,
      memory: this.#memory(),
      longest: { unit: longest?.unit.number ?? -1, seconds: Math.round(longest?.seconds ?? 0) },
    };
  }

  #perAccelerator(kind: Kind): Record<string, number> {
    const done = this.#all.filter(({ unit }) => unit.kind === kind);
    return Object.fromEntries(
      accelerators.map(name => [name, done.filter(({ unit }) => unit.place.accelerator === name).length]),
    );
  }

  #counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { done } of this.#all)
      for (const [name, count] of Object.entries(done.report.counts ?? {})) counts[name] = (counts[name] ?? 0) + count;
    return counts;
  }

  #memory(): Summary['memory'] {
    const worker = seriesOf([...this.#workers.values()].toSorted((a, b) => b.length - a.length)[0] ?? []);
    const soak = seriesOf(this.#own);
    return { ...(worker && { worker }), ...(soak && { soak }) };
  }

  #leaks(): Failure[] {
    return Object.entries(this.#memory()).flatMap(([name, series]) => {
      if (!isLeak(series)) return [];
      const failures = [`the memory of the ${name} process grows: ${JSON.stringify(series)}`];
      return [{ unit: -1, kind: 'churn', accelerator: 'all', failures, repeat: 'the whole run' }];
    });
  }
}

const failure = (seed: number, { unit, failures }: Result): Failure => ({
  unit: unit.number,
  kind: unit.kind,
  accelerator: unit.place.accelerator,
  failures,
  repeat: `npm run test:soak -- --seed ${seed} --only ${unit.number}`,
});
