/** The ava macro that replays a recording on an engine. */
import test from 'ava';
import { readCases, type recordings } from '../oracle/cases.ts';
import { compare } from '../oracle/compare.ts';
import type { Engine } from './evaluator.ts';

export const replay = test.macro<[recording: (typeof recordings)[number], engine: Engine]>((t, { path }, engine) => {
  const wrong: string[] = [];
  let count = 0;
  for (const item of readCases(path)) {
    count++;
    const differences = compare(item, engine.run(item));
    if (differences.length > 0) wrong.push(`${item.text}: ${differences.join('; ')}`);
  }
  t.true(count >= 100);
  t.deepEqual(wrong.slice(0, 10), []);
});
