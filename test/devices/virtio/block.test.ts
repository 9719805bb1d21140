import test from 'ava';
import { type BlockBackend, BlockError, MachineError, MemoryDisk } from '#core';
import { VirtioBlock } from '#devices';
import { PciBench } from '../pci/support.ts';
import { buffers, Outcome, place, request, Type, writeHeader } from './block-requests.ts';
import { Driver, features } from './driver.ts';

const numbered = (sectors: number) => Uint8Array.from({ length: sectors * 512 }, (_, at) => (at >> 9) + 1);

function machine(options: { disk?: BlockBackend; readOnly?: boolean; serial?: string } = {}) {
  const bench = new PciBench();
  const disk = options.disk ?? new MemoryDisk(numbered(16));
  bench.add('disk', VirtioBlock, { slot: '00:04.0', ...options, disk });
  bench.powerOn();
  const driver = new Driver(bench, 4);
  return { bench, disk: disk as MemoryDisk, driver };
}

test('tells its capacity and limits', t => {
  const { bench, driver } = machine();
  const { at, length } = driver.structures[4];
  t.is(bench.load(at, 8), 16);
  t.is(bench.load(at + 8), 0x4_0000, 'size_max');
  t.is(bench.load(at + 12), 126, 'seg_max: two less than the smallest queue that drivers make');
  t.is(bench.load(at + 20), 512);
  t.is(length, 60);
  t.true(driver.offers(9), 'flush');
  t.false(driver.offers(5), 'not read-only');
  t.true(driver.offers(32));
});

test('reads a sector', async t => {
  const { bench, driver } = machine();
  const [queue] = driver.start();
  t.is(await request(queue!, Type.read, 3), Outcome.ok);
  t.deepEqual(bench.ram.slice(place.data, place.data + 512), new Uint8Array(512).fill(4));
  t.deepEqual(queue!.used(), [{ head: 0, written: 513 }]);
});

test('writes several sectors, wherever the pieces lie', async t => {
  const { bench, disk, driver } = machine();
  const [queue] = driver.start();
  bench.memory.fill(0x6_0001, 700, 0xaa);
  bench.memory.fill(0x7_0003, 324, 0xbb);
  writeHeader(bench, Type.write, 5);
  queue!.submit(
    { at: place.header, length: 7 },
    { at: place.header + 7, length: 9 },
    { at: 0x6_0001, length: 700 },
    { at: 0x7_0003, length: 324 },
    { at: place.status, length: 1, writable: true },
  );
  await bench.advance(1_000_000);
  t.is(bench.memory.read8(place.status), Outcome.ok);
  t.deepEqual(
    disk.bytes.slice(5 * 512, 7 * 512),
    Uint8Array.from({ length: 1024 }, (_, at) => (at < 700 ? 0xaa : 0xbb)),
  );
  t.is(disk.bytes[7 * 512], 8);
});

test('what is beyond the end, no whole sector, or unknown', async t => {
  const { bench, driver } = machine();
  const [queue] = driver.start();
  t.is(await request(queue!, Type.read, 15), Outcome.ok);
  t.is(await request(queue!, Type.read, 16), Outcome.ioError);
  t.is(await request(queue!, Type.read, 15, 1024), Outcome.ioError);
  t.is(await request(queue!, Type.read, 2n ** 64n - 1n), Outcome.ioError);
  t.is(await request(queue!, Type.read, 2n ** 55n), Outcome.ioError);
  t.is(await request(queue!, Type.read, 0, 100), Outcome.ioError);
  t.is(await request(queue!, 99, 0), Outcome.unsupported);
  t.is(await request(queue!, Type.discard, 0), Outcome.unsupported);
  t.is(bench.memory.read8(place.data), 0, 'a failed read leaves nothing of before');
  t.is(driver.status, 15, 'none of this breaks the device');
});

test('get-id, flush and zeros', async t => {
  const { bench, disk, driver } = machine({ serial: 'v64-0001' });
  const [queue] = driver.start();
  t.is(await request(queue!, Type.getId, 0, 20), Outcome.ok);
  t.is(new TextDecoder().decode(bench.ram.slice(place.data, place.data + 20)), 'v64-0001'.padEnd(20, '\0'));
  t.is(await request(queue!, Type.flush, 0, 0), Outcome.ok);
  bench.memory.write64(place.data, 2n);
  bench.memory.write32(place.data + 8, 3);
  t.is(await request(queue!, Type.writeZeroes, 0, 16), Outcome.ok);
  t.deepEqual(
    [1, 2, 3, 4, 5].map(sector => disk.bytes[sector * 512]),
    [2, 0, 0, 0, 6],
  );
  bench.memory.write32(place.data + 8, 0xffff_ffff);
  t.is(await request(queue!, Type.writeZeroes, 0, 16), Outcome.ioError);
});

test('however large the disk is, no request is for more zeros than the device has said', async t => {
  const written: number[] = [];
  const disk: BlockBackend = {
    size: 2 ** 42,
    readOnly: false,
    async read() {},
    async write(_at, from) {
      written.push(from.length);
    },
    async flush() {},
  };
  const { bench, driver } = machine({ disk });
  const [queue] = driver.start([features.version1, 9]);
  bench.memory.write64(place.data, 0n);
  for (const [sectors, outcome] of [
    [0x1000, Outcome.ok],
    [0x1001, Outcome.ioError],
    [0xffff_ffff, Outcome.ioError],
  ] as const) {
    bench.memory.write32(place.data + 8, sectors);
    t.is(await request(queue!, Type.writeZeroes, 0, 16), outcome, `${sectors}`);
  }
  t.deepEqual(written, [0x20_0000]);
});

test('a read-only disk says so and refuses', async t => {
  for (const options of [{ readOnly: true }, { disk: new MemoryDisk(numbered(16), { readOnly: true }) }]) {
    const { driver, disk } = machine(options);
    const [queue] = driver.start();
    t.true(driver.offers(5));
    t.is(await request(queue!, Type.write, 0), Outcome.ioError);
    t.is(disk.bytes[0], 1);
  }
});

test('a flush waits for what was written before, and a medium that fails is an I/O error', async t => {
  const log: string[] = [];
  const wait = () => new Promise<void>(resolve => setTimeout(resolve, 5));
  const disk: BlockBackend = {
    size: 8192,
    readOnly: false,
    async read() {
      throw new BlockError('bad sector');
    },
    async write() {
      await wait();
      log.push('written');
    },
    async flush() {
      log.push('flushed');
    },
  };
  const { bench, driver } = machine({ disk });
  const [queue] = driver.start([features.version1, 9]);
  writeHeader(bench, Type.write, 0);
  writeHeader(bench, Type.flush, 0, place.header + 16);
  queue!.submit(...buffers(Type.write, 512));
  queue!.submit({ at: place.header + 16, length: 16 }, { at: place.status + 1, length: 1, writable: true });
  await bench.advance(1_000_000);
  t.deepEqual(log, ['written', 'flushed']);
  t.is(await request(queue!, Type.read, 0), Outcome.ioError);
});

test('an answer comes at its virtual moment, not before, however fast the host was', async t => {
  const { bench, driver } = machine();
  const [queue] = driver.start();
  writeHeader(bench, Type.read, 0);
  queue!.submit(...buffers(Type.read, 512));
  await new Promise(resolve => setTimeout(resolve, 5));
  const due = bench.clock.nextDeadline;
  t.true(due > bench.clock.now && due < 1_000_000);
  await bench.advance(due - bench.clock.now - 1);
  t.deepEqual(queue!.used(), []);
  await bench.advance(1);
  t.is(queue!.used().length, 1);
});

test('without bus mastering nothing is read or written; with it, what waited is done', async t => {
  const { bench, driver } = machine();
  const [queue] = driver.start();
  bench.write(4, 0x04, 2, 2);
  writeHeader(bench, Type.read, 3);
  queue!.submit(...buffers(Type.read, 512));
  await bench.advance(1_000_000);
  t.deepEqual(queue!.used(), []);
  bench.write(4, 0x04, 6, 2);
  t.is(bench.memory.read16(queue!.device + 2), 0);
  bench.write(4, 0x04, 2, 2);
  await bench.advance(1_000_000);
  t.deepEqual(queue!.used(), [], 'forbidden again while it was under way');
  bench.write(4, 0x04, 6, 2);
  await bench.advance(1_000_000);
  t.deepEqual(queue!.used(), [{ head: 0, written: 513 }]);
  t.is(bench.ram[place.data], 4);
});

test('a reset forgets what was under way', async t => {
  const { bench, driver } = machine();
  const [queue] = driver.start();
  writeHeader(bench, Type.read, 3);
  queue!.submit(...buffers(Type.read, 512));
  driver.status = 0;
  const before = bench.ram.slice();
  await bench.advance(1_000_000);
  t.true(Buffer.from(before).equals(bench.ram));
  const [again] = driver.start();
  t.is(await request(again!, Type.read, 7), Outcome.ok);

  // Nor is it answered to a driver that has started anew meanwhile.
  writeHeader(bench, Type.read, 3);
  again!.submit(...buffers(Type.read, 512));
  const [third] = driver.start();
  const fresh = bench.ram.slice();
  await bench.advance(1_000_000);
  t.deepEqual(third!.used(), []);
  t.true(Buffer.from(fresh).equals(bench.ram));
  t.is(await request(third!, Type.read, 9), Outcome.ok);
});

test('saved with requests under way, it finishes them elsewhere at the same moment', async t => {
  for (const lengths of [[512], [512, 1024, 512]]) {
    const { bench, driver, disk } = machine();
    const [queue] = driver.start([features.version1, features.eventIndex], 16);
    for (const [index, length] of lengths.entries()) {
      writeHeader(bench, Type.read, index, place.header + 16 * index);
      queue!.submit(
        { at: place.header + 16 * index, length: 16 },
        { at: place.data + 2048 * index, length, writable: true },
        { at: place.status + index, length: 1, writable: true },
      );
    }
    await bench.advance(1000);
    const other = machine({ disk });
    const now = bench.time.ticks;
    other.bench.time.ticks = now;
    // Devices first, memory after: a machine may restore them in any order.
    for (const [name, device] of Object.entries(bench.devices)) other.bench.devices[name].restore(device.save());
    t.deepEqual(other.bench.devices.disk!.save(), bench.devices.disk!.save());
    other.bench.ram.set(bench.ram);
    for (const each of [bench, other.bench]) {
      await each.advance(20_000);
      await each.advance(1_000_000);
    }
    t.true(Buffer.from(other.bench.ram).equals(bench.ram));
    t.deepEqual(other.bench.pins, bench.pins);
    t.is(bench.memory.read16(queue!.device + 2), lengths.length);
    t.deepEqual(other.bench.devices.disk!.save(), bench.devices.disk!.save());
  }
});

test('a damaged state is refused and changes nothing', t => {
  const { bench } = machine();
  const device = bench.devices.disk!;
  const state = device.save();
  const [queue] = state.queues as readonly object[];
  const bad = { instanceOf: MachineError, code: 'bad-state' } as const;
  t.throws(() => device.restore({ ...state, version: 7 }), bad);
  t.throws(() => device.restore({ ...state, queues: [] }), bad);
  t.throws(() => device.restore({ ...state, queues: [{ ...queue, size: 3 }] as never }), bad);
  t.deepEqual(device.save(), state);
});

test('mistakes of the profile', t => {
  const bench = new PciBench();
  const add = (options: object) => () =>
    bench.add('disk', VirtioBlock, { slot: '00:05.0', disk: new MemoryDisk(numbered(1)), ...options });
  t.throws(add({ disk: new MemoryDisk(new Uint8Array(513)) }), {
    code: 'bad-image',
    message: /devices\.disk\.disk.*multiple of 512/,
  });
  t.throws(add({ disk: 'disk.img' }), { code: 'bad-option' });
  t.throws(add({ serial: 'more than twenty bytes' }), { code: 'bad-option' });
});

test('a driver without flushes finds every write on the medium', async t => {
  const log: string[] = [];
  const disk = new MemoryDisk(numbered(16));
  const medium: BlockBackend = {
    size: disk.size,
    readOnly: false,
    read: (at, into) => disk.read(at, into),
    write: async at => void log.push(`write ${at}`),
    flush: async () => void log.push('flush'),
  };
  const { driver } = machine({ disk: medium });
  const [queue] = driver.start([features.version1]);
  t.is(await request(queue!, Type.write, 3), Outcome.ok);
  t.deepEqual(log.splice(0), ['write 1536', 'flush']);
  const [again] = driver.start([features.version1, 9]);
  t.is(await request(again!, Type.write, 3), Outcome.ok);
  t.deepEqual(log, ['write 1536']);
});
