import test from 'ava';
import { Pic } from '#devices';
import { TestBoard } from '../support.ts';

/** As Linux's init_8259A does it. */
function initialized(end = 0x01, slaveEnd = 0x01) {
  const board = new TestBoard();
  const pic = board.add('pic', Pic, {});
  for (const [port, value] of [
    [0x20, 0x11],
    [0x21, 0x30],
    [0x21, 0x04],
    [0x21, end],
    [0xa0, 0x11],
    [0xa1, 0x38],
    [0xa1, 0x02],
    [0xa1, slaveEnd],
    [0x21, 0x00],
    [0xa1, 0x00],
  ] as const)
    board.out(port, value);
  const lines = Array.from({ length: 16 }, (_, index) => board.board.wires.line(`pic@${index}`));
  return { board, pic, irq: (index: number) => lines[index] };
}

test('an interrupt comes with its vector, and once', t => {
  const { board, irq } = initialized();
  irq(4).pulse();
  t.is(board.take(), 0x34);
  t.is(board.take(), undefined);
});

test('the slave comes through input 2', t => {
  const { board, irq } = initialized();
  irq(12).pulse();
  t.is(board.take(), 0x3c);
  board.out(0x20, 0x0b);
  board.out(0xa0, 0x0b);
  t.is(board.in(0x20), 0x04);
  t.is(board.in(0xa0), 0x10);
});

test('what is in service holds back its like and lower, not higher', t => {
  const { board, irq } = initialized();
  irq(4).pulse();
  t.is(board.take(), 0x34);
  irq(5).pulse();
  t.is(board.take(), undefined);
  irq(1).pulse();
  t.is(board.take(), 0x31);
  board.out(0x20, 0x61);
  t.is(board.take(), undefined);
  board.out(0x20, 0x64);
  t.is(board.take(), 0x35);
});

test('the non-specific end ends the highest', t => {
  const { board, irq } = initialized();
  irq(4).pulse();
  board.take();
  irq(1).pulse();
  board.take();
  board.out(0x20, 0x20);
  board.out(0x20, 0x0b);
  t.is(board.in(0x20), 0x10);
});

test('the slave interrupts again after its end though the master saw no second edge from outside', t => {
  const { board, irq } = initialized();
  irq(9).pulse();
  irq(12).pulse();
  t.is(board.take(), 0x39);
  t.is(board.take(), undefined);
  board.out(0xa0, 0x20);
  board.out(0x20, 0x20);
  t.is(board.take(), 0x3c);
});

test('a request that goes away before the acknowledge is spurious interrupt 7, not in service', t => {
  const { board, pic, irq } = initialized();
  board.out(0x4d0, 0x20);
  irq(5).assert();
  t.true(pic.pending);
  irq(5).deassert();
  t.is(pic.acknowledge(), 0x37);
  board.out(0x20, 0x0b);
  t.is(board.in(0x20), 0);
});

test('a request that goes away inside the slave is spurious interrupt 15, for which the master has 2 in service', t => {
  const { board, pic, irq } = initialized();
  board.out(0x4d1, 0x08);
  irq(11).assert();
  // The master has latched the edge of the slave's INT; masked and unmasked again, the slave has nothing any more.
  irq(11).deassert();
  t.is(pic.acknowledge(), 0x3f);
  board.out(0x20, 0x0b);
  board.out(0xa0, 0x0b);
  t.is(board.in(0x20), 0x04);
  t.is(board.in(0xa0), 0);
});

test('a level-triggered input interrupts until it falls', t => {
  const { board, irq } = initialized();
  board.out(0x4d1, 0xff);
  t.is(board.in(0x4d1), 0xde, 'inputs 8 and 13 cannot be level-triggered');
  irq(11).assert();
  t.is(board.take(), 0x3b);
  board.out(0xa0, 0x63);
  board.out(0x20, 0x62);
  t.is(board.take(), 0x3b);
  irq(11).deassert();
  board.out(0xa0, 0x63);
  board.out(0x20, 0x62);
  t.is(board.take(), undefined);
});

test('masks hold back, and latch', t => {
  const { board, irq } = initialized();
  board.out(0x21, 0x10);
  irq(4).pulse();
  t.is(board.take(), undefined);
  t.is(board.in(0x20), 0x10, 'IRR');
  board.out(0x21, 0x00);
  t.is(board.take(), 0x34);
});

test('automatic end leaves nothing in service', t => {
  const { board, irq } = initialized(0x03);
  irq(4).pulse();
  t.is(board.take(), 0x34);
  irq(5).pulse();
  t.is(board.take(), 0x35);
});

test('rotation on the end makes the ended one the lowest', t => {
  const { board, irq } = initialized();
  irq(4).pulse();
  board.take();
  board.out(0x20, 0xa0);
  irq(4).pulse();
  irq(6).pulse();
  t.is(board.take(), 0x36);
});

test('the lowest priority can be set', t => {
  const { board, irq } = initialized();
  board.out(0x20, 0xc0 | 4);
  irq(0).pulse();
  irq(5).pulse();
  t.is(board.take(), 0x35);
});

test('the special mask lets lower ones through a masked one in service', t => {
  const { board, irq } = initialized();
  irq(1).pulse();
  t.is(board.take(), 0x31);
  irq(5).pulse();
  t.is(board.take(), undefined);
  board.out(0x21, 0x02);
  board.out(0x20, 0x68);
  t.is(board.take(), 0x35);
});

test('polling acknowledges', t => {
  const { board, irq } = initialized();
  board.out(0x20, 0x0c);
  t.is(board.in(0x20), 0);
  irq(3).pulse();
  board.out(0x20, 0x0c);
  t.is(board.in(0x20), 0x83);
  board.out(0x20, 0x0b);
  t.is(board.in(0x20), 0x08);
});

test('the slave falls during the acknowledge, so its next request is an edge even without an end', t => {
  const { board, irq } = initialized(0x03, 0x03);
  irq(9).pulse();
  irq(12).pulse();
  t.is(board.take(), 0x39);
  t.is(board.take(), 0x3c);
});

test('rotation in automatic end mode', t => {
  const { board, irq } = initialized(0x03);
  board.out(0x20, 0x80);
  irq(4).pulse();
  t.is(board.take(), 0x34);
  irq(4).pulse();
  irq(6).pulse();
  t.is(board.take(), 0x36);
});

test('special fully nested: a higher request of the same slave comes through', t => {
  const { board, irq } = initialized(0x11);
  irq(12).pulse();
  t.is(board.take(), 0x3c);
  irq(9).pulse();
  t.is(board.take(), 0x39);
});

test('special fully nested: lower inputs of the master wait all the same', t => {
  const { board, irq } = initialized(0x11);
  irq(12).pulse();
  t.is(board.take(), 0x3c);
  irq(4).pulse();
  t.is(board.take(), undefined);
  board.out(0xa0, 0x20);
  board.out(0x20, 0x20);
  t.is(board.take(), 0x34);
});

test('inputs that firmware has made level-triggered are so after every reset', t => {
  const board = new TestBoard();
  const pic = board.add('pic', Pic, { level: [5, 10, 11] });
  board.out(0x4d0, 0);
  board.out(0x4d1, 0);
  pic.reset();
  t.is(board.in(0x4d0, 2), 0x0c20);
});
