import test from 'ava';
import { Board, RamGuestMemory, registers32, VirtualClock, VirtualHostTasks } from '#core';
import { IoApic, PciHost, Pic } from '#devices';
import { type FunctionForm, PciFunction } from '../../../devices/pci/function.ts';
import { TestBoard } from '../support.ts';
import { PciBench } from './support.ts';

const scratch = () => {
  const words = new Map<number, number>();
  return registers32({
    name: 'scratch',
    read: offset => words.get(offset) ?? 0,
    write: (offset, value) => words.set(offset, value),
  });
};

/** A function with one window of each kind. */
const form: FunctionForm = {
  name: 'card',
  slot: '00:06.0',
  vendor: 0x1af4,
  device: 0x10f0,
  classCode: 0xff_0000,
  interruptPin: 2,
  bars: [
    { index: 0, kind: 'ports', size: 32, handler: { read: (offset, size) => offset * 16 + size, write() {} } },
    { index: 1, kind: 'memory', size: 0x100, handler: scratch() },
    { index: 2, kind: 'memory64', size: 0x1_0000, handler: scratch() },
  ],
};

function machine() {
  const bench = new PciBench();
  const card = new PciFunction(bench.board.pci, form);
  return { bench: bench.powerOn(), card };
}

test('every kind of window is sized, assigned and decoded', t => {
  const { bench } = machine();
  const bars = [0x10, 0x14, 0x18, 0x1c].map(register => bench.read(6, register));
  t.deepEqual(bars, [0xc001, 0xc001_0000, 0xc000_0004, 0]);
  t.is(bench.read(6, 4, 2), 3);
  t.is(bench.board.ports.read(0xc003, 1), 3 * 16 + 1);
  t.is(bench.board.ports.read(0xc01c, 4), 0x1c * 16 + 4);
  bench.store(0xc001_0000, 0x1234_5678);
  bench.store(0xc000_0010, 0x9abc_def0);
  t.is(bench.load(0xc001_0000), 0x1234_5678);
  t.is(bench.load(0xc000_0010), 0x9abc_def0);
  for (const [register, size] of [
    [0x10, 0xffff_ffe1],
    [0x14, 0xffff_ff00],
    [0x18, 0xffff_0004],
    [0x1c, 0xffff_ffff],
  ]) {
    bench.write(6, register!, 0xffff_ffff);
    t.is(bench.read(6, register!), size);
  }
});

test('a 64-bit window above 4 GiB; beyond 52 bits there is nothing', t => {
  const { bench } = machine();
  bench.store(0xc000_0010, 0x9abc_def0);
  bench.write(6, 0x1c, 8);
  t.is(bench.load(0x8_c000_0010), 0x9abc_def0);
  t.is(bench.load(0xc000_0010), 0xffff_ffff);
  bench.write(6, 0x1c, 0x10_0000);
  t.is(bench.load(0x8_c000_0010), 0xffff_ffff);
});

test('port windows: switched by their own bit, not over other chips, not above 64 Ki', t => {
  const { bench } = machine();
  const { ports } = bench.board;
  bench.write(6, 4, 2, 2);
  t.is(ports.read(0xc003, 1), 0xff);
  bench.write(6, 4, 3, 2);
  ports.claim(0x3f8, { name: 'com1', read8: () => 0x77 });
  bench.write(6, 0x10, 0x3e0);
  t.is(ports.read(0x3f8, 1), 0x77);
  t.is(ports.read(0x3e0, 1), 0xff, 'all of the window or nothing');
  bench.write(6, 0x10, 0x1_0000);
  t.is(ports.read(0, 1), 0xff);
  bench.write(6, 0x10, 0xd000);
  t.is(ports.read(0xd001, 1), 0x11);
  bench.write(6, 0x10, 0xffe0);
  t.is(ports.read(0xffe1, 1), 0x11, 'up to the last port');
});

test('what firmware assigns may fill a window to its end, and not beyond', t => {
  const bars = (size: number): NonNullable<FunctionForm['bars']> => [
    { index: 0, kind: 'ports', size, handler: { read: () => 0, write() {} } },
  ];
  const bench = new PciBench();
  new PciFunction(bench.board.pci, { ...form, bars: bars(0x4000) });
  bench.powerOn();
  t.is(bench.read(6, 0x10), 0xc001);
  new PciFunction(bench.board.pci, { ...form, name: 'other', slot: '00:07.0', bars: bars(16) });
  t.throws(() => bench.powerOn(), { code: 'does-not-fit', message: /ports of other/ });
});

test('MSI-X: silent pin while it is on; what comes without bus mastering waits, what comes while it is off is lost', t => {
  const bench = new PciBench();
  const card = new PciFunction(bench.board.pci, { ...form, msiX: { vectors: 2, bar: 4 } });
  bench.powerOn();
  const table = (bench.read(6, 0x20) & ~15) >>> 0;
  bench.store(table, 0xfee0_0000);
  bench.store(table + 8, 0x55);
  bench.store(table + 12, 0);
  bench.write(6, 4, 6, 2);
  card.msiX!.signal(0);
  bench.write(6, 0x42, 0x8000, 2);
  t.deepEqual(bench.messages, []);
  t.is(bench.load(table + 0x800), 0);

  bench.write(6, 4, 2, 2);
  card.msiX!.signal(0);
  t.is(bench.load(table + 0x800), 1, 'pending');
  t.deepEqual(bench.messages, []);
  bench.write(6, 4, 6, 2);
  t.deepEqual(
    bench.messages.map(({ vector }) => vector),
    [0x55],
  );
  t.is(bench.load(table + 0x800), 0);

  card.setInterrupt(true);
  t.false(bench.pins[3]);
  bench.write(6, 0x42, 0, 2);
  t.true(bench.pins[3]);
  bench.write(6, 0x42, 0x8000, 2);
  t.false(bench.pins[3]);
});

test('the pin: slot 6, INTB is the fourth wire', t => {
  const { bench, card } = machine();
  card.setInterrupt(true);
  t.deepEqual(bench.pins, [false, false, false, true]);
  t.is(bench.read(6, 0x3c, 1), 19);
  card.reset();
  t.false(bench.pins[3]);
});

test('a saved pin is asserted again', t => {
  const { card } = machine();
  card.setInterrupt(true);
  const other = machine();
  other.card.load(structuredClone(card.state));
  t.true(other.bench.pins[3]);
  t.is(other.bench.read(6, 0x10), 0xc001);
});

test('a function on a board without a bridge is a wire that leads nowhere', t => {
  const clock = new VirtualClock({ ticks: 0 });
  const board = new Board({
    clock,
    memory: new RamGuestMemory([{ base: 0, bytes: new Uint8Array(4096) }]),
    hostTasks: new VirtualHostTasks(clock),
    power: { powerOff() {}, reset() {}, exit() {} },
    processors: { count: 1, init() {}, startup() {} },
  });
  new PciFunction(board.pci, form);
  t.deepEqual(board.wires.dangling, ['pci-interrupts@3']);
});

test('an interrupt reaches the 8259s too, if it is wired to them, and the register says where', t => {
  const board = new TestBoard();
  board.add('pic', Pic, { level: [10, 11] });
  const ioapic = board.add('ioapic', IoApic, {});
  const card = new PciFunction(board.board.pci, form);
  board.add('pci', PciHost, { legacyIrqs: ['pic@10', 'pic@11', 'pic@5', 'pic@7'] });
  card.setInterrupt(true);
  // INTB of slot 6 is the last of the four.
  board.out(0x20, 0x0a);
  t.is(board.in(0x20), 0x80);
  t.true(ioapic.inspect().pins[19].asserted);
  t.is(card.readConfiguration(0x3c, 1), 7);
  card.setInterrupt(false);
  t.false(ioapic.inspect().pins[19].asserted);
  t.throws(() => board.add('again', PciHost, { legacyIrqs: ['pic@10'] }), {
    code: 'bad-option',
    message: /legacyIrqs/,
  });
});

test('a vector that the table does not have sends nothing', t => {
  const bench = new PciBench();
  const card = new PciFunction(bench.board.pci, { ...form, bars: [], msiX: { vectors: 2, bar: 0 } });
  bench.powerOn();
  const at = bench.read(6, 0x34, 1);
  bench.write(6, at, 0x8000_0000 | bench.read(6, at));
  bench.write(6, 4, 6, 2);
  const table = (bench.read(6, 0x10) & ~15) >>> 0;
  for (const vector of [0, 1]) {
    bench.store(table + 16 * vector, 0xfee0_0000);
    bench.store(table + 16 * vector + 8, 0x40 + vector);
    bench.store(table + 16 * vector + 12, 0);
  }
  for (const vector of [2, 0xffff, 1]) card.msiX!.signal(vector);
  t.deepEqual(
    bench.messages.map(({ vector }) => vector),
    [0x41],
  );
});
