/** Everything that can execute instructions: each case of a test runs on all of them. */
import type { Case } from '../oracle/cases.ts';
import { compare } from '../oracle/compare.ts';
import { type Engine, evaluator } from './evaluator.ts';
import { UserHost } from './user-host.ts';

function lazily<T>(create: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= create();
    return made;
  };
}

const interpreting = lazily(() => new UserHost());
const compiling = lazily(() => new UserHost({ jit: true, shortest: 0 }));

export const interpreter: Engine = { name: 'interpreter', run: task => interpreting().runTask(task) };

/** Every task is compiled before it runs. */
export const jit: Engine = { name: 'jit', run: task => compiling().runTask(task) };

export const engines: readonly Engine[] = [evaluator, interpreter, jit];

/** For test/oracle/fresh.ts: what was wrong, in words, by engine. */
export const oracleEngines: Readonly<Record<string, (item: Case) => string[]>> = Object.fromEntries(
  engines.map(engine => [engine.name, (item: Case) => compare(item, engine.run(item))]),
);
