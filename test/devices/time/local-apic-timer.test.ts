import test from 'ava';
import { LocalApic } from '#devices';
import { TestBoard } from '../support.ts';

const at = (register: number) => 0xfee0_0000 + register;
const Mode = { oneShot: 0, periodic: 0x2_0000, deadline: 0x4_0000, masked: 0x1_0000 };

function machine(time = { ticks: 0 }) {
  const board = new TestBoard(1, time);
  const apic = board.add('lapic', LocalApic, {});
  board.store(at(0xf0), 0x1ff);
  board.store(at(0x3e0), 0b1011);
  const write = (register: number, value: number) => board.store(at(register), value);
  const start = (mode: number, count: number) => {
    write(0x320, mode | 0x30);
    write(0x380, count);
  };
  /** How often the timer's interrupt comes, once for each call of `fire`. */
  const taken = (vector = 0x30): number => {
    board.clock.fire();
    if (board.take() !== vector) return 0;
    write(0xb0, 0);
    return 1;
  };
  return { board, apic, write, start, taken, left: () => board.load(at(0x390)) };
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

test('a one-shot comes once though its end passes while it is set', t => {
  for (const step of [1, 7, 1000, 1e6, 1e11]) {
    const { board, start, taken } = machine(restless(step));
    for (const count of [1, 2, 5, 999, 1001]) {
      start(Mode.oneShot, count);
      let times = 0;
      for (let look = 0; look < 5; look++) {
        board.time.ticks += 2000;
        times += taken();
      }
      t.is(times, 1, `${count} by steps of ${step}`);
    }
  }
});

type Machine = ReturnType<typeof machine>;

/** What a guest or a machine does that sets the timer anew. */
const touches: Record<string, (one: Machine) => void> = {
  divide: ({ write }) => write(0x3e0, 0b0000),
  'the same divide': ({ write }) => write(0x3e0, 0b1011),
  'another vector': ({ write }) => write(0x320, 0x31),
  masked: ({ write }) => write(0x320, Mode.masked | 0x30),
  periodic: ({ write }) => write(0x320, Mode.periodic | 0x30),
  deadline: ({ write }) => write(0x320, Mode.deadline | 0x30),
  'software disabled': ({ write }) => write(0xf0, 0xff),
  'another count': ({ write }) => write(0x380, 5000),
  'no count': ({ write }) => write(0x380, 0),
  'the time-stamp counter': ({ board }) => board.board.timestamps.changed(0, 0n),
  'saved and restored': ({ apic }) => apic.restore(apic.save()),
};
test('an expiry that nobody has heard of yet is not lost by what sets the timer anew, and comes once', t => {
  for (const [name, touch] of Object.entries(touches)) {
    const one = machine();
    one.start(Mode.oneShot, 1000);
    one.board.time.ticks = 1500;
    touch(one);
    t.is(one.taken(), 1, name);
    one.board.time.ticks = 2000;
    t.is(one.taken(), 0, `${name}, again`);
  }
});

test('a one-shot that is over stays at 0 in periodic mode until its count is written', t => {
  const { board, write, start, taken, left } = machine();
  start(Mode.oneShot, 1000);
  board.advance(1000);
  t.is(taken(), 1);
  board.advance(300);
  write(0x320, Mode.periodic | 0x30);
  write(0x3e0, 0b0000);
  t.is(left(), 0);
  t.is(board.clock.nextDeadline, Number.POSITIVE_INFINITY);
  board.advance(1e9);
  t.is(taken(), 0);
  write(0x320, 0x30);
  t.is(board.clock.nextDeadline, Number.POSITIVE_INFINITY);
  write(0x320, Mode.periodic | 0x30);
  write(0x380, 2000);
  board.advance(4000);
  t.is(taken(), 1);
});

test('a count that runs goes on from one-shot to periodic and back', t => {
  const { board, write, start, taken, left } = machine();
  start(Mode.oneShot, 10_000);
  board.advance(4000);
  write(0x320, Mode.periodic | 0x30);
  t.is(left(), 6000);
  board.advance(8500);
  t.is(taken(), 1);
  t.is(left(), 7500);
  write(0x320, 0x30);
  t.is(left(), 7500);
  board.advance(7499);
  t.is(taken(), 0);
  board.advance(1);
  t.is(taken(), 1);
  board.advance(100_000);
  t.is(taken(), 0);
  t.is(left(), 0);
});

test('from fast periodic to one-shot the present period is the last', t => {
  const { board, write, start, left } = machine();
  start(Mode.periodic, 300);
  board.advance(950);
  t.is(left(), 250);
  write(0x320, 0x30);
  t.is(left(), 250);
  t.is(board.clock.nextDeadline, 1200);
});

test('TSC-deadline mode shares nothing with the others', t => {
  const { board, write, start, left } = machine();
  start(Mode.oneShot, 1000);
  write(0x320, Mode.deadline | 0x30);
  t.is(left(), 0);
  t.is(board.load(at(0x380)), 0);
  board.wrmsr(0x6e0, 5000n);
  write(0x320, Mode.periodic | 0x30);
  t.is(board.rdmsr(0x6e0), 0n);
  t.is(board.clock.nextDeadline, Number.POSITIVE_INFINITY);
});

test('what expires while masked is lost, and the next is heard', t => {
  for (const mode of [Mode.oneShot, Mode.periodic, Mode.deadline]) {
    const { board, write, start, taken } = machine();
    start(mode | Mode.masked, 1000);
    board.wrmsr(0x6e0, 1000n);
    board.advance(1500);
    write(0x320, mode | 0x30);
    t.is(taken(), 0);
    board.advance(1000);
    t.is(taken(), mode === Mode.periodic ? 1 : 0);
  }
});

test('the periodic timer keeps its pace though each interrupt is late', t => {
  const { board, start, taken } = machine();
  start(Mode.periodic, 10_000);
  for (const late of [10_900, 27_000, 30_001, 86_400e9 + 9_999]) {
    board.time.ticks = late;
    t.is(taken(), 1);
    t.is(taken(), 0);
    t.is(board.clock.nextDeadline, (Math.floor(late / 10_000) + 1) * 10_000);
  }
});

test('a period of one count interrupts once a microsecond, however often its registers are written', t => {
  const { board, write, start, taken } = machine();
  start(Mode.periodic, 1);
  let times = 0;
  for (let step = 0; step < 10_000; step++) {
    board.advance(10);
    write(0x3e0, 0b1011);
    board.load(at(0x390));
    times += taken();
  }
  t.is(times, 100);
});
