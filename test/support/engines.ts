/** Everything that can execute instructions: each case of a test runs on all of them. */
import type { Vendor } from '../../core/processor/isa/form.ts';
import type { Case } from '../oracle/case.ts';
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

/** A host for each vendor's tasks. */
function running(name: string, create: (vendor: Vendor) => UserHost): Engine {
  const hosts = { amd: lazily(() => create('amd')), intel: lazily(() => create('intel')) };
  return { name, run: task => hosts[task.vendor ?? 'amd']().runTask(task) };
}

export const interpreter = running('interpreter', vendor => new UserHost({ vendor }));

/** Every task is compiled before it runs. */
export const jit = running('jit', vendor => new UserHost({ vendor, jit: true, shortest: 0 }));

export const engines: readonly Engine[] = [evaluator, interpreter, jit];

/** For test/oracle/fresh.ts: what was wrong, in words, by engine. */
export const oracleEngines: Readonly<Record<string, (item: Case) => string[]>> = Object.fromEntries(
  engines.map(engine => [engine.name, (item: Case) => compare(item, engine.run(item))]),
);
