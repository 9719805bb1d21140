import test from 'ava';
import fc from 'fast-check';
import { RamGuestMemory } from '#core';
import { Chain } from '../../../devices/virtio/queue/chain.ts';
import { SplitQueue } from '../../../devices/virtio/queue/split.ts';

const size = 8;
const rings = { descriptors: [0x1000, 0], driver: [0x2000, 0], device: [0x3000, 0] };

function queue(eventIndex: boolean) {
  const memory = new RamGuestMemory([{ base: 0, bytes: new Uint8Array(0x4000) }]);
  let interrupts = 0;
  const owner = { memory, hasFeature: () => eventIndex, interrupt: () => interrupts++, fail() {} };
  const split = new SplitQueue(0, { name: 'requests', size, longest: 4096 }, owner);
  return { memory, split, interrupts: () => interrupts };
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
