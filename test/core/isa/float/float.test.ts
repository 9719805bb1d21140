/** x87 against what a real processor did. */
import test from 'ava';
import { readCases, recordings } from '../../../oracle/cases.ts';
import { engines } from '../../../support/engines.ts';
import { replay } from '../vector/replay.ts';

const { path } = recordings.find(({ name }) => name === 'float')!;

for (const engine of engines) {
  test(`the ${engine.name} does all recorded x87 instructions`, t => {
    const cases = [...readCases(path)];
    t.true(cases.length > 3000);
    t.deepEqual(replay(engine, cases).slice(0, 20), []);
  });
}
