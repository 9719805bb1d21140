import test from 'ava';
import { componentName, MachineError, MemoryDisk } from '#core';
import { PciHost, VirtioBlock, VirtioConsole, VirtioRng } from '#devices';
import { PciBench } from './support.ts';

const disk = () => new MemoryDisk(new Uint8Array(4096));

const full = () => {
  const bench = new PciBench();
  bench.add('rng', VirtioRng, { slot: '00:02.0' });
  bench.add('disk', VirtioBlock, { slot: '00:03.0', disk: disk() });
  bench.add('hvc', VirtioConsole, { slot: '00:03.1' });
  return bench.powerOn();
};

test('the probes by which Linux finds mechanism #1', t => {
  const { board } = new PciBench().powerOn();
  board.ports.write(0xcfb, 1, 1);
  board.ports.write(0xcf8, 4, 0x8000_0000);
  t.is(board.ports.read(0xcf8, 4), 0x8000_0000);
  t.is(board.ports.read(0xcfc, 4), 0x1237_8086);
  t.is(board.ports.read(0xcfe, 2), 0x1237);
  t.is(board.ports.read(0xcff, 1), 0x12);
  board.ports.write(0xcf8, 4, 0x8000_0008);
  t.is(board.ports.read(0xcfe, 2), 0x0600, 'a host bridge');
});

test('nothing answers without the enable bit, on empty slots and on other buses', t => {
  const { board } = full();
  for (const address of [0x0000_1000, 0x8000_f800, 0x8001_0000, 0x8080_0000, 0x8000_1100]) {
    board.ports.write(0xcf8, 4, address);
    t.is(board.ports.read(0xcfc, 4), 0xffff_ffff, address.toString(16));
  }
});

test('bytes of the address register belong to others', t => {
  const { board } = full();
  board.ports.claim(0xcf9, { name: 'reset', read8: () => 0x42 });
  board.ports.write(0xcf8, 4, 0x8000_1000);
  t.is(board.ports.read(0xcf9, 1), 0x42);
  t.is(board.ports.read(0xcf8, 4), 0x8000_1000);
});

/** Header as lspci -x prints it; offsets of virtio 1.2, 4.1.2 and PCI 3.0, figure 6-1. */
test('a header as lspci shows it', t => {
  const bench = full();
  const line = (from: number) =>
    Array.from({ length: 16 }, (_, index) =>
      bench
        .read(2, from + index, 1)
        .toString(16)
        .padStart(2, '0'),
    ).join(' ');
  t.is(line(0x00), 'f4 1a 44 10 02 00 10 00 01 00 ff 00 00 00 00 00');
  t.is(line(0x10), '00 00 00 c0 00 c0 00 c0 00 00 00 00 00 00 00 00');
  t.is(line(0x20), '00 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11');
  t.is(line(0x30), '00 00 00 00 40 00 00 00 00 00 00 00 12 01 00 00');
});

test('firmware gives distinct, aligned addresses inside the window, and lets them decode', t => {
  const bench = full();
  const { base, size } = PciHost.memoryWindow;
  const windows = [
    [2, 0],
    [3, 0],
    [3, 1],
  ].flatMap(([slot, fn]) =>
    [
      [0x10, 0x4000],
      [0x14, 0x1000],
    ].map(([register, length]) => ({ at: bench.read(slot!, register!, 4, fn), length: length! })),
  );
  for (const { at, length } of windows) {
    t.is(at % length, 0);
    t.true(at >= base && at + length <= base + size);
  }
  windows.sort((left, right) => left.at - right.at);
  windows.reduce((before, next) => {
    t.true(before.at + before.length <= next.at);
    return next;
  });
  t.is(bench.read(3, 0x04, 2) & 7, 2);
  t.is(bench.read(2, 0x3c, 1), 18, 'interrupt line: slot 2, INTA');
  t.is(bench.read(3, 0x3c, 1, 1), 19);
});

test('sizing a BAR', t => {
  const bench = full();
  const before = bench.read(2, 0x10);
  bench.write(2, 0x10, 0xffff_ffff);
  t.is(bench.read(2, 0x10), 0xffff_c000);
  bench.write(2, 0x10, before);
  t.is(bench.read(2, 0x10), before);
  bench.write(2, 0x18, 0xffff_ffff);
  t.is(bench.read(2, 0x18), 0, 'no such BAR');
  bench.write(2, 0x30, 0xffff_ffff);
  t.is(bench.read(2, 0x30), 0, 'no ROM');
});

test('a BAR answers where it is, when it may', t => {
  const bench = full();
  const base = bench.read(3, 0x10);
  const queues = (at: number) => bench.load(at + 0x12, 2);
  t.is(queues(base), 1);
  bench.write(3, 0x04, 0, 2);
  t.is(queues(base), 0xffff, 'memory decoding is off');
  bench.write(3, 0x10, 0xd000_0000);
  bench.write(3, 0x04, 2, 2);
  t.is(queues(0xd000_0000), 1);
  t.is(queues(base), 0xffff);
});

test('BARs on top of each other: one of them answers, and the other when it is gone', t => {
  const bench = full();
  const [rng, disk] = [bench.read(2, 0x10), bench.read(3, 0x10)];
  bench.write(3, 0x10, rng);
  t.is(bench.load(disk + 0x12, 2), 0xffff);
  t.is(bench.load(rng + 0x2000), 0, 'the rng has no configuration');
  bench.write(2, 0x10, 0xd000_0000);
  t.is(bench.load(rng + 0x2000), 8, 'sectors of the disk');
});

test('a BAR over a chip that was there first gets nothing', t => {
  const bench = full();
  bench.board.mmio.claim(
    { base: 0xfec0_0000, length: 0x1000 },
    { name: 'chip', read: (_o, _s, view) => view.setUint32(0, 7, true), write() {} },
  );
  bench.write(2, 0x10, 0xfec0_0000);
  t.is(bench.load(0xfec0_0000), 7);
});

test('read-only registers stay, the multi-function bit is told', t => {
  const bench = full();
  for (let register = 0; register < 0x40; register += 4) bench.write(2, register, 0xffff_ffff);
  t.is(bench.read(2, 0), 0x1044_1af4);
  t.is(bench.read(2, 8), 0x00ff_0001);
  t.is(bench.read(2, 0x0e, 1), 0);
  t.is(bench.read(3, 0x0e, 1), 0x80);
  t.is(bench.read(3, 0x0e, 1, 1), 0x80);
  t.is(bench.read(2, 0x3d, 1), 1);
});

test('the capabilities list: MSI-X, then what virtio wants', t => {
  const bench = full();
  const list: [number, number][] = [];
  for (let at = bench.read(3, 0x34, 1); at; at = bench.read(3, at + 1, 1)) {
    list.push([bench.read(3, at, 1), bench.read(3, at + 3, 1)]);
  }
  t.deepEqual(
    list.map(([id]) => id),
    [0x11, 9, 9, 9, 9, 9],
  );
  t.deepEqual(
    list.slice(1).map(([, type]) => type),
    [1, 3, 4, 2, 5],
  );
});

test('two functions in one slot, and a missing bridge, are mistakes of the profile', t => {
  const bench = full();
  const error = t.throws(() => bench.add('again', VirtioRng, { slot: '00:02.0' }), { instanceOf: MachineError });
  t.is(error.code, 'overlap');
  t.regex(error.message, /devices\.again\.slot.*again.*rng/);
  t.deepEqual(bench.board.wires.dangling, []);
  t.throws(() => bench.add('odd', VirtioRng, { slot: '00:22.0' }), { code: 'bad-option' });
  t.is(componentName(PciHost), 'device:pci-host');
});

test('saved and restored elsewhere, everything is where it was', t => {
  const bench = full();
  bench.write(3, 0x10, 0xd000_0000);
  bench.write(2, 0x3c, 5, 1);
  const saved = Object.entries(bench.devices).map(([name, device]) => [name, device.save()] as const);
  const other = full();
  for (const [name, state] of saved) other.devices[name].restore(state);
  t.is(other.load(0xd000_2000), 8);
  t.is(other.read(2, 0x3c, 1), 5);
  for (const [name, state] of saved) t.deepEqual(other.devices[name].save(), state);
});
