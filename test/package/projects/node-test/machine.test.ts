import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build, toyvirt } from 'virt64';

test('the toy kernel switches paging on', async () => {
  await using machine = await build(toyvirt);
  const outcome = await machine.run({ until: /paging: ok/, timeout: '1 s' });
  assert.equal(outcome.kind, 'until');
});
