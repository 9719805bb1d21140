/** MMX, SSE and AVX against what a real processor did; generated code replays the same in its own tests. */
import test from 'ava';
import { readCases, recordings } from '../../../../oracle/cases.ts';
import { compare } from '../../../../oracle/compare.ts';
import { fxOffsets } from '../../../../oracle/machine.ts';
import { evaluator, helping } from '../../../../support/evaluator.ts';
import { replay } from './replay.ts';

for (const recording of ['vector', 'avx']) {
  const { path } = recordings.find(({ name }) => name === recording)!;
  test(`every recorded ${recording} case comes out the same`, t => {
    const cases = [...readCases(path)];
    t.true(cases.length > 8000);
    t.deepEqual(replay(evaluator, cases).slice(0, 20), []);
  });
}

/** What the recordings hold to the truth is mostly the helpers. Here the fast ways are open: the precision flag is set before. */
test('AVX and FMA come out the same in line and by their helper', t => {
  const { path } = recordings.find(({ name }) => name === 'avx')!;
  const wrong: string[] = [];
  let count = 0;
  for (const item of readCases(path)) {
    const fx = item.before.fx.slice();
    new DataView(fx.buffer).setUint32(fxOffsets.mxcsr, 0x1fa0, true);
    const task = { ...item, before: { ...item.before, fx } };
    if (!/^v.*[ps][sd]\b/.test(item.text) || item.text.includes(';')) continue;
    count++;
    const differences = compare({ ...task, ...helping.run(task) }, evaluator.run(task));
    if (differences.length > 0) wrong.push(`${item.text}: ${differences.join(', ')}`);
  }
  t.deepEqual(wrong.slice(0, 20), []);
  t.true(count > 5000);
});
