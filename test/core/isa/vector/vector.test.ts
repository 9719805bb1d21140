/** MMX, SSE, SSE2 and SSE3 against what a real processor did. */
import test from 'ava';
import { readCases, recordings } from '../../../oracle/cases.ts';
import { engines } from '../../../support/engines.ts';
import { replay } from './replay.ts';

const { path } = recordings.find(({ name }) => name === 'vector')!;

for (const engine of engines) {
  test(`the ${engine.name} does all recorded vector instructions`, t => {
    const cases = [...readCases(path)];
    t.true(cases.length > 4000);
    t.deepEqual(replay(engine, cases).slice(0, 20), []);
  });
}
