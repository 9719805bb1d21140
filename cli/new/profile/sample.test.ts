import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build, validate } from 'virt64';
import { machine } from './sample.ts';

test('nothing overlaps, and each wire leads somewhere', () => {
  assert.deepEqual(validate(machine), []);
});

for (const accelerator of ['software', 'nvmm-svm', 'nvmm-vmx'])
  test(`says hello on ${accelerator}`, async () => {
    await using built = await build(machine, { accelerator });
    assert.deepEqual(await built.run({ timeout: '1 s' }), { kind: 'powerOff' });
    assert.equal(built.serial.text, 'hello from sample\n');
  });
