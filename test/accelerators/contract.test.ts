/** One contract, every accelerator, whichever engine runs its code: the suite that `virt64/testing` has for others. */
import test from 'ava';
import { contractCases } from 'virt64/testing';
import type { Accelerator } from '../../accelerators/index.ts';
import { creator, jitOf, names } from './guest.ts';

for (const accelerator of names) {
  for (const { name, run } of contractCases(creator(accelerator))) test(name, run);

  const created: Accelerator[] = [];
  const create = creator(accelerator, 'jit');
  const compiling = contractCases(
    options => {
      const one = create(options);
      created.push(one);
      return one;
    },
    { name: `${accelerator}, jit` },
  );
  for (const { name, run } of compiling) test(name, run);

  test(`${accelerator}, jit: what ran was compiled`, t => {
    const compiled = created.reduce((sum, each) => sum + jitOf(each)!.compiled, 0);
    t.true(compiled > 1000, `${compiled}`);
  });
}
