/** Everything that can execute instructions: each case of a test runs on all of them. */
import type { Case } from '../oracle/cases.ts';
import { compare } from '../oracle/compare.ts';
import { type Engine, evaluator } from './evaluator.ts';

export const engines: readonly Engine[] = [evaluator];

/** For test/oracle/fresh.ts: what was wrong, in words, by engine. */
export const oracleEngines: Readonly<Record<string, (item: Case) => string[]>> = Object.fromEntries(
  engines.map(engine => [engine.name, (item: Case) => compare(item, engine.run(item))]),
);
