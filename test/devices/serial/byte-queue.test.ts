import test from 'ava';
import { ByteQueue } from '../../../devices/serial/byte-queue.ts';

test('bytes come out as they went in, whatever the pieces', t => {
  const queue = new ByteQueue();
  const seen: number[] = [];
  let next = 0;
  for (const size of [1, 63, 64, 65, 1000, 3]) {
    queue.push(Uint8Array.from({ length: size }, () => next++ & 0xff));
    for (let count = 0; count < size / 2; count++) seen.push(queue.shift());
  }
  t.is(queue.length, next - seen.length);
  t.deepEqual(
    [...seen, ...queue.toArray()],
    Array.from({ length: next }, (_, index) => index & 0xff),
  );
  queue.clear();
  t.deepEqual([queue.length, queue.toArray()], [0, []]);
});
