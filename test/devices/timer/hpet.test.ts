import test from 'ava';
import { Hpet, IsaInterrupts } from '#devices';
import { TestBoard } from '../support.ts';

const base = 0xfed0_0000;
const General = { enabled: 1, legacy: 2 };
const Timer = { level: 2, enabled: 4, periodic: 8, setsValue: 0x40 };
const route = (pin: number) => pin << 9;

function machine(options: { comparators?: number } = {}) {
  const board = new TestBoard();
  /** `ioapic@20 at 1000`, for each rise. */
  const rises: string[] = [];
  const levels = new Map<string, boolean>();
  for (const controller of ['pic', 'ioapic']) {
    board.board.wires.provide(controller, 24, index => {
      const name = `${controller}@${index}`;
      const assert = () => {
        levels.set(name, true);
        if (controller === 'ioapic') rises.push(`${name} at ${board.time.ticks}`);
      };
      return { name, assert, deassert: () => levels.set(name, false), pulse: assert };
    });
  }
  board.add('isa', IsaInterrupts, {});
  const hpet = board.add('hpet', Hpet, options);
  const read = (offset: number) => board.load(base + offset);
  const write = (offset: number, value: number) => board.store(base + offset, value);
  const setTimer = (index: number, configuration: number, ...values: number[]) => {
    write(0x100 + 0x20 * index, configuration);
    for (const value of values) write(0x108 + 0x20 * index, value);
  };
  const level = (name: string) => levels.get(name) ?? false;
  return { board, hpet, rises, level, read, write, setTimer };
}

test('the registers say what it is: 100 MHz, 32 bits, three timers, legacy replacement, pins 20 to 23', t => {
  const { board, read } = machine();
  t.is(read(0), 0x8086_8201);
  t.is(read(4), 10_000_000);
  for (const timer of [0x100, 0x120, 0x140]) {
    t.is(read(timer), 0x10);
    t.is(read(timer + 4), 0x00f0_0000);
    t.is(read(timer + 8), 0xffff_ffff);
    t.is(read(timer + 12), 0);
    t.is(read(timer + 16), 0);
  }
  t.is(read(0x160), 0);
  const wide = new DataView(new ArrayBuffer(8));
  board.board.mmio.read(base, 8, wide, 0);
  t.is(wide.getBigUint64(0, true), 0x0098_9680_8086_8201n);
});

test('with two timers there is no third', t => {
  const { hpet, read, write, setTimer } = machine({ comparators: 2 });
  t.is(read(0), 0x8086_8101);
  write(0x10, General.enabled);
  setTimer(2, Timer.enabled | route(20), 100);
  t.is(read(0x140), 0);
  t.is(read(0x148), 0);
  t.is(hpet.inspect().timers.length, 2);
});

test('the counter runs while it is enabled, and is set only while it stands', t => {
  const { board, read, write } = machine();
  board.advance(1000);
  t.is(read(0xf0), 0);
  write(0xf0, 0xffff_fff0);
  write(0x10, General.enabled);
  board.advance(100);
  t.is(read(0xf0), 0xffff_fffa);
  write(0xf0, 7);
  board.advance(100);
  t.is(read(0xf0), 4);
  t.is(read(0xf4), 0);
  write(0x10, 0);
  board.advance(1000);
  t.is(read(0xf0), 4);
  write(0x10, General.enabled);
  board.advance(60);
  t.is(read(0xf0), 10);
});

test('a timer interrupts on its pin when the counter reaches the comparator, once in a turn', t => {
  const { board, rises, level, setTimer, write } = machine();
  setTimer(2, Timer.enabled | route(21), 100);
  write(0x10, General.enabled);
  board.advance(50_000_000_000);
  t.deepEqual(rises, ['ioapic@21 at 1000', `ioapic@21 at ${1000 + 2 ** 32 * 10}`]);
  t.false(level('ioapic@21'));
});

test('a comparator that is set behind the counter waits for the whole turn', t => {
  const { board, rises, setTimer, write } = machine();
  write(0x10, General.enabled);
  board.advance(1000);
  setTimer(0, Timer.enabled | route(20), 100);
  setTimer(1, Timer.enabled | route(20), 101);
  board.advance(20);
  t.deepEqual(rises, ['ioapic@20 at 1010']);
});

test('no interrupt while the counter stands, nor while the timer is disabled', t => {
  const { board, rises, setTimer, write } = machine();
  setTimer(0, Timer.enabled | route(20), 100);
  board.advance(10_000);
  setTimer(0, route(20), 200);
  write(0x10, General.enabled);
  board.advance(10_000);
  t.deepEqual(rises, []);
});

test('a pin that a timer cannot have is not taken', t => {
  const { read, setTimer } = machine();
  setTimer(0, Timer.enabled | route(22));
  setTimer(0, Timer.enabled | route(3));
  t.is(read(0x100), 0x14 | route(22));
  setTimer(0, 0xffff_ffff & ~route(31));
  t.is(read(0x100) & ~0x10, Timer.level | Timer.enabled | Timer.periodic | Timer.setsValue | route(22));
});

test('a periodic timer: the value by the first write, the period by the second', t => {
  const { board, rises, read, setTimer, write } = machine();
  setTimer(0, Timer.enabled | Timer.periodic | Timer.setsValue | route(20), 500, 200);
  t.is(read(0x100) & Timer.setsValue, 0);
  t.is(read(0x108), 500);
  write(0x10, General.enabled);
  board.advance(10_000);
  t.deepEqual(rises, ['ioapic@20 at 5000', 'ioapic@20 at 7000', 'ioapic@20 at 9000']);
  t.is(read(0x108), 1100);
  write(0x108, 400);
  board.advance(8_000);
  t.deepEqual(rises.slice(3), ['ioapic@20 at 11000', 'ioapic@20 at 15000']);
});

test('a periodic timer that nobody hears goes on, in steps of its period', t => {
  const { board, read, setTimer, write } = machine();
  setTimer(1, Timer.periodic | Timer.setsValue, 500, 200);
  write(0x10, General.enabled);
  board.advance(9_999);
  t.is(read(0x128), 1100);
  t.is(board.clock.nextDeadline, Number.POSITIVE_INFINITY);
});

test('a periodic timer interrupts at most a million times in a second', t => {
  const { board, rises, setTimer, write } = machine();
  setTimer(0, Timer.enabled | Timer.periodic | Timer.setsValue | route(20), 1, 1);
  write(0x10, General.enabled);
  board.advance(100_000);
  t.is(rises.length, 100);
});

test('a level stands until its status is cleared', t => {
  const { board, rises, level, read, setTimer, write } = machine();
  setTimer(1, Timer.enabled | Timer.level | Timer.periodic | Timer.setsValue | route(23), 100, 100);
  write(0x10, General.enabled);
  board.advance(1000);
  t.true(level('ioapic@23'));
  t.is(read(0x20), 2);
  write(0x20, 5);
  t.true(level('ioapic@23'));
  write(0x20, 2);
  t.false(level('ioapic@23'));
  board.advance(5000);
  t.is(rises.length, 2);
  write(0x120, Timer.level | route(23));
  t.false(level('ioapic@23'));
  t.is(read(0x20), 2);
});

test('legacy replacement: timers 0 and 1 have the interrupts of the PIT and the RTC, which are cut off', t => {
  const { board, rises, level, setTimer, write } = machine();
  const [pit, rtc, keyboard] = [0, 8, 1].map(irq => board.board.wires.line(`hpet@${irq}`));
  pit!.assert();
  t.true(level('pic@0') && level('ioapic@2'));
  rtc!.pulse();
  keyboard!.pulse();
  t.deepEqual(rises, ['ioapic@2 at 0', 'ioapic@8 at 0', 'ioapic@1 at 0']);
  write(0x10, General.legacy);
  t.false(level('pic@0'));
  pit!.pulse();
  rtc!.assert();
  keyboard!.pulse();
  setTimer(0, Timer.enabled | route(20), 100);
  setTimer(1, Timer.enabled | route(20), 200);
  setTimer(2, Timer.enabled | route(20), 300);
  write(0x10, General.legacy | General.enabled);
  board.advance(5000);
  t.deepEqual(rises.slice(3), ['ioapic@1 at 0', 'ioapic@2 at 1000', 'ioapic@8 at 2000', 'ioapic@20 at 3000']);
  write(0x10, General.enabled);
  t.true(level('ioapic@8'));
  t.false(level('pic@0'));
});

test('a saved timer goes on where it was', t => {
  const first = machine();
  first.setTimer(0, Timer.enabled | Timer.periodic | Timer.setsValue | route(20), 500, 200);
  first.setTimer(1, Timer.enabled | Timer.level | route(22), 100);
  first.write(0x10, General.enabled);
  first.board.advance(6_000);
  const second = machine();
  second.board.time.ticks = 6_000;
  second.hpet.restore(first.hpet.save());
  t.true(second.level('ioapic@22'));
  t.is(second.read(0xf0), 600);
  for (const { board } of [first, second]) board.advance(4_000);
  t.deepEqual(second.rises.slice(1), ['ioapic@20 at 7000', 'ioapic@20 at 9000']);
  t.deepEqual(second.hpet.save(), first.hpet.save());
});
