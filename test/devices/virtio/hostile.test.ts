import test from 'ava';
import fc from 'fast-check';
import { MemoryDisk, MemoryStream } from '#core';
import { VirtioBlock, VirtioConsole, VirtioRng } from '#devices';
import { PciBench, ramSize } from '../pci/support.ts';
import { Driver, features } from './driver.ts';

const slots = { rng: 2, disk: 4, hvc: 5 } as const;

function machine() {
  const bench = new PciBench();
  const stream = new MemoryStream();
  bench.add('rng', VirtioRng, { slot: '00:02.0' });
  bench.add('disk', VirtioBlock, { slot: '00:04.0', disk: new MemoryDisk(new Uint8Array(64 * 512)) });
  bench.add('hvc', VirtioConsole, { slot: '00:05.0', stream });
  return { bench: bench.powerOn(), stream };
}

const settings = { seed: 2026, numRuns: 80 } as const;
const word = fc.oneof(
  fc.integer({ min: 0, max: 0xff }),
  fc.nat({ max: 0xffff_ffff }),
  fc.constantFrom(0xffff_ffff, 0xc000_0000, 0xfee0_0000, 0x8000_0000, 6, 7, 0x407),
);
const size = fc.constantFrom(1, 2, 4) as fc.Arbitrary<1 | 2 | 4>;
const slot = fc.constantFrom(0, ...Object.values(slots));

const poke = fc.oneof(
  fc.record({ kind: fc.constant('configure' as const), slot, register: fc.nat({ max: 255 }), size, value: word }),
  fc.record({ kind: fc.constant('ports' as const), port: fc.integer({ min: 0xcf6, max: 0xd02 }), size, value: word }),
  fc.record({
    kind: fc.constant('bar' as const),
    slot,
    bar: fc.nat({ max: 1 }),
    offset: fc.oneof(
      fc.nat({ max: 0x40 }),
      fc.nat({ max: 0x3fff }),
      fc.nat({ max: 3 }).map(page => page * 0x1000),
    ),
    size: fc.constantFrom(1, 2, 4, 8) as fc.Arbitrary<1 | 2 | 4 | 8>,
    value: word,
  }),
);

test('configuration space and BARs take anything', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(poke, { minLength: 20, maxLength: 200 }), async pokes => {
      const { bench } = machine();
      for (const action of pokes) {
        const { kind, size, value } = action;
        if (kind === 'configure') {
          const register = Math.min(action.register, 256 - size) & ~(size - 1);
          bench.write(action.slot, register, value, size as 4);
          const seen = bench.read(action.slot, register, size as 4);
          if (!(Number.isInteger(seen) && seen >= 0 && seen < 2 ** (8 * size))) return false;
        } else if (kind === 'ports') {
          bench.board.ports.write(action.port, size, value);
          bench.board.ports.read(action.port, size);
        } else {
          const base = (bench.read(action.slot, 0x10 + 4 * action.bar) & ~15) >>> 0;
          bench.store(base + action.offset, value, size);
          bench.load(base + action.offset, size);
        }
      }
      await bench.advance(100_000);
      for (const device of Object.values(bench.devices)) {
        device.inspect();
        device.restore(device.save());
      }
      const again = bench.powerOn();
      const fresh = machine().bench;
      for (const [name, device] of Object.entries(again.devices))
        t.deepEqual(device.save(), fresh.devices[name].save());
      return true;
    }),
    settings,
  );
  t.pass();
});

/** Mostly almost right: what is wrong everywhere is refused at its first mistake and reaches nothing. */
const rarely = <T>(usual: fc.Arbitrary<T>, strange: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: strange });

const descriptor = fc.record({
  address: rarely(
    fc.constantFrom(0x4_0000, 0x5_0000, 0x8_0001),
    fc.oneof(fc.constantFrom(0x1_0000, 0x2_0000, ramSize - 1, ramSize), fc.maxSafeNat()),
  ),
  length: rarely(fc.constantFrom(0, 1, 16, 32, 513), fc.nat({ max: 0xffff_ffff })),
  flags: rarely(fc.constantFrom(0, 1, 2, 3, 3, 2, 4), fc.nat({ max: 0xffff })),
  next: rarely(fc.nat({ max: 7 }), fc.nat({ max: 0xffff })),
});

const attack = fc.record({
  device: fc.constantFrom(...Object.values(slots)),
  descriptors: fc.array(descriptor, { minLength: 8, maxLength: 8 }),
  table: fc.array(descriptor, { minLength: 4, maxLength: 4 }),
  heads: fc.array(rarely(fc.nat({ max: 7 }), fc.nat({ max: 0xffff })), { minLength: 8, maxLength: 8 }),
  index: rarely(fc.nat({ max: 8 }), fc.nat({ max: 0xffff })),
  header: fc.record({ type: fc.nat({ max: 14 }), sector: fc.oneof(fc.nat({ max: 80 }), fc.maxSafeNat()) }),
  event: fc.nat({ max: 0xffff }),
  queue: fc.nat({ max: 2 }),
});

/** Guest memory counts whoever asks for what it does not have; a hang would end the test. */
test('queues take any descriptors: no exception, no hang, no step outside RAM, and a reset mends it', async t => {
  let broken = 0;
  let served = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(attack, { minLength: 1, maxLength: 5 }), fc.boolean(), async (attacks, messages) => {
      const { bench, stream } = machine();
      for (const { device, descriptors, table, heads, index, header, event, queue } of attacks) {
        const driver = new Driver(bench, device);
        const queues = driver.start([features.version1, features.indirect, features.eventIndex]);
        if (messages) driver.useMessages();
        const target = queues[queue % queues.length];
        const { memory } = bench;
        memory.write32(0x4_0000, header.type);
        memory.write64(0x4_0008, BigInt(header.sector));
        const write =
          (base: number) => (entry: typeof descriptor extends fc.Arbitrary<infer D> ? D : never, at: number) => {
            memory.write64(base + 16 * at, BigInt(entry.address));
            memory.write32(base + 16 * at + 8, entry.length);
            memory.write16(base + 16 * at + 12, entry.flags);
            memory.write16(base + 16 * at + 14, entry.next);
          };
        descriptors.forEach(write(target.descriptors));
        table.forEach(write(0x4_0000));
        for (const [at, head] of heads.entries()) memory.write16(target.driver + 4 + 2 * at, head);
        memory.write16(target.driver + 2, index);
        target.wantedEvent = event;
        const strays = memory.strays;
        stream.type('input');
        for (let each = 0; each < 3; each++) driver.notify(each % queues.length);
        await bench.advance(2_000_000);
        if (memory.strays !== strays) return false;
        if (driver.status === 0x4f) broken++;
        if (target.used().length > 0) served++;
        bench.devices.disk!.restore(bench.devices.disk!.save());
        await bench.advance(1);
      }
      const driver = new Driver(bench, slots.rng);
      const [queue] = driver.start();
      queue!.submit({ at: 0x5_0000, length: 64, writable: true });
      return queue!.used().length === 1 && driver.status === 15;
    }),
    { ...settings, numRuns: 250 },
  );
  t.true(broken > 100 && served > 20, `${broken} broken, ${served} served: both kinds must occur`);
});

test('rings may lie anywhere', async t => {
  const place = fc.oneof(
    fc.nat({ max: ramSize + 64 }),
    fc.maxSafeNat(),
    fc.constantFrom(0, ramSize - 16, ramSize - 128),
  );
  await fc.assert(
    fc.asyncProperty(fc.tuple(place, place, place), fc.nat({ max: 9 }), async (places, shift) => {
      const { bench } = machine();
      bench.ram.fill(0x11);
      const driver = new Driver(bench, slots.rng);
      bench.write(slots.rng, 4, 6, 2);
      driver.accept([features.version1]);
      driver.status = 11;
      driver.writeCommon('queueSelect', 0, 2);
      driver.writeCommon('queueSize', 2 ** shift, 2);
      for (const [index, field] of (['descriptors', 'driver', 'device'] as const).entries()) {
        driver.writeCommon(field, places[index], 8);
      }
      driver.writeCommon('queueEnable', 1, 2);
      driver.status = 15;
      driver.notify(0);
      return bench.memory.strays === 0;
    }),
    settings,
  );
  t.pass();
});
