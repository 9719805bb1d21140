/** Where AMD's and Intel's processors differ, recordings of one say so: the model of the other does something else there. */
import test from 'ava';
import { instructions } from '../../core/processor/isa/index.ts';
import { evaluator } from '../support/evaluator.ts';
import { readCases, recordings } from './cases.ts';
import { compare } from './compare.ts';
import { rowsOf } from './coverage.ts';

test('each instruction that depends on the vendor is recorded where it does', t => {
  const seen = new Set<string>();
  for (const { path } of recordings.filter(({ name }) => /vendor$|^legacy-vector$/.test(name))) {
    for (const item of readCases(path)) {
      const vendor = item.vendor === 'amd' ? 'intel' : 'amd';
      if (compare(item, evaluator.run({ ...item, vendor })).length === 0) continue;
      for (const row of rowsOf(item)) seen.add(row.split(' ')[0]);
    }
  }
  const names = new Set(instructions.filter(each => each.vendorDependent).map(({ name }) => name));
  // One of its rows is Intel's only.
  names.add('nop');
  // The user has no ports.
  for (const name of ['insb', 'ins', 'outsb', 'outs']) names.delete(name);
  t.deepEqual(
    [...names].filter(name => !seen.has(name)),
    [],
  );
  t.deepEqual(
    [...seen].filter(name => !names.has(name)),
    [],
  );
});
