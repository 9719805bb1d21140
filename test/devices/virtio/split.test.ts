import test from 'ava';
import fc from 'fast-check';
import { RamGuestMemory } from '#core';
import { Chain } from '../../../devices/virtio/queue/chain.ts';
import { type QueueOwner, SplitQueue } from '../../../devices/virtio/queue/split.ts';

const size = 8;
const rings = { descriptors: [0x1000, 0], driver: [0x2000, 0], device: [0x3000, 0] };

function queue(eventIndex: boolean) {
  const memory = new RamGuestMemory([{ base: 0, bytes: new Uint8Array(0x4000) }]);
  let interrupts = 0;
  const failures: string[] = [];
  const owner: QueueOwner = {
    memory,
    hasFeature: bit => bit === 28 || eventIndex,
    interrupt: () => interrupts++,
    fail: reason => failures.push(reason),
  };
  const split = new SplitQueue(0, { name: 'requests', size, longest: 4096 }, owner);
  return { memory, split, failures, interrupts: () => interrupts };
}

const index = fc.nat({ max: 0xffff });

/** virtio 1.2, 2.7.10: with each buffer used, the wanted event lies in what was used since the last interrupt, or not. */
test('an interrupt comes when the wanted entry is passed, anywhere in the ring of 2^16', t => {
  const { memory, split, interrupts } = queue(true);
  fc.assert(
    fc.property(
      index,
      fc.oneof(index, fc.nat({ max: 20 })),
      index,
      fc.integer({ min: -20, max: 20 }),
      (old, by, any, near) => {
        const used = (old + by) & 0xffff;
        for (const wanted of [any, (used + near) & 0xffff, (old + near) & 0xffff]) {
          split.state = { ...split.form(), ...rings, enabled: true, used, signalled: old };
          memory.write16(0x2000 + 4 + 2 * size, wanted);
          const before = interrupts();
          split.finish(new Chain(0, memory), 0);
          const passed = Array.from({ length: by + 1 }, (_, step) => (old + step) & 0xffff).includes(wanted);
          if (interrupts() - before !== Number(passed)) return false;
        }
        return true;
      },
    ),
    { numRuns: 300, seed: 2026 },
  );
  t.pass();
});

test('what was used is told in the ring, modulo its size', t => {
  const { memory, split } = queue(false);
  split.state = { ...split.form(), ...rings, enabled: true, used: 0xffff };
  split.finish(new Chain(5, memory), 77);
  t.deepEqual(
    [memory.read32(0x3000 + 4 + 8 * 7), memory.read32(0x3000 + 8 + 8 * 7), memory.read16(0x3002)],
    [5, 77, 0],
  );
});

const Flag = { next: 1, write: 2, indirect: 4 } as const;

/** A queue whose driver has written descriptors, and made so many chains available. */
function driven(waiting: number, available = 0) {
  const all = queue(false);
  const { memory, split } = all;
  split.state = { ...split.form(), ...rings, enabled: true, available };
  memory.write16(0x2002, (available + waiting) & 0xffff);
  const describe = (at: number, address: number, length: number, flags = 0, next = 0): void => {
    memory.write64(at, BigInt(address));
    memory.write32(at + 8, length);
    memory.write16(at + 12, flags);
    memory.write16(at + 14, next);
  };
  for (let n = 0; n < size; n++) describe(0x1000 + 16 * n, 0x100 * n, 16);
  return { ...all, describe };
}

test('as many chains may wait as there are places, and each place is looked at in its turn', t => {
  const full = driven(size, 0xfffc);
  for (let n = 0; n < size; n++) full.memory.write16(0x2004 + 2 * n, n);
  const heads = Array.from({ length: size }, () => full.split.take()?.head);
  t.deepEqual(heads, [4, 5, 6, 7, 0, 1, 2, 3]);
  t.is(full.split.take(), undefined);
  t.deepEqual(full.failures, []);
  const more = driven(size + 1);
  t.is(more.split.take(), undefined);
  t.deepEqual(more.failures, ['requests: 9 chains in 8 places']);
});

test('rings lie in RAM to their last byte', t => {
  for (const [name, last] of [
    ['descriptors', 0x4000 - 16 * size],
    ['driver', 0x4000 - (6 + 2 * size)],
    ['device', 0x4000 - (8 + 8 * size)],
  ] as const) {
    const { split, failures } = driven(0);
    split.state = { ...split.state, [name]: [last, 0] };
    split.take();
    t.deepEqual(failures, [], name);
    split.state = { ...split.state, [name]: [last + (name === 'descriptors' ? 16 : name === 'driver' ? 2 : 4), 0] };
    split.take();
    t.deepEqual(failures, ['requests: rings outside RAM or not aligned'], name);
  }
});

test('a queue in use keeps its size', t => {
  const { split } = queue(false);
  split.resize(4);
  t.is(split.state.size, 4);
  split.resize(3);
  split.resize(16);
  t.is(split.state.size, 4);
  split.state.enabled = true;
  split.resize(2);
  t.is(split.state.size, 4);
});

test('chains of every length that there is room for, directly and by a table', t => {
  const direct = driven(1);
  for (let n = 0; n < size; n++) direct.describe(0x1000 + 16 * n, 0x100 * n, 512, n < size - 1 ? Flag.next : 0, n + 1);
  t.is(direct.split.take()?.readableLength, 4096, 'the longest');

  const table = driven(1);
  table.describe(0x1000, 0x3800, 3 * 16, Flag.indirect);
  for (let n = 0; n < 3; n++) table.describe(0x3800 + 16 * n, 0x100 * n, 10, n < 2 ? Flag.next : Flag.write, n + 1);
  const chain = table.split.take();
  t.deepEqual([chain?.head, chain?.readableLength, chain?.writableLength], [0, 20, 10]);

  for (const [reason, prepare] of [
    ['a chain without end', ({ describe }) => describe(0x1000, 0, 1, Flag.next, 0)],
    ['a chain of more than 4096 bytes', ({ describe }) => describe(0x1000, 0, 4097)],
    ['descriptor 8 of 8', ({ describe }) => describe(0x1000, 0, 1, Flag.next, 8)],
    ['a readable buffer after writable ones', ({ describe }) => describe(0x1000, 0, 1, Flag.write | Flag.next, 1)],
    ['a buffer outside RAM', ({ describe }) => describe(0x1000, 0x3fff, 2)],
    [
      'an indirect descriptor where none may be',
      ({ describe }) => describe(0x1000, 0x3800, 16, Flag.indirect | Flag.next, 1),
    ],
    [
      'an indirect descriptor where none may be',
      ({ describe }) => {
        describe(0x1000, 0x3800, 16, Flag.indirect);
        describe(0x3800, 0x3900, 16, Flag.indirect);
      },
    ],
    ['a bad indirect table', ({ describe }) => describe(0x1000, 0x3800, 17, Flag.indirect)],
    ['an indirect table outside RAM', ({ describe }) => describe(0x1000, 0x3ff0, 32, Flag.indirect)],
  ] as readonly (readonly [string, (queue: ReturnType<typeof driven>) => void])[]) {
    const bad = driven(1);
    prepare(bad);
    t.is(bad.split.take(), undefined);
    t.deepEqual(bad.failures, [`requests: ${reason}`]);
  }
});

test('whatever the answers make of the ring, a queue is drained of no more chains than it has places', t => {
  const { split, memory } = driven(1);
  let answers = 0;
  split.drain(() => {
    if (++answers > 1000) throw new Error('without end');
    // As if the answer were written over the index of the available ring.
    memory.write16(0x2002, split.state.available + 1);
    return 0;
  });
  t.is(answers, size);
});
