import test from 'ava';
import { Pit, Rtc } from '#devices';
import { TestBoard } from '../support.ts';

/** A board with an input that counts the edges of the device's interrupt. */
function machine(time = { ticks: 0 }) {
  const board = new TestBoard(1, time);
  const seen = { edges: 0 };
  board.board.wires.provide('isa', 16, index => ({
    name: `isa@${index}`,
    assert: () => seen.edges++,
    deassert: () => {},
    pulse: () => seen.edges++,
  }));
  return { board, seen };
}

/** A clock that goes on by so much at every reading. */
const restless = (step: number) => {
  let ticks = 0;
  return {
    get ticks() {
      ticks += step;
      return ticks;
    },
    set ticks(value: number) {
      ticks = value;
    },
  };
};

test('PIT: a terminal count comes once though it passes while the count is written', t => {
  for (const step of [1000, 1e6, 1e11]) {
    const { board, seen } = machine(restless(step));
    board.add('pit', Pit, {});
    for (const mode of [0, 4]) {
      board.out(0x43, 0x10 | (mode << 1));
      seen.edges = 0;
      board.out(0x40, 1);
      for (let look = 0; look < 3; look++) board.clock.fire();
      t.is(seen.edges, 1, `mode ${mode} by steps of ${step}`);
    }
  }
});

test('PIT: a rise that nobody has heard of yet is not lost by another control word', t => {
  const { board, seen } = machine();
  board.add('pit', Pit, {});
  board.out(0x43, 0x14);
  board.out(0x40, 100);
  seen.edges = 0;
  board.time.ticks = 100_000;
  board.out(0x43, 0x14);
  board.clock.fire();
  t.is(seen.edges, 1);
});

test('PIT: a new divisor takes over at the end of the period in which it was written, whenever somebody looks', t => {
  const { board } = machine();
  board.add('pit', Pit, {});
  board.out(0x61, 1);
  board.out(0x43, 0xb4);
  const load = (value: number) => {
    board.out(0x42, value & 0xff);
    board.out(0x42, value >> 8);
  };
  const count = () => {
    board.out(0x43, 0x80);
    return board.in(0x42) | (board.in(0x42) << 8);
  };
  load(10_000);
  board.advance(1_000_000);
  load(7_000);
  // 3 periods of the new divisor after the first of the old one, and a half.
  board.advance(Math.ceil(((10_000 + 1 + 3.5 * 7_000) * 1e9) / 1_193_182) - 1_000_000);
  t.true(Math.abs(count() - 3_500) <= 2, String(count()));
});

test('RTC: what passed between the last look and a saved state is flagged after its restoring', t => {
  const { board } = machine();
  const rtc = board.add('rtc', Rtc, {});
  const flags = () => {
    board.out(0x70, 0x0c);
    return board.in(0x71);
  };
  flags();
  board.advance(3e9);
  rtc.restore(rtc.save());
  t.is(flags(), 0x50);
});

test('RTC: an update is announced before 1970 as well', t => {
  const { board } = machine();
  board.add('rtc', Rtc, {});
  for (const [index, value] of [
    [0x32, 0x19],
    [9, 0x60],
  ] as const) {
    board.out(0x70, index);
    board.out(0x71, value);
  }
  board.advance(999_900_000);
  board.out(0x70, 0x0a);
  t.is(board.in(0x71) & 0x80, 0x80);
});
