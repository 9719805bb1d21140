import test from 'ava';
import { BlockError } from '../../../../core/board/host/block.ts';
import { MemoryStream } from '../../../../core/board/host/byte-stream.ts';
import { SeededEntropy } from '../../../../core/board/host/entropy.ts';
import { MemoryDisk } from '../../../../core/board/host/memory-disk.ts';

test('one seed, one sequence; another, another', t => {
  const bytes = (seed: number) => {
    const out = new Uint8Array(64);
    new SeededEntropy(seed).fill(out);
    return [...out];
  };
  t.deepEqual(bytes(7), bytes(7));
  t.notDeepEqual(bytes(7), bytes(8));
  t.true(new Set(bytes(7)).size > 40);
});

test('a disk keeps what it is given and refuses what is not on it', async t => {
  const disk = new MemoryDisk(new Uint8Array(1024));
  await disk.write(512, Uint8Array.of(1, 2, 3));
  const back = new Uint8Array(3);
  await disk.read(512, back);
  t.deepEqual([...back], [1, 2, 3]);
  await t.throwsAsync(disk.read(1023, new Uint8Array(2)), { instanceOf: BlockError });
  const protectedDisk = new MemoryDisk(new Uint8Array(512), { readOnly: true });
  await t.throwsAsync(protectedDisk.write(0, Uint8Array.of(1)), { instanceOf: BlockError });
});

test('input typed before anybody listens is not lost', t => {
  const stream = new MemoryStream();
  stream.type('early ');
  const heard: string[] = [];
  stream.onInput(data => heard.push(new TextDecoder().decode(data)));
  stream.type('late');
  t.is(heard.join(''), 'early late');
});
