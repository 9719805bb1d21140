/** What a real processor did with the integer instructions, replayed on the evaluator (test/oracle/README.md). */
import test from 'ava';
import { instructions } from '../../../core/isa/index.ts';
import { readCases, recordings } from '../../oracle/cases.ts';
import { compare } from '../../oracle/compare.ts';
import { evaluator } from '../../support/evaluator.ts';

/** FNOP is among the hints of the recording, and the x87's. */
const missing = new Set(['fnop'].filter(name => !instructions.some(row => row.name === name)));

for (const name of ['integer', 'legacy']) {
  test(`${name}: every recorded case comes out the same`, t => {
    const { path } = recordings.find(recording => recording.name === name)!;
    const wrong: string[] = [];
    let count = 0;
    for (const item of readCases(path)) {
      if (item.mnemonics.some(mnemonic => missing.has(mnemonic))) continue;
      count++;
      const differences = compare(item, evaluator.run(item));
      if (differences.length > 0) wrong.push(`${item.text}: ${differences.join('; ')}`);
    }
    t.true(count >= 2500);
    t.deepEqual(wrong.slice(0, 10), []);
  });
}
