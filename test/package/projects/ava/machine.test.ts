import test from 'ava';
import { build, toyvirt } from 'virt64';

test('the toy kernel switches paging on', async t => {
  await using machine = await build(toyvirt);
  const outcome = await machine.run({ until: /paging: ok/, timeout: '1 s' });
  t.is(outcome.kind, 'until');
});
