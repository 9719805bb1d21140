import test from 'ava';
import { hostEntropy } from '../../machines/host-sources.ts';

test('randomness for any number of bytes, to the last', t => {
  const bytes = new Uint8Array(3 * 0x1_0000 + 64);
  hostEntropy.fill(bytes);
  for (let at = 0; at < bytes.length; at += 64)
    t.true(
      bytes.subarray(at, at + 64).some(byte => byte !== 0),
      `${at}`,
    );
  t.notDeepEqual(bytes.subarray(0, 64), bytes.subarray(0x1_0000, 0x1_0040));
  t.notThrows(() => hostEntropy.fill(new Uint8Array(0)));
});
