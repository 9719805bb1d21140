/** A guest that asks without waiting, resets, or asks for much: the disk takes no more than it can hold, and loses nothing. */
import test from 'ava';
import { type BlockBackend, BlockError, ImmediateHostTasks } from '#core';
import { VirtioBlock } from '#devices';
import { enoughBytes, mostRequests } from '../../../devices/virtio/block/block.ts';
import { pieceLength } from '../../../devices/virtio/block/job.ts';
import { PciBench } from '../pci/support.ts';
import { Outcome, Type } from './block-requests.ts';
import { Driver, features, type Queue } from './driver.ts';

const accepted = [features.version1, features.indirect];
const spacing = 2 ** 24;
const tables = 0x2_0000;
const headers = 0x3_0000;
const statuses = 0x3_8000;
const data = 0x4_0000;

/** A machine whose host counts what it does at once. The disk remembers which request, by its sector, each access was for. */
function machine(isFaulty = false) {
  const bench = new PciBench();
  const host = { outstanding: 0, most: 0, largest: 0, log: [] as number[] };
  const perform = bench.tasks.perform.bind(bench.tasks);
  bench.tasks.perform = (work, latency, done) => {
    host.most = Math.max(host.most, ++host.outstanding);
    perform(work, latency, result => {
      host.outstanding--;
      done(result);
    });
  };
  const access = async (at: number, bytes: Uint8Array) => {
    host.largest = Math.max(host.largest, bytes.length);
    host.log.push(Math.floor(at / spacing));
    if (isFaulty && at % 7 === 3) throw new BlockError('bad sector');
  };
  const disk: BlockBackend = { size: 2 ** 50, readOnly: false, read: access, write: access, async flush() {} };
  bench.add('disk', VirtioBlock, { slot: '00:04.0', disk });
  const driver = new Driver(bench.powerOn(), 4);
  return { bench, driver, host };
}

interface Wanted {
  readonly slot: number;
  readonly type: number;
  readonly sequence: number;
  readonly pieces: number;
  readonly length: number;
}

/** Writes an indirect chain of which all data lie at one place, and makes it available. */
function offer(queue: Queue, { slot, type, sequence, pieces, length }: Wanted): void {
  const { memory } = queue.owner.bench;
  memory.write32(headers + 16 * slot, type);
  memory.write64(headers + 16 * slot + 8, BigInt(sequence) * BigInt(spacing / 512));
  const table = tables + 256 * slot;
  queue.describe(0, { at: headers + 16 * slot, length: 16 }, 1, 0, table);
  for (let n = 1; n <= pieces; n++) {
    queue.describe(n, { at: data, length, writable: type !== Type.write }, n + 1, 0, table);
  }
  queue.describe(pieces + 1, { at: statuses + slot, length: 1, writable: true }, undefined, 0, table);
  queue.describe(slot, { at: table, length: 16 * (pieces + 2) }, undefined, 4);
  queue.offer(slot);
}

test('requests made available without waiting wait in the ring', async t => {
  for (const type of [Type.read, Type.write, Type.flush, Type.getId, 99]) {
    const { bench, driver, host } = machine();
    const [queue] = driver.start(accepted, 128);
    const used = new Map<number, number>();
    for (let n = 0; n < 1_280; n++) {
      offer(queue!, { slot: n % 128, type, sequence: n, pieces: 1, length: 512 });
      driver.notify(0);
      if (n % 128 !== 127) continue;
      for (let tries = 0; host.outstanding > 0 && tries < 100; tries++) await bench.advance(100_000);
      for (const { head } of queue!.used()) used.set(head, (used.get(head) ?? 0) + 1);
    }
    t.is(driver.status, 15);
    t.is(host.most, mostRequests);
    t.true([...used.values()].every(count => count === 10));
  }
});

test('a head that is offered again and again is no way around it', async t => {
  const { bench, driver, host } = machine();
  const [queue] = driver.start(accepted, 8);
  for (let n = 0; n < 20_000; n++) {
    offer(queue!, { slot: 0, type: Type.read, sequence: 0, pieces: 1, length: 512 });
    driver.notify(0);
    if (driver.status !== 15) break;
  }
  t.is(host.most, mostRequests);
  await bench.advance(10_000_000);
  t.is(host.outstanding, 0);
});

test('what a reset gives up still counts until it is over, takes no memory and is not begun', async t => {
  const before = process.memoryUsage().arrayBuffers;
  let memory = 0;
  for (const type of [Type.read, Type.write]) {
    const { bench, driver, host } = machine();
    for (let n = 0; n < 40; n++) {
      const [queue] = driver.start(accepted, 16);
      for (let slot = 0; slot < 16; slot++) offer(queue!, { slot, type, sequence: slot, pieces: 14, length: 0x8_0000 });
      driver.notify(0);
      memory = Math.max(memory, process.memoryUsage().arrayBuffers - before);
    }
    t.true(host.most <= mostRequests, `${host.most}`);
    t.true(memory < 2 ** 29, `${memory} bytes`);
    driver.status = 0;
    await bench.advance(100_000_000);
    t.is(host.outstanding, 0);
    t.deepEqual(host.log, [], 'nobody waited for any of it');
    const [queue] = driver.start(accepted, 16);
    offer(queue!, { slot: 3, type, sequence: 5, pieces: 14, length: 0x8_0000 });
    driver.notify(0);
    await bench.advance(100_000_000);
    t.is(queue!.used().length, 1);
    t.is(bench.memory.read8(statuses + 3), Outcome.ok);
    t.is(host.log.length, Math.ceil((14 * 0x8_0000) / pieceLength));
    t.is(host.largest, pieceLength);
  }
});

test('in real time it is the host that ends requests, and a slow one is no way around it', async t => {
  const { bench, driver, host } = machine();
  const immediate = new ImmediateHostTasks();
  const { promise: slow, resolve } = Promise.withResolvers<void>();
  bench.tasks.perform = (work, latency, done) => {
    host.most = Math.max(host.most, ++host.outstanding);
    const late = slow.then(() => work);
    immediate.perform(late, latency, result => {
      host.outstanding--;
      done(result);
    });
  };
  for (let n = 0; n < 100; n++) {
    const [queue] = driver.start(accepted, 16);
    for (let slot = 0; slot < 16; slot++) {
      offer(queue!, { slot, type: Type.write, sequence: slot, pieces: 14, length: 0x8_0000 });
      driver.notify(0);
    }
  }
  const [queue] = driver.start(accepted, 16);
  offer(queue!, { slot: 0, type: Type.read, sequence: 7, pieces: 1, length: 512 });
  driver.notify(0);
  t.is(host.most, mostRequests);
  t.is(host.outstanding, mostRequests);
  resolve();
  while (host.outstanding > 0) await new Promise(resolve => setImmediate(resolve));
  t.deepEqual(queue!.used(), [{ head: 0, written: 513 }]);
  // What the host had begun before the first reset.
  t.true(host.log.length <= 2);
});

test('a long request is done by pieces, at the moment at which it would be done at once', async t => {
  const { bench, driver, host } = machine();
  const [queue] = driver.start(accepted, 16);
  offer(queue!, { slot: 0, type: Type.read, sequence: 1, pieces: 14, length: 0x8_0000 });
  offer(queue!, { slot: 1, type: Type.read, sequence: 2, pieces: 1, length: 512 });
  driver.notify(0);
  const length = 16 + 14 * 0x8_0000 + 1;
  await bench.advance(20_000 + Math.ceil(length / 2) - 1);
  t.deepEqual(queue!.used(), []);
  await bench.advance(1);
  t.deepEqual(queue!.used(), [{ head: 0, written: length - 16 }]);
  await bench.advance(30_000);
  t.deepEqual(queue!.used(), [{ head: 1, written: 513 }]);
  t.deepEqual(host.log, [1, 1, 1, 1, 2], 'none overtakes it');
});

test('a piece that fails ends the request when it is due', async t => {
  const { bench, driver, host } = machine();
  const [queue] = driver.start(accepted, 16);
  offer(queue!, { slot: 0, type: Type.read, sequence: 2 ** 26 - 1, pieces: 15, length: 0x8_0000 });
  bench.memory.write64(headers + 8, 2n ** 41n - 5n);
  driver.notify(0);
  await bench.advance(20_000);
  t.deepEqual(queue!.used(), [], 'it is beyond the end of the disk');
  await bench.advance(100_000_000);
  t.deepEqual(queue!.used(), [{ head: 0, written: pieceLength }]);
  t.is(bench.memory.read8(statuses), Outcome.ioError);
  t.deepEqual(host.log, []);
});

test('saved while a reset’s leavings count, another machine goes on at the same moments', async t => {
  const first = machine();
  const fill = ({ driver }: typeof first) => {
    const [queue] = driver.start(accepted, 128);
    for (let slot = 0; slot < 100; slot++) {
      offer(queue!, { slot, type: Type.read, sequence: slot, pieces: 1, length: 512 * (slot + 1) });
    }
    driver.notify(0);
  };
  fill(first);
  await first.bench.advance(5_000);
  fill(first);
  const other = machine();
  other.bench.time.ticks = first.bench.time.ticks;
  for (const [name, device] of Object.entries(first.bench.devices)) other.bench.devices[name].restore(device.save());
  other.bench.ram.set(first.bench.ram);
  t.deepEqual(other.bench.devices.disk!.save(), first.bench.devices.disk!.save());
  for (let n = 0; n < 400; n++) {
    for (const { bench } of [first, other]) await bench.advance(500);
    t.true(Buffer.from(other.bench.ram).equals(first.bench.ram), `${n}`);
  }
  t.is(first.bench.memory.read16(0x1_0000 + 16 * 128 + 264 + 2), 100);
});

/** mulberry32 */
function random(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b_79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) % below;
  };
}

test('whatever a guest does, requests are bounded, each is answered once, and none overtakes another', async t => {
  const below = random(2026);
  const types = [Type.read, Type.write, Type.flush, Type.getId, Type.writeZeroes, 77];
  const { bench, driver, host } = machine(true);
  let [queue] = driver.start(accepted, 128);
  let open = new Set<number>();
  let sequence = 1;
  let answered = 0;
  let checked = 0;
  const collect = () => {
    for (const { head } of queue!.used()) {
      if (!open.delete(head)) t.fail(`${head} was answered without being asked`);
      answered++;
    }
  };
  const inOrder = () => {
    for (let last = -1; checked < host.log.length; checked++) {
      if (host.log[checked] < last) t.fail(`${host.log[checked]} after ${last}`);
      last = host.log[checked];
    }
  };
  for (let operation = 0; operation < 60_000; operation++) {
    const slot = below(128);
    const dice = below(1000);
    if (dice < 850) {
      if (open.has(slot)) continue;
      const isLong = below(200) === 0;
      const shape = isLong ? { pieces: 14, length: 0x6_0000 } : { pieces: below(3), length: 512 * (1 + below(16)) };
      offer(queue!, { slot, type: types[below(types.length)], sequence: sequence++, ...shape });
      open.add(slot);
      if (below(4) === 0) driver.notify(0);
    } else if (dice < 985) {
      await bench.advance(below(40_000));
      collect();
    } else if (dice < 992) {
      inOrder();
      bench.write(4, 0x04, 2, 2);
      if (below(2)) await bench.advance(below(20_000));
      bench.write(4, 0x04, 6, 2);
      checked = host.log.length;
    } else if (dice < 997) {
      inOrder();
      collect();
      open = new Set();
      [queue] = driver.start(accepted, 128);
    } else {
      inOrder();
      bench.devices.disk!.restore(bench.devices.disk!.save());
      checked = host.log.length;
    }
  }
  driver.notify(0);
  await bench.advance(1_000_000_000);
  collect();
  t.is(driver.status, 15);
  t.is(open.size, 0);
  t.true(answered > 20_000, `${answered}`);
  t.is(host.outstanding, 0);
  // A restore does not know what was begun before it.
  t.true(host.most <= 2 * mostRequests, `${host.most}`);
  t.true(host.largest <= pieceLength && enoughBytes >= pieceLength);
});
