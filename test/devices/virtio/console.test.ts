import test from 'ava';
import { MemoryStream } from '#core';
import { VirtioConsole } from '#devices';
import { PciBench } from '../pci/support.ts';
import { Driver } from './driver.ts';

function machine() {
  const bench = new PciBench();
  const stream = new MemoryStream();
  const device = bench.add('hvc', VirtioConsole, { slot: '00:05.0', stream });
  bench.powerOn();
  return { bench, stream, device, driver: new Driver(bench, 5) };
}

const put = (bench: PciBench, at: number, text: string): number => {
  const bytes = new TextEncoder().encode(text);
  bench.memory.write(at, bytes);
  return bytes.length;
};

const get = (bench: PciBench, at: number, length: number): string =>
  new TextDecoder().decode(bench.ram.slice(at, at + length));

test('prints what is transmitted', t => {
  const { bench, stream, driver } = machine();
  const [, transmit] = driver.start();
  const length = put(bench, 0x5_0000, 'hello, ');
  const more = put(bench, 0x6_0000, 'world\n');
  transmit!.submit({ at: 0x5_0000, length }, { at: 0x6_0000, length: more });
  t.is(stream.text, 'hello, world\n');
  t.deepEqual(transmit!.used(), [{ head: 0, written: 0 }]);
});

test('input fills the buffers that are there, and waits for more', t => {
  const { bench, stream, driver } = machine();
  stream.type('early ');
  const [receive] = driver.start();
  receive!.submit({ at: 0x5_0000, length: 8, writable: true });
  t.deepEqual(receive!.used(), [{ head: 0, written: 6 }]);
  stream.type('much more');
  receive!.submit({ at: 0x6_0000, length: 4, writable: true });
  t.is(get(bench, 0x6_0000, 4), 'much');
  receive!.submit({ at: 0x6_0000, length: 64, writable: true });
  t.deepEqual(
    receive!.used().map(({ written }) => written),
    [4, 5],
  );
  t.is(get(bench, 0x6_0000, 5), ' more');
  receive!.submit({ at: 0x7_0000, length: 64, writable: true });
  driver.interruptStatus();
  stream.type('x');
  t.is(driver.interruptStatus(), 1);
  t.is(get(bench, 0x7_0000, 1), 'x');
});

test('input waits while the device may not use memory', t => {
  const { bench, stream, driver } = machine();
  const [receive] = driver.start();
  receive!.submit({ at: 0x5_0000, length: 8, writable: true });
  bench.write(5, 0x04, 2, 2);
  stream.type('later');
  t.is(bench.memory.read8(0x5_0000), 0);
  t.deepEqual(receive!.used(), []);
  bench.write(5, 0x04, 6, 2);
  t.is(get(bench, 0x5_0000, 5), 'later');
  t.deepEqual(receive!.used(), [{ head: 0, written: 5 }]);
});

test('last words need no queue', t => {
  const { bench, stream, driver } = machine();
  t.true(driver.offers(2));
  bench.store(driver.structures[4].at + 8, '!'.charCodeAt(0));
  t.is(stream.text, '!');
});

test('what waits is saved', t => {
  const { stream, device } = machine();
  stream.type('abc');
  const other = machine();
  other.device.restore(device.save());
  const [receive] = other.driver.start();
  receive!.submit({ at: 0x5_0000, length: 8, writable: true });
  t.is(get(other.bench, 0x5_0000, 3), 'abc');
});

test('a power-on forgets what was typed', t => {
  const { bench, stream, driver } = machine();
  stream.type('abc');
  bench.powerOn();
  const [receive] = driver.start();
  receive!.submit({ at: 0x5_0000, length: 8, writable: true });
  t.deepEqual(receive!.used(), []);
});

test('a megabyte waits, and no more; the sender hears how much was taken', t => {
  const { bench, device, driver } = machine();
  const most = 2 ** 20;
  const text = (from: number, length: number) => Uint8Array.from({ length }, (_, at) => (from + at) % 251);
  t.is(device.input(text(0, most - 10)), most - 10);
  t.is(device.input(text(most - 10, 100)), 10);
  t.is(device.input('lost'), 0);
  const [receive] = driver.start();
  let taken = 0;
  while (taken < most) {
    receive!.submit({ at: 0x5_0000, length: 1000, writable: true });
    const [{ written } = { written: 0 }] = receive!.used();
    if (!Buffer.from(text(taken, written)).equals(bench.ram.subarray(0x5_0000, 0x5_0000 + written))) t.fail(`${taken}`);
    taken += written;
  }
  t.is(taken, most);
  t.is(device.input('again'), 5);
});

test('one notification prints no more than a queue’s places times 64 KiB', t => {
  const { stream, driver } = machine();
  t.is(driver.readCommon('queueSize', 2), 64);
  const [, transmit] = driver.start();
  transmit!.submit({ at: 0x2_0000, length: 0x1_0000 });
  t.is(stream.bytes.length, 0x1_0000);
  transmit!.submit({ at: 0x2_0000, length: 0x1_0000 }, { at: 0x2_0000, length: 1 });
  t.is(stream.bytes.length, 0x1_0000);
  t.is(driver.status, 0x4f, 'a longer chain breaks the rules');
});
