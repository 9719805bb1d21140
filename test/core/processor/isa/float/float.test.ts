/** x87 against what a real processor did; generated code replays the same in its own tests. */
import test from 'ava';
import { readCases, recordings } from '../../../../oracle/cases.ts';
import { evaluator } from '../../../../support/evaluator.ts';
import { replay } from '../vector/replay.ts';

for (const [name, least] of [
  ['float', 6000],
  ['extended', 4900],
] as const)
  test(`${name}: every recorded x87 case comes out the same`, t => {
    const { path } = recordings.find(recording => recording.name === name)!;
    const cases = [...readCases(path)];
    t.true(cases.length > least);
    t.deepEqual(replay(evaluator, cases).slice(0, 20), []);
  });
