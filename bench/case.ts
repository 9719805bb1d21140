/** One line of the results: the same work on every contender, in turn. */
import { type Summary, summarize } from './statistics.ts';

/** A contender's result, or why there is none. */
export type Result =
  | ({ readonly failure?: undefined } & Summary & { readonly samples: readonly number[]; readonly peakMemory: number })
  | { readonly failure: string };

export interface CaseResult {
  readonly name: string;
  readonly description: string;
  /** Instructions in one run, where they are known. */
  readonly instructions?: number;
  readonly operations?: { readonly name: string; readonly count: number };
  /** Bytes of memory that the guest has touched for certain. */
  readonly touched?: number;
  /** Bytes of a bundle of the package, as it is and through gzip. */
  readonly bundle?: { readonly minified: number; readonly compressed: number };
  /** By contender. Samples are in seconds. */
  readonly results: Readonly<Record<string, Result>>;
}

export type Say = (text: string) => void;

export interface Sample {
  readonly seconds: number;
  readonly peakMemory: number;
}

/** Contenders take turns, so that a busy minute of the computer hits all of them. One that fails drops out. */
export async function takeTurns<C extends { readonly name: string }>(
  contenders: readonly C[],
  repetitions: number,
  run: (contender: C) => Promise<Sample>,
  say: Say,
): Promise<Record<string, Result>> {
  const samples = new Map<C, Sample[]>(contenders.map(contender => [contender, []]));
  const failures = new Map<C, Result>();
  for (let turn = 0; turn < repetitions; turn++) {
    for (const [contender, taken] of samples) {
      try {
        const sample = await run(contender);
        taken.push(sample);
        say(`  ${contender.name}: ${sample.seconds.toFixed(3)} s`);
      } catch (error) {
        samples.delete(contender);
        failures.set(contender, { failure: (error as Error).message });
        say(`  ${contender.name}: ${(error as Error).message}`);
      }
    }
  }
  return Object.fromEntries(
    contenders.map(contender => [contender.name, failures.get(contender) ?? sum(samples.get(contender)!)]),
  );
}

function sum(samples: readonly Sample[]): Result {
  const seconds = samples.map(sample => sample.seconds);
  return { ...summarize(seconds), samples: seconds, peakMemory: Math.max(...samples.map(sample => sample.peakMemory)) };
}
