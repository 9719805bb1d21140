/** x87 against what a real processor did; generated code replays the same in its own tests. */
import test from 'ava';
import { readCases, recordings } from '../../../oracle/cases.ts';
import { evaluator } from '../../../support/evaluator.ts';
import { replay } from '../vector/replay.ts';

const { path } = recordings.find(({ name }) => name === 'float')!;

test('every recorded x87 case comes out the same', t => {
  const cases = [...readCases(path)];
  t.true(cases.length > 6000);
  t.deepEqual(replay(evaluator, cases).slice(0, 20), []);
});
