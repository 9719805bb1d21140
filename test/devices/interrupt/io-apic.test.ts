import test from 'ava';
import { IoApic, IsaInterrupts, LocalApic, Pic } from '#devices';
import { source, TestBoard } from '../support.ts';

const base = 0xfec0_0000;
const eoi = 0xfee0_00b0;

function machine(processors = 1) {
  const board = new TestBoard(processors);
  board.add('lapic', LocalApic, {});
  const ioapic = board.add('ioapic', IoApic, { id: 3 });
  for (let processor = 0; processor < processors; processor++) board.store(0xfee0_00f0, 0x1ff, processor);
  const write = (register: number, value: number) => {
    board.store(base, register);
    board.store(base + 0x10, value);
  };
  const read = (register: number) => {
    board.store(base, register);
    return board.load(base + 0x10);
  };
  const route = (pin: number, low: number, destination = 0) => {
    write(0x11 + 2 * pin, (destination << 24) >>> 0);
    write(0x10 + 2 * pin, low);
  };
  return { board, ioapic, read, write, route, line: (pin: number) => source(board, `ioapic@${pin}`) };
}

test('says what it is', t => {
  const { read } = machine();
  t.is(read(0), 0x0300_0000);
  t.is(read(1), 0x0017_0020);
  t.is(read(0x10), 0x0001_0000, 'masked after reset');
});

test('an edge interrupts once', t => {
  const { board, route, line } = machine();
  route(4, 0x34);
  const com1 = line(4);
  com1.assert();
  t.is(board.take(), 0x34);
  board.store(eoi, 0);
  t.is(board.take(), undefined);
  com1.deassert();
  com1.assert();
  t.is(board.take(), 0x34);
});

test('an edge on a masked pin is lost, a level is not', t => {
  const { board, route, line } = machine();
  route(4, 0x1_0034);
  route(5, 0x1_8035);
  line(4).assert();
  line(5).assert();
  route(4, 0x34);
  t.is(board.take(), undefined);
  route(5, 0x8035);
  t.is(board.take(), 0x35);
});

test('a level interrupts again after each end, as long as it lasts', t => {
  const { board, read, route, line } = machine();
  route(16, 0xa041);
  const pci = line(16);
  pci.assert();
  t.is(board.take(), 0x41);
  t.is(read(0x30) & 0x4000, 0x4000, 'remote IRR');
  t.is(board.take(), undefined);
  board.store(eoi, 0);
  t.is(board.take(), 0x41);
  pci.deassert();
  board.store(eoi, 0);
  t.is(board.take(), undefined);
  t.is(read(0x30) & 0x4000, 0);
});

test('two devices share a level-triggered pin', t => {
  const { board, route, line } = machine();
  route(16, 0xa041);
  const [one, other] = [line(16), line(16)];
  one.assert();
  other.assert();
  t.is(board.take(), 0x41);
  one.deassert();
  board.store(eoi, 0);
  t.is(board.take(), 0x41, 'the other still asserts it');
  other.deassert();
  board.store(eoi, 0);
  t.is(board.take(), undefined);
});

test('the EOI register ends by vector, and so does a change to edge and back', t => {
  const { board, read, route, line } = machine();
  route(16, 0xa041);
  line(16).assert();
  board.take();
  board.store(base + 0x40, 0x99);
  t.is(read(0x30) & 0x4000, 0x4000);
  route(16, 0x1_a041);
  board.store(base + 0x40, 0x41);
  t.is(read(0x30) & 0x4000, 0);
  route(16, 0xa041);
  t.is(read(0x30) & 0x4000, 0x4000);
  route(16, 0x1_2041);
  t.is(read(0x30) & 0x4000, 0);
});

test('a level that nobody has accepted is no interrupt under way, and outlives a reset', t => {
  const { board, ioapic, read, route, line } = machine();
  board.store(0xfee0_00f0, 0xff);
  route(5, 0x8045);
  line(5).assert();
  t.is(read(0x10 + 2 * 5) & 0x4000, 0);
  board.store(0xfee0_00f0, 0x1ff);
  route(5, 0x8045);
  t.is(board.take(), 0x45);
  t.is(read(0x10 + 2 * 5) & 0x4000, 0x4000);
  board.store(eoi, 0);
  t.is(board.take(), 0x45, 'it lasts');
  ioapic.reset();
  board.store(eoi, 0);
  route(5, 0x8046);
  t.is(board.take(), 0x46);
});

test('an end is for all pins of the vector', t => {
  const { board, read, route, line } = machine();
  for (const pin of [5, 6]) {
    route(pin, 0x8045);
    const short = line(pin);
    short.assert();
    short.deassert();
  }
  t.is(board.take(), 0x45);
  board.store(eoi, 0);
  t.deepEqual(
    [5, 6].map(pin => read(0x10 + 2 * pin) & 0x4000),
    [0, 0],
  );
});

test('read-only bits stay', t => {
  const { read, write } = machine();
  write(0x12, 0xffff_ffff);
  t.is(read(0x12), 0x0001_afff);
  write(0x13, 0xffff_ffff);
  t.is(read(0x13), 0xff00_0000);
  write(1, 0);
  t.is(read(1), 0x0017_0020);
});

test('finds processors by number, by logical mask and all together', t => {
  const { board, route, line } = machine(3);
  for (const processor of [0, 1, 2]) {
    board.store(0xfee0_00e0, 0xffff_ffff, processor);
    board.store(0xfee0_00d0, (1 << (24 + processor)) >>> 0, processor);
  }
  const taken = () => [0, 1, 2].map(processor => board.take(processor));
  route(10, 0x60, 2);
  line(10).assert();
  t.deepEqual(taken(), [undefined, undefined, 0x60]);
  route(11, 0x0871, 0b011);
  line(11).assert();
  t.deepEqual(taken(), [0x71, 0x71, undefined]);
  route(12, 0x0982, 0b110);
  line(12).assert();
  t.deepEqual(
    taken(),
    [undefined, undefined, 0x82],
    'lowest priority picks one: processor 2 serves 0x60, 1 serves 0x71',
  );
  route(13, 0x93, 0xff);
  line(13).assert();
  t.deepEqual(taken(), [0x93, 0x93, 0x93]);
});

test('delivers NMI and INIT', t => {
  const { board, route, line } = machine(2);
  route(20, 0x0400, 1);
  line(20).assert();
  t.true(board.board.controllers.of(1).nmiPending);
  t.false(board.board.controllers.of(0).nmiPending);
  route(21, 0x0500, 1);
  line(21).assert();
  t.deepEqual(board.log, ['init 1']);
});

test('an ExtINT entry takes the vector from the PIC', t => {
  const { board, route } = machine();
  board.add('pic', Pic, { output: 'ioapic@0' });
  for (const [port, value] of [
    [0x20, 0x11],
    [0x21, 0x30],
    [0x21, 4],
    [0x21, 1],
  ] as const)
    board.out(port, value);
  board.store(0xfee0_0350, 0x1_0000);
  route(0, 0x0700);
  const timer = source(board, 'pic@0');
  timer.pulse();
  t.is(board.take(), 0x30);
  // LINT0, once open, says what waits already.
  let heard = 0;
  board.out(0x20, 0x20);
  route(0, 0x1_0700);
  timer.pulse();
  board.board.controllers.of(0).onChange = () => heard++;
  board.store(0xfee0_0350, 0x700);
  t.is(heard, 1);
  t.is(board.take(), 0x30);
  board.store(0xfee0_0350, 0x1_0000);
  route(0, 0x0700);
  board.out(0x20, 0x20);
  timer.pulse();
  t.is(board.take(), 0x30);
  // Each message is for one interrupt.
  route(0, 0x1_0700);
  board.out(0x20, 0x20);
  timer.pulse();
  t.is(board.take(), undefined);
  route(0, 0x8700);
  t.is(board.take(), 0x30);
});

test('ISA interrupts reach both controllers, 0 on pin 2', t => {
  const { board, route } = machine();
  board.add('isa', IsaInterrupts, {});
  board.add('pic', Pic, {});
  route(2, 0x30);
  source(board, 'isa@0').assert();
  source(board, 'isa@4').assert();
  t.is(board.take(), 0x30);
  t.is(board.in(0x20), 0x11, 'IRR of the PIC');
});

test('its page is aligned and where ACPI can name it', t => {
  for (const base of [0xfec0_0004, 2 ** 32]) {
    t.throws(() => new TestBoard().add('ioapic', IoApic, { base }), { code: 'bad-option', message: /ioapic\.base/ });
  }
});
