import test from 'ava';
import { Rtc } from '#devices';
import { TestBoard } from '../support.ts';

const second = 1_000_000_000;

function machine() {
  const board = new TestBoard();
  let raised = 0;
  let level = false;
  board.board.wires.provide('isa', 16, index => ({
    name: `isa@${index}`,
    assert: () => {
      raised++;
      level = true;
    },
    deassert: () => {
      level = false;
    },
    pulse: () => raised++,
  }));
  board.add('rtc', Rtc, {});
  const read = (index: number) => {
    board.out(0x70, index);
    return board.in(0x71);
  };
  const write = (index: number, value: number) => {
    board.out(0x70, index);
    board.out(0x71, value);
  };
  const date = () => [0x32, 9, 8, 7, 4, 2, 0].map(index => read(index).toString(16).padStart(2, '0')).join(' ');
  return { board, read, write, date, raised: () => raised, level: () => level };
}

test('tells the date in BCD', t => {
  const { board, date, read } = machine();
  t.is(date(), '20 26 01 01 00 00 00');
  t.is(read(6), 5, 'a Thursday');
  t.is(read(0x0d), 0x80);
  board.advance(31 * 86_400 * second + 3_723 * second);
  t.is(date(), '20 26 02 01 01 02 03');
});

test('in binary, and by twelve hours', t => {
  const { board, read, write } = machine();
  board.advance((13 * 3600 + 59 * 60) * second);
  write(0x0b, 0x06);
  t.deepEqual([read(4), read(2)], [13, 59]);
  write(0x0b, 0x04);
  t.is(read(4), 0x81, '1 pm');
  write(0x0b, 0x00);
  t.is(read(4), 0x81);
});

test('can be set as Linux sets it', t => {
  const { board, read, write, date } = machine();
  board.advance(12_345_678);
  write(0x0b, read(0x0b) | 0x80);
  write(0x0a, read(0x0a) | 0x70);
  for (const [index, value] of [
    [9, 0x99],
    [8, 0x12],
    [7, 0x31],
    [4, 0x23],
    [2, 0x59],
    [0, 0x58],
    [0x32, 0x19],
  ] as const) {
    write(index, value);
  }
  board.advance(10 * second);
  t.is(date(), '19 99 12 31 23 59 58', 'held');
  write(0x0b, read(0x0b) & ~0x80);
  write(0x0a, 0x26);
  board.advance(0.49 * second);
  t.is(date(), '19 99 12 31 23 59 58');
  board.advance(0.02 * second);
  t.is(date(), '19 99 12 31 23 59 59', 'the divider begins at half a second');
  board.advance(1 * second);
  t.is(date(), '20 00 01 01 00 00 00');
});

test('announces an update 244 µs before', t => {
  const { board, read } = machine();
  board.advance(0.9997 * second);
  t.is(read(0x0a), 0x26);
  board.advance(0.0001 * second);
  t.is(read(0x0a), 0xa6);
  board.advance(0.0002 * second);
  t.is(read(0x0a), 0x26);
});

test('the update interrupt comes each second and lasts until register C is read', t => {
  const { board, read, write, raised, level } = machine();
  board.advance(0.5 * second);
  read(0x0c);
  write(0x0b, 0x12);
  board.advance(0.4999 * second);
  t.is(raised(), 0);
  board.advance(0.0002 * second);
  t.is(raised(), 1);
  board.advance(3 * second);
  t.is(raised(), 1);
  t.true(level());
  t.is(read(0x0c) & 0x90, 0x90);
  t.false(level());
  t.is(read(0x0c), 0);
  board.advance(second);
  t.is(raised(), 2);
});

test('the periodic interrupt at 1024 Hz', t => {
  const { board, read, write, raised } = machine();
  write(0x0b, 0x42);
  for (let step = 0; step < 10_000; step++) {
    board.advance(100_000);
    read(0x0c);
  }
  t.is(raised(), 1024);
});

test('flags come without their interrupts', t => {
  const { board, read, raised } = machine();
  read(0x0c);
  board.advance(second);
  t.is(read(0x0c), 0x50, 'periodic and update');
  t.is(raised(), 0);
});

test('the alarm interrupts at its time, or at any where it does not care', t => {
  const { board, read, write, raised } = machine();
  write(5, 0x06);
  write(3, 0x30);
  write(1, 0x00);
  read(0x0c);
  write(0x0b, 0x22);
  board.advance((6 * 3600 + 30 * 60 - 1) * second);
  t.is(raised(), 0);
  board.advance(1.001 * second);
  t.is(raised(), 1);
  t.is(read(0x0c) & 0xa0, 0xa0);
  write(5, 0xff);
  write(3, 0xff);
  board.advance(60 * second);
  t.is(raised(), 2);
});

test('CMOS memory holds sizes and what a guest puts there', t => {
  const { board, read, write } = machine();
  t.is(read(0x15) | (read(0x16) << 8), 640);
  t.is(read(0x17) | (read(0x18) << 8), 1024, '1 MiB above the first');
  write(0x40, 0xa5);
  board.out(0x70, 0xc0);
  t.is(board.in(0x71), 0xa5, 'bit 7 of the index masks NMI');
});

test('twelve o’clock, twice', t => {
  const { read, write } = machine();
  write(0x0b, 0x00);
  write(4, 0x92);
  write(0x0b, 0x06);
  t.is(read(4), 12);
  write(0x0b, 0x00);
  write(4, 0x12);
  write(0x0b, 0x06);
  t.is(read(4), 0);
});

test('by twelve hours, every hour can be set and is told', t => {
  const { read, write, board } = machine();
  for (let hour = 0; hour < 24; hour++) {
    write(0x0b, 0x80);
    const twelve = hour % 12 || 12;
    const bcd = (Math.floor(twelve / 10) << 4) | (twelve % 10) | (hour < 12 ? 0 : 0x80);
    write(4, bcd);
    write(0x0b, 0x00);
    board.advance(second);
    t.is(read(4), bcd, `${hour} in 12`);
    write(0x0b, 0x02);
    t.is(read(4), (Math.floor(hour / 10) << 4) | (hour % 10), `${hour} in 24`);
  }
});
