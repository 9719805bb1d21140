import test from 'ava';
import { Pit } from '#devices';
import { TestBoard } from '../support.ts';

const hertz = 1_193_182;

/** Just after so many input clocks. */
const clocks = (count: number) => Math.ceil((count * 1e9) / hertz);

function machine() {
  const board = new TestBoard();
  const edges: number[] = [];
  let level = false;
  board.board.wires.provide('isa', 16, index => ({
    name: `isa@${index}`,
    assert: () => {
      level = true;
      edges.push(board.time.ticks);
    },
    deassert: () => {
      level = false;
    },
    pulse: () => edges.push(board.time.ticks),
  }));
  board.add('pit', Pit, {});
  edges.length = 0;
  const program = (channel: number, mode: number, count: number) => {
    board.out(0x43, (channel << 6) | 0x30 | (mode << 1));
    board.out(0x40 + channel, count & 0xff);
    board.out(0x40 + channel, count >> 8);
  };
  const count = (channel: number) => {
    board.out(0x43, channel << 6);
    return board.in(0x40 + channel) | (board.in(0x40 + channel) << 8);
  };
  return { board, edges, program, count, level: () => level };
}

test('mode 2 interrupts at its rate: HZ=1000', t => {
  const { board, edges, program } = machine();
  program(0, 2, 1193);
  edges.length = 0;
  board.advance(100_000_000);
  t.is(edges.length, Math.floor(hertz / 10 / 1193));
  const gaps = edges.slice(1).map((at, index) => at - edges[index]);
  t.true(
    gaps.every(gap => Math.abs(gap - (1193 * 1e9) / hertz) <= 1),
    'each period right to the nanosecond',
  );
});

test('mode 3 interrupts at 18.2 Hz with count 0', t => {
  const { board, edges, program } = machine();
  program(0, 3, 0);
  edges.length = 0;
  board.advance(1_000_000_000);
  t.is(edges.length, 18);
});

test('mode 0 interrupts once, N + 1 clocks after the count', t => {
  const { board, edges, level, program } = machine();
  program(0, 0, 1000);
  t.false(level());
  board.advance(clocks(1001) - 1);
  t.deepEqual(edges, []);
  board.advance(1);
  t.deepEqual(edges, [clocks(1001)]);
  board.advance(1_000_000_000);
  t.is(edges.length, 1);
  t.true(level());
});

test('mode 4 strobes, mode 1 waits for its gate', t => {
  const { board, edges, program } = machine();
  program(0, 4, 100);
  edges.length = 0;
  board.advance(10_000_000);
  t.is(edges.length, 1);
  program(0, 1, 100);
  edges.length = 0;
  board.advance(10_000_000);
  t.deepEqual(edges, [], 'the gate of channel 0 is tied high and never rises');
});

test('counts can be latched and read while it runs', t => {
  const { board, count, program } = machine();
  program(0, 2, 50_000);
  board.advance(clocks(1) + clocks(12_345));
  const first = count(0);
  t.true(Math.abs(first - (50_000 - 12_345)) <= 1);
  board.out(0x43, 0x00);
  board.advance(clocks(5_000));
  board.out(0x43, 0x00);
  t.is(board.in(0x40) | (board.in(0x40) << 8), first, 'the first latch stays');
  t.true(Math.abs(count(0) - (first - 5_000)) <= 1);
});

test('mode 3 counts down by two, twice a period', t => {
  const { board, count, program } = machine();
  program(0, 3, 10_000);
  board.advance(clocks(1) + clocks(2_000));
  t.true(Math.abs(count(0) - 6_000) <= 2);
  board.advance(clocks(5_000));
  t.true(Math.abs(count(0) - 6_000) <= 4);
});

test('a new divisor waits for the end of the period', t => {
  const { board, edges, program } = machine();
  program(0, 2, 10_000);
  edges.length = 0;
  board.advance(clocks(1_000));
  board.out(0x40, 1_000 & 0xff);
  board.out(0x40, 1_000 >> 8);
  board.advance(clocks(8_990));
  t.is(edges.length, 0);
  board.advance(clocks(2_020));
  t.is(edges.length, 3);
});

test('BCD', t => {
  const { board } = machine();
  board.out(0x43, 0x31 | 4);
  board.out(0x40, 0x00);
  board.out(0x40, 0x10);
  board.advance(clocks(1) + clocks(1));
  board.out(0x43, 0x00);
  t.is(board.in(0x40) | (board.in(0x40) << 8), 0x0999);
});

test('the status repeats the control word to the bit, mode 6 included (data sheet, figure 12)', t => {
  const board = new TestBoard();
  board.add('pit', Pit, {});
  board.out(0x43, 0x7d);
  board.out(0x43, 0xe4);
  t.is(board.in(0x41), 0xc0 | 0x3d, 'OUT high, no count yet');
});

test('read-back gives status, then count', t => {
  const { board, program } = machine();
  program(0, 2, 0x1234);
  board.out(0x43, 0xc2);
  t.is(board.in(0x40), 0xf4, 'output high, null count, both bytes, mode 2');
  board.advance(clocks(2));
  t.is(board.in(0x40) | (board.in(0x40) << 8), 0x1234, 'the latched count');
  board.out(0x43, 0xe2);
  t.is(board.in(0x40), 0xb4, 'counting');
});

test('Linux calibrates its TSC with channel 2 through port 0x61', t => {
  const { board } = machine();
  const latch = Math.floor(hertz / (1000 / 10));
  board.out(0x61, (board.in(0x61) & ~0x02) | 0x01);
  board.out(0x43, 0xb0);
  board.out(0x42, latch & 0xff);
  board.out(0x42, latch >> 8);
  const start = board.time.ticks;
  let polls = 0;
  while ((board.in(0x61) & 0x20) === 0 && polls < 100_000) {
    board.advance(1_000);
    polls++;
  }
  const elapsed = board.time.ticks - start;
  t.true(Math.abs(elapsed - 10_000_000) < 3_000, `10 ms took ${elapsed} ns`);
});

test('Linux quick_pit_calibrate sees each high byte last for 256 clocks', t => {
  const { board } = machine();
  board.out(0x61, (board.in(0x61) & ~0x02) | 0x01);
  board.out(0x43, 0xb0);
  board.out(0x42, 0xff);
  board.out(0x42, 0xff);
  const highByte = () => {
    board.in(0x42);
    return board.in(0x42);
  };
  board.advance(clocks(2));
  const seen = new Map<number, number>();
  for (let poll = 0; poll < 2_000; poll++) {
    const high = highByte();
    seen.set(high, (seen.get(high) ?? 0) + 1);
    board.advance(1_000);
  }
  for (const high of [0xfe, 0xfd, 0xfc]) t.true(Math.abs(seen.get(high)! - 214.5) <= 1, `${high}: ${seen.get(high)}`);
});

test('the gate of channel 2 stops the count, and mode 1 starts with it', t => {
  const { board, count } = machine();
  board.out(0x61, 1);
  board.out(0x43, 0xb0);
  board.out(0x42, 0x00);
  board.out(0x42, 0x80);
  board.advance(clocks(101));
  board.out(0x61, 0);
  const stopped = count(2);
  t.true(Math.abs(stopped - (0x8000 - 100)) <= 1);
  board.advance(1_000_000);
  t.is(count(2), stopped);
  board.out(0x61, 1);
  board.advance(clocks(100));
  t.true(Math.abs(stopped - count(2) - 100) <= 1);

  board.out(0x61, 0);
  board.out(0x43, 0xb2);
  board.out(0x42, 100);
  board.out(0x42, 0);
  t.is(board.in(0x61) & 0x20, 0x20);
  board.out(0x61, 1);
  board.advance(clocks(2));
  t.is(board.in(0x61) & 0x20, 0);
  board.advance(clocks(101));
  t.is(board.in(0x61) & 0x20, 0x20);
});

test('port 0x61 toggles with each refresh', t => {
  const { board } = machine();
  let toggles = 0;
  let last = board.in(0x61) & 0x10;
  for (let step = 0; step < 1_000; step++) {
    board.advance(1_000);
    const bit = board.in(0x61) & 0x10;
    if (bit !== last) toggles++;
    last = bit;
  }
  t.is(toggles, 66);
});

test('a new count of mode 1 waits for the next trigger', t => {
  const { board } = machine();
  const out = () => board.in(0x61) & 0x20;
  board.out(0x43, 0xb2);
  board.out(0x42, 0xe8);
  board.out(0x42, 0x03);
  board.out(0x61, 1);
  board.advance(clocks(100));
  board.out(0x42, 10);
  board.out(0x42, 0);
  board.advance(clocks(800));
  t.is(out(), 0);
  board.advance(clocks(200));
  t.is(out(), 0x20);
  board.out(0x61, 0);
  board.out(0x61, 1);
  board.advance(clocks(5));
  t.is(out(), 0);
  board.advance(clocks(10));
  t.is(out(), 0x20);
});
