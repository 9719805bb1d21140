import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { contractCases, guests, testMachine } from 'virt64/testing';
import { CountingFactory } from './counting.ts';

const factory = new CountingFactory();

for (const { name, run } of contractCases(options => factory.create(options))) test(name, run);

after(() => {
  const { machines, ports, mmio, msrs } = factory.counts;
  assert.ok(machines > 5 && ports > 1000 && mmio > 1000 && msrs > 1000, JSON.stringify(factory.counts));
});

test('a machine runs on it, and each OUT is counted', async () => {
  const counting = new CountingFactory();
  await using machine = await testMachine({ code: guests.print('hello') + guests.exit(3), accelerator: counting });
  assert.deepEqual(await machine.run(), { kind: 'exit', code: 3 });
  assert.deepEqual({ ...counting.counts }, { machines: 1, ports: 6, mmio: 0, msrs: 0 });
});
