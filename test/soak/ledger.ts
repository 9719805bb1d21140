/** What each configuration said when it first ran, and whether it says the same ever after. */
import { createHash } from 'node:crypto';
import type { Trace } from './unit.ts';

export interface Difference {
  readonly what: string;
  readonly expected: Trace;
  readonly actual: Trace;
}

export class Ledger {
  readonly #first = new Map<string, { readonly trace: Trace; readonly digest: string; readonly by: string }>();
  compared = 0;

  get configurations(): number {
    return this.#first.size;
  }

  has(configuration: string): boolean {
    return this.#first.has(configuration);
  }

  /** `by` names the unit. */
  add(trace: Trace, by: string): Difference | undefined {
    const digest = createHash('sha256').update(trace.log).update('\0').update(trace.end).digest('hex');
    const first = this.#first.get(trace.configuration);
    if (!first) {
      this.#first.set(trace.configuration, { trace, digest, by });
      return undefined;
    }
    this.compared++;
    if (first.digest === digest) return undefined;
    const what = `${trace.configuration}: not as in ${first.by}: ${firstDifference(first.trace, trace)}`;
    return { what, expected: first.trace, actual: trace };
  }
}

function firstDifference(expected: Trace, actual: Trace): string {
  if (expected.log === actual.log)
    return `the logs are equal, but it ended with ${actual.end} instead of ${expected.end}`;
  const left = expected.log.split('\n');
  const right = actual.log.split('\n');
  const line = left.findIndex((text, n) => text !== right[n]);
  const at = line < 0 ? left.length : line;
  return `line ${at + 1} is ${JSON.stringify(right[at] ?? '')} instead of ${JSON.stringify(left[at] ?? '')}`;
}
