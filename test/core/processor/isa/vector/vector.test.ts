/** MMX, SSE, SSE2 and SSE3 against what a real processor did; generated code replays the same in its own tests. */
import test from 'ava';
import { readCases, recordings } from '../../../../oracle/cases.ts';
import { evaluator } from '../../../../support/evaluator.ts';
import { replay } from './replay.ts';

const { path } = recordings.find(({ name }) => name === 'vector')!;

test('every recorded vector case comes out the same', t => {
  const cases = [...readCases(path)];
  t.true(cases.length > 8000);
  t.deepEqual(replay(evaluator, cases).slice(0, 20), []);
});
