import test from 'ava';
import { AcpiPm, SystemPort } from '#devices';
import { TestBoard } from '../support.ts';

function machine(timerBits: 24 | 32 = 24) {
  const board = new TestBoard();
  let level = false;
  board.board.wires.provide('isa', 16, index => ({
    name: `isa@${index}`,
    assert: () => {
      level = true;
    },
    deassert: () => {
      level = false;
    },
    pulse: () => {},
  }));
  const acpi = board.add('acpi', AcpiPm, { timerBits });
  return { board, acpi, level: () => level };
}

test('sleep type 5 with SLP_EN switches off, others do not', t => {
  const { board } = machine();
  board.out(0x604, (3 << 10) | 0x2000, 2);
  board.out(0x604, 5 << 10, 2);
  t.deepEqual(board.log, []);
  t.is(board.in(0x604, 2), (5 << 10) | 1, 'SCI_EN stays, SLP_EN reads zero');
  board.out(0x604, (5 << 10) | 0x2001, 2);
  t.deepEqual(board.log, ['powerOff']);
});

test('the power button raises SCI until its status is cleared', t => {
  const { board, acpi, level } = machine();
  acpi.pressPowerButton();
  t.false(level());
  t.is(board.in(0x600, 2), 0x100);
  board.out(0x602, 0x100, 2);
  t.true(level());
  board.out(0x600, 0xfe, 1);
  t.true(level());
  board.out(0x601, 0x01, 1);
  t.false(level());
  t.is(board.in(0x600, 4), 0x0100_0000);
});

test('the timer counts 3579545 times a second, in 24 bits', t => {
  const { board } = machine();
  board.advance(1_000_000_000);
  t.is(board.in(0x608, 4), 3_579_545);
  board.advance(4_000_000_000);
  t.is(board.in(0x608, 4), (5 * 3_579_545) % 2 ** 24);
  t.is(board.in(0x609), (board.in(0x608, 4) >> 8) & 0xff);
});

test('the timer interrupts when its top bit changes', t => {
  const { board, level } = machine();
  board.out(0x602, 1, 2);
  board.advance(2_343_000_000);
  t.false(level());
  board.advance(1_000_000);
  t.true(level());
  t.is(board.in(0x600, 2), 1);
  board.out(0x600, 1, 2);
  t.false(level());
  board.advance(2_344_000_000);
  t.true(level());
});

test('32 bits if asked for', t => {
  const { board } = machine(32);
  board.advance(10_000_000_000);
  t.is(board.in(0x608, 4), 35_795_450);
});

test('the reset register', t => {
  const { board } = machine();
  board.out(0xcf9, 0x02);
  t.deepEqual(board.log, []);
  board.out(0xcf9, 0x06);
  t.deepEqual(board.log, ['reset']);
  board.board.ports.claim({ base: 0xcf8, length: 4, only: 4 }, { name: 'pci', read: () => 0x1234_5678 });
  t.is(board.in(0xcf8, 4), 0x1234_5678);
  t.is(board.in(0xcf9), 0x06);
});

test('port 0x92', t => {
  const board = new TestBoard();
  const system = board.add('system', SystemPort, {});
  t.is(board.in(0x92), 2);
  board.out(0x92, 0);
  t.false(board.board.a20.enabled);
  board.out(0x92, 3);
  t.true(board.board.a20.enabled);
  t.deepEqual(board.log, ['reset']);
  board.out(0x92, 0);
  system.reset();
  t.is(board.in(0x92), 2, 'as firmware leaves it');
});
