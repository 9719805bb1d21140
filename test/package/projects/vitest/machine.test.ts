import { build, toyvirt } from 'virt64';
import { expect, test } from 'vitest';

test('the toy kernel switches paging on', async () => {
  await using machine = await build(toyvirt);
  const outcome = await machine.run({ until: /paging: ok/, timeout: '1 s' });
  expect(outcome.kind).toBe('until');
});
