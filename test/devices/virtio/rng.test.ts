import test from 'ava';
import { SeededEntropy } from '#core';
import { VirtioRng } from '#devices';
import { PciBench } from '../pci/support.ts';
import { Driver } from './driver.ts';

test("fills buffers with the board's entropy", t => {
  const bench = new PciBench();
  bench.add('rng', VirtioRng, { slot: '00:02.0' });
  bench.powerOn();
  const driver = new Driver(bench, 2);
  t.false(4 in driver.structures, 'no configuration of its own');
  const [queue] = driver.start();
  queue!.submit({ at: 0x5_0000, length: 10, writable: true }, { at: 0x6_0000, length: 54, writable: true });
  t.deepEqual(queue!.used(), [{ head: 0, written: 64 }]);
  const expected = new Uint8Array(64);
  new SeededEntropy().fill(expected);
  const [first, second] = [bench.ram.slice(0x5_0000, 0x5_000a), bench.ram.slice(0x6_0000, 0x6_0036)];
  t.deepEqual(Uint8Array.from([...first, ...second]), expected);
  t.is(driver.interruptStatus(), 1);
});

test('a request for the whole of memory gets a portion', t => {
  const bench = new PciBench();
  bench.add('rng', VirtioRng, { slot: '00:02.0' });
  bench.powerOn();
  const [queue] = new Driver(bench, 2).start();
  queue!.submit({ at: 0x5_0000, length: 0xb_0000, writable: true });
  t.deepEqual(queue!.used(), [{ head: 0, written: 4096 }]);
  t.is(bench.ram[0x5_1000], 0);
});
