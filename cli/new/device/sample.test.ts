import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assemble, build, decodeState, encodeState } from 'virt64';
import { machine, Sample } from './sample.ts';

const address = 0x10_0000;

/** Instructions for the machine to begin with; they end it by a byte to the debug-exit port: it ends with 2 · byte + 1. */
const guest = (source: string) =>
  machine.with({
    boot: {
      kind: 'raw',
      image: assemble(32, source, { origin: address }).bytes,
      options: { address, mode: 'protected' },
    },
  });

test('counts how often it is read', async () => {
  const source = 'mov dx, 0x2d0\n in al, dx\n in al, dx\n in al, dx\n out 0xf4, al';
  await using counting = await build(guest(source));
  assert.deepEqual(await counting.run({ timeout: '1 s' }), { kind: 'exit', code: 7 });
});

test('what is written is where it counts on, in a restored machine, too', async () => {
  const source = 'mov dx, 0x2d0\n mov al, 40\n out dx, al\n in al, dx\n out 0xf4, al';
  await using first = await build(guest(source));
  assert.deepEqual(await first.run({ timeout: '1 s' }), { kind: 'exit', code: 83 });
  await using second = await build(guest(source));
  second.restore(decodeState(encodeState(first.save())));
  assert.deepEqual(second.device('counter', Sample).inspect(), { count: 41 });
});
