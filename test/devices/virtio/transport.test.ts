import test from 'ava';
import { MemoryDisk } from '#core';
import { VirtioBlock } from '#devices';
import { PciBench } from '../pci/support.ts';
import { buffers, Outcome, place, request, Type, writeHeader } from './block-requests.ts';
import { Driver, features } from './driver.ts';

function machine() {
  const bench = new PciBench();
  bench.add('disk', VirtioBlock, { slot: '00:04.0', disk: new MemoryDisk(new Uint8Array(8192)) });
  bench.powerOn();
  return { bench, driver: new Driver(bench, 4) };
}

const send = (bench: PciBench, queue: ReturnType<Driver['start']>[number]) => {
  writeHeader(bench, Type.read, 0);
  queue.submit(...buffers(Type.read, 512));
  return bench.advance(1_000_000);
};

test('features: what was not offered, or too little, is refused', t => {
  const { driver } = machine();
  for (const bits of [[], [9], [32, 40], [32, 3]]) {
    driver.status = 0;
    driver.status = 3;
    driver.accept(bits);
    driver.status = 11;
    t.is(driver.status, 3, bits.join());
    driver.status = 15;
    t.is(driver.status & 4, 0, 'nor does it run');
  }
  driver.accept([32, 9]);
  driver.status = 11;
  t.is(driver.status, 11);
  driver.accept([32]);
  driver.writeCommon('driverFeatureSelect', 0, 4);
  t.is(driver.readCommon('driverFeature', 4), 1 << 9, 'too late to change');
});

test('queues: size, addresses, notification, what does not exist', t => {
  const { bench, driver } = machine();
  t.is(driver.readCommon('numQueues', 2), 1);
  driver.writeCommon('queueSelect', 0, 2);
  t.is(driver.readCommon('queueSize', 2), 256);
  for (const size of [0, 3, 512, 100]) {
    driver.writeCommon('queueSize', size, 2);
    t.is(driver.readCommon('queueSize', 2), 256);
  }
  driver.writeCommon('queueSize', 64, 2);
  t.is(driver.readCommon('queueSize', 2), 64);
  driver.writeCommon('descriptors', 0x1234_5678_9ab0, 8);
  t.is(bench.load(driver.common + 0x20, 8), 0x1234_5678_9ab0);
  t.is(bench.load(driver.common + 0x24), 0x1234);
  driver.writeCommon('queueEnable', 1, 2);
  driver.writeCommon('descriptors', 0, 4);
  t.is(bench.load(driver.common + 0x20), 0x5678_9ab0, 'fixed while enabled');
  driver.writeCommon('queueSelect', 1, 2);
  t.is(driver.readCommon('queueSize', 2), 0, 'no second queue');
  driver.writeCommon('queueEnable', 1, 2);
  t.is(driver.readCommon('queueEnable', 2), 0);
  driver.status = 0;
  driver.writeCommon('queueSelect', 0, 2);
  t.is(driver.readCommon('queueEnable', 2), 0);
  t.is(driver.readCommon('queueSize', 2), 256);
});

test('the interrupt pin: slot 4, INTA is the first wire; reading the status takes it back', async t => {
  const { bench, driver } = machine();
  const [queue] = driver.start();
  await send(bench, queue!);
  t.deepEqual(bench.pins, [true, false, false, false]);
  t.is(bench.read(4, 0x06, 2) & 8, 8, 'interrupt status');
  bench.write(4, 0x04, 0x406, 2);
  t.false(bench.pins[0], 'INTx disable');
  bench.write(4, 0x04, 0x006, 2);
  t.true(bench.pins[0]);
  t.is(driver.interruptStatus(), 1);
  t.false(bench.pins[0]);
  t.is(driver.interruptStatus(), 0);
  t.is(bench.read(4, 0x06, 2) & 8, 0);
  await send(bench, queue!);
  t.true(bench.pins[0]);
  driver.status = 0;
  t.false(bench.pins[0], 'a reset takes it back too');
});

test('pins rotate with slots', async t => {
  const bench = new PciBench();
  const disk = new MemoryDisk(new Uint8Array(512));
  for (const slot of [5, 6, 7]) bench.add(`disk${slot}`, VirtioBlock, { slot: `00:0${slot}.0`, disk });
  bench.powerOn();
  for (const slot of [5, 6, 7]) {
    const driver = new Driver(bench, slot);
    const [queue] = driver.start();
    await send(bench, queue!);
    t.deepEqual(
      bench.pins,
      [0, 1, 2, 3].map(pin => pin === slot % 4),
    );
    driver.interruptStatus();
  }
});

test('a driver may decline interrupts', async t => {
  const { bench, driver } = machine();
  const [queue] = driver.start();
  bench.memory.write16(queue!.driver, 1);
  await send(bench, queue!);
  t.is(queue!.used().length, 1);
  t.false(bench.pins[0]);
});

test('event indices: an interrupt when the wanted entry is used, a notification wanted from the next', async t => {
  const { bench, driver } = machine();
  const [queue] = driver.start([features.version1, features.eventIndex]);
  const interrupts: boolean[] = [];
  for (let index = 0; index < 4; index++) {
    queue!.wantedEvent = 2;
    await send(bench, queue!);
    t.is(queue!.notificationEvent, index + 1);
    interrupts.push(driver.interruptStatus() === 1);
  }
  t.deepEqual(interrupts, [true, false, true, false], 'the first always: nothing was signalled before');
});

test('indices wrap around', async t => {
  const { driver } = machine();
  const [queue] = driver.start([features.version1, features.eventIndex], 4);
  for (let index = 0; index < 70; index++) {
    queue!.wantedEvent = index;
    t.is(await request(queue!, Type.read, index % 16), Outcome.ok);
    t.is(queue!.used().length, 1);
    t.is(driver.interruptStatus(), 1);
  }
});

test('MSI-X: messages instead of the pin, by queue', async t => {
  const { bench, driver } = machine();
  const [queue] = driver.start();
  driver.useMessages();
  await send(bench, queue!);
  t.deepEqual(
    bench.messages.map(({ vector }) => vector),
    [0x51],
  );
  t.deepEqual(bench.pins, [false, false, false, false]);
  t.is(driver.interruptStatus(), 0);
  driver.writeCommon('queueVector', 1, 2);
  t.is(driver.readCommon('queueVector', 2), 1);
  for (const vector of [2, 9]) {
    driver.writeCommon('queueVector', vector, 2);
    t.is(driver.readCommon('queueVector', 2), 0xffff, `there is no vector ${vector}`);
  }
  await send(bench, queue!);
  t.is(bench.messages.length, 1);
});

test('MSI-X: masked by entry or by function, a message is pending and comes later, once', async t => {
  const { bench, driver } = machine();
  const [queue] = driver.start();
  driver.useMessages();
  const table = (bench.read(4, 0x14) & ~15) >>> 0;
  t.is(bench.read(4, 0x44), 1, 'table: BAR 1 at 0');
  t.is(bench.read(4, 0x48), 0x801, 'pending bits: BAR 1 at 0x800');
  bench.store(table + 16 + 12, 1);
  await send(bench, queue!);
  await send(bench, queue!);
  t.is(bench.messages.length, 0);
  t.is(bench.load(table + 0x800), 2);
  bench.store(table + 16 + 12, 0);
  t.is(bench.messages.length, 1);
  t.is(bench.load(table + 0x800), 0);
  bench.write(4, 0x42, 0xc000, 2);
  await send(bench, queue!);
  t.is(bench.messages.length, 1);
  bench.write(4, 0x42, 0x8000, 2);
  t.is(bench.messages.length, 2);
  bench.store(table + 0x800, 0xffff_ffff);
  t.is(bench.load(table + 0x800), 0, 'pending bits are read-only');
});

test('the PCI configuration window reaches the same registers', t => {
  const { bench, driver } = machine();
  let at = bench.read(4, 0x34, 1);
  while (bench.read(4, at + 3, 1) !== 5 || bench.read(4, at, 1) !== 9) at = bench.read(4, at + 1, 1);
  const aim = (offset: number, length: number) => {
    bench.write(4, at + 4, 0, 1);
    bench.write(4, at + 8, offset);
    bench.write(4, at + 12, length);
  };
  aim(0x12, 2);
  t.is(bench.read(4, at + 16, 2), 1);
  aim(0x14, 1);
  bench.write(4, at + 16, 3, 1);
  t.is(driver.status, 3);
  aim(0x4000, 4);
  bench.read(4, at + 16);
  bench.write(4, at + 16, 1);
  aim(0x13, 2);
  bench.write(4, at + 16, 1, 2);
  t.is(driver.status, 3);
});

test('what breaks the rules stops the device until it is reset, and the driver hears of it', async t => {
  const ring = { at: place.data, length: 512 };
  const status = { at: place.status, length: 1, writable: true };
  const breaks: Record<string, (queue: ReturnType<Driver['start']>[number]) => void> = {
    'no header': queue => queue.offer(queue.chain([status])),
    'no status byte': queue => queue.offer(queue.chain([ring])),
    'a head that is no descriptor': queue => queue.offer(queue.size),
    'a loop': queue => {
      queue.describe(0, ring, 1);
      queue.describe(1, ring, 0);
      queue.offer(0);
    },
    'a next that is no descriptor': queue => {
      queue.describe(0, ring, 0xffff);
      queue.offer(0);
    },
    'RAM that is not there': queue => queue.offer(queue.chain([{ at: 0x10_0000 - 8, length: 16 }, status])),
    'an address beyond all numbers': queue => {
      queue.describe(0, { at: 0, length: 16 });
      queue.owner.bench.memory.write64(queue.descriptors, 2n ** 64n - 16n);
      queue.offer(0);
    },
    'readable after writable': queue => queue.offer(queue.chain([status, ring])),
    'indirect without agreement': queue => {
      queue.describe(0, { at: 0x4_0000, length: 32 }, undefined, 4);
      queue.offer(0);
    },
    'more chains than places': queue => queue.owner.bench.memory.write16(queue.driver + 2, queue.size + 1),
  };
  for (const [name, misuse] of Object.entries(breaks)) {
    const { bench, driver } = machine();
    const [queue] = driver.start();
    misuse(queue!);
    driver.notify(0);
    t.is(driver.status, 15 | 0x40, name);
    t.is(driver.interruptStatus(), 2, name);
    await send(bench, queue!);
    t.is(queue!.used().length, 0, name);
    const [again] = driver.start();
    t.is(await request(again!, Type.read, 0), Outcome.ok, name);
  }
});

test('indirect tables: one that is good, and those that are not', async t => {
  const table = 0x3_0000;
  const bits = [features.version1, features.indirect];
  const cases: [string, number, (queue: ReturnType<Driver['start']>[number]) => void][] = [
    ['good', 15, queue => queue.describe(0, { at: table, length: 48 }, undefined, 4)],
    ['not a multiple', 0x4f, queue => queue.describe(0, { at: table, length: 47 }, undefined, 4)],
    ['empty', 0x4f, queue => queue.describe(0, { at: table, length: 0 }, undefined, 4)],
    ['with a next', 0x4f, queue => queue.describe(0, { at: table, length: 48 }, 1, 4)],
    ['outside', 0x4f, queue => queue.describe(0, { at: 0xf_ffe0, length: 48 }, undefined, 4)],
    ['nested', 0x4f, queue => queue.describe(0, { at: table + 48, length: 16 }, undefined, 4)],
    ['too short for its chain', 0x4f, queue => queue.describe(0, { at: table, length: 32 }, undefined, 4)],
  ];
  for (const [name, expected, describe] of cases) {
    const { bench, driver } = machine();
    const [queue] = driver.start(bits);
    writeHeader(bench, Type.read, 0);
    buffers(Type.read, 512).forEach((buffer, index) => {
      queue!.describe(index, buffer, index < 2 ? index + 1 : undefined, 0, table);
    });
    queue!.describe(3, { at: table, length: 48 }, undefined, 4, table);
    describe(queue!);
    queue!.offer(0);
    driver.notify(0);
    await bench.advance(1_000_000);
    t.is(driver.status, expected, name);
    if (expected === 15) t.deepEqual(queue!.used(), [{ head: 0, written: 513 }]);
  }
});

test('structures are as long as the specification makes them', t => {
  const { driver } = machine();
  const lengths = Object.fromEntries(Object.entries(driver.structures).map(([type, { length }]) => [type, length]));
  t.deepEqual(lengths, { 1: 0x38, 2: 4, 3: 1, 4: 60 });
});

test('an empty buffer is nowhere', async t => {
  const { bench, driver } = machine();
  const [queue] = driver.start();
  writeHeader(bench, Type.read, 0);
  queue!.submit({ at: 0x7fff_0000, length: 0 }, ...buffers(Type.read, 512));
  await bench.advance(1_000_000);
  t.deepEqual(queue!.used(), [{ head: 0, written: 513 }]);
});
