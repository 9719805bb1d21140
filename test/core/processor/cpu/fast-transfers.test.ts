/** The common cases of SYSCALL, SYSRET, IRETQ and STI are IR; their helpers know all cases. Where both know one, they say the same. */
import test from 'ava';
import { callHelper } from '../../../../core/processor/cpu/core.ts';
import { helperImplementations } from '../../../../core/processor/cpu/helpers/index.ts';
import { amd, intel } from '../../../../core/processor/cpu/models.ts';
import type { HelperName } from '../../../../core/processor/ir/helpers.ts';
import { gprOffset, state as layout, Segment, segmentOffset } from '../../../../core/processor/state/layout.ts';
import { Leave, Status } from '../../../../core/processor/state/leave.ts';
import { Cr0, Cr4, Flag, systemFlags } from '../../../../core/processor/state/registers.ts';
import { Computer, place, selector } from '../../../support/computer.ts';

const flagBits = systemFlags | 0x8d5;
const stackTop = place.stack;

class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  get word(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) | 0;
    return this.#state ^ (this.#state >>> 13);
  }
  below(count: number): number {
    return ((this.word >>> 8) % count) | 0;
  }
  /** `usual` more often than not. */
  mostly<T>(usual: T, ...others: readonly T[]): T {
    return this.below(8) > 0 ? usual : others[this.below(others.length)];
  }
}

/** Something like what kernels do, with something unusual now and then. The same for the same seed. */
function prepare(m: Computer, seed: number): void {
  const random = new Random(seed);
  const { cpu } = m;
  const { state } = cpu;
  cpu.cpl = 0;
  m.long();
  for (let register = 0; register < 16; register++) state.set64(gprOffset(register), random.word, random.below(0x8000));
  state.setGpr(4, 64, stackTop + random.mostly(0, 0xfe0, 0x1000), random.mostly(0, 0x8000));
  const user = random.below(3) === 0;
  if (user) {
    state.setSegment(Segment.cs, selector.userCode, 0xafb, -1, 0, 0);
    state.setSegment(Segment.ss, selector.userData, 0xcf3, -1, 0, 0);
    cpu.cpl = 3;
  }
  for (const segment of [Segment.es, Segment.ds, Segment.fs, Segment.gs]) {
    const kind = random.mostly(0, 1, 2, 3);
    if (kind === 0) state.setSegment(segment, 0, 0, 0, random.word, 0);
    else if (kind === 1) state.setSegment(segment, random.mostly(selector.data, 3), 0xc93, -1, 0, 0);
    else if (kind === 2) state.setSegment(segment, selector.userData, 0xcf3, -1, 0, 0);
    else state.setSegment(segment, 3, 0, 0, 0, 0);
  }
  state.flags = random.word & (flagBits & ~random.mostly(Flag.tf | Flag.rf | Flag.vm | Flag.ac | Flag.nt, Flag.vm));
  state.set64(layout.star.offset, random.word, random.mostly(0x0023_0010, random.word));
  state.set64(layout.lstar.offset, random.word, random.mostly(-1, 0, random.word));
  state.set64(layout.sfmask.offset, random.mostly(0x25_7fd5, random.word), 0);
  state.efer = random.mostly(state.efer, state.efer & ~1);
  state.set64(gprOffset(1), random.word, random.mostly(0x7f, -1, 0x8000));
  state.set64(gprOffset(11), random.word & random.mostly(~(Flag.tf | Flag.ac), -1), random.word);
  if (random.below(2) === 0) state.cr4 |= Cr4.smep;
  if (random.below(2) === 0) state.cr0 = (state.cr0 & ~Cr0.wp) | Cr0.am;
  cpu.nmiBlocked = random.mostly(false, true);

  // The frame and the descriptors of IRETQ.
  const toUser = random.below(2) === 0;
  const code = toUser ? selector.userCode : selector.code;
  const stack = toUser ? selector.userData : random.mostly(selector.data, 0);
  const image = random.word & (flagBits & ~random.mostly(Flag.tf | Flag.rf | Flag.vm | Flag.ac | 0x18_4000, 0));
  const rsp = state.gprLow(4);
  const frame = [
    [random.word, random.mostly(toUser ? 0x7f : -1, 0x8000)],
    [random.mostly(code, code ^ 3, 0, 0x4b, 0x58, 0x0c, selector.userCode32, random.word & 0xffff), random.word],
    [image, random.word],
    [random.word, random.word],
    [random.mostly(stack, stack ^ 3, 3, 0x58, 0x14, selector.userCode), random.word],
  ];
  frame.forEach(([low, high], n) => {
    m.put64(rsp + n * 8, low!, high);
  });
  const spoil = (at: number) => {
    const bits = random.mostly(0, 0x100, 0x200, 0x400, 0x8000, 0x1000, 0x2000, 0x4000, 0x20_0000, 0x40_0000, 0x80_0000);
    m.put64(at, random.mostly(0xffff, random.word), Number(m.get64(at) >> 32n) ^ bits);
  };
  spoil(place.gdt + code);
  if (stack !== 0) spoil(place.gdt + stack);
  const missing = random.mostly(-1, rsp >>> 12, (rsp >>> 12) + 1, place.gdt >>> 12);
  if (missing >= 0) m.put64(place.tables + 0x3000 + missing * 8, 0);

  cpu.derive();
  cpu.translation.flushAll();
  state.eventPending = random.mostly(0, 1);
}

function look(m: Computer): Record<string, unknown> {
  const { state, translation: _, nmiBlocked } = m.cpu;
  const registers = Array.from({ length: 16 }, (_, n) => state.getBig(gprOffset(n)));
  const segments = Array.from({ length: 10 }, (_, n) => [
    state.getBig(segmentOffset(n)),
    state.getBig(segmentOffset(n) + 8),
  ]);
  const { flags, cpl, mode, context } = state;
  const walk = state.get32(layout.walkRead.offset);
  return { registers, segments, flags, cpl, mode, context, walk, nmiBlocked, rip: state.getBig(layout.rip.offset) };
}

const untouched = 0x5a5a_5a5a;

/** How it ended, and whether the helper was asked. */
function inLine(m: Computer): { leave: number; asked: boolean } {
  const { state } = m.cpu;
  state.set64(layout.nextRip.offset, untouched, 0);
  const leave = m.cpu.execute(1);
  return { leave, asked: state.low(layout.nextRip.offset) !== untouched };
}

function byHelper(m: Computer, name: HelperName, length: number): number {
  const { cpu } = m;
  const { state } = cpu;
  state.set64(layout.nextRip.offset, state.ripLow + length, 0);
  state.set64(layout.argument0.offset, 64, 0);
  const status = callHelper(cpu, helperImplementations[name]);
  return status === Status.transferred ? Leave.budget : state.leave;
}

const agree = test.macro((t, source: string, name: HelperName, rounds: number) => {
  for (const model of [amd(), intel()]) {
    const one = new Computer(model);
    const other = new Computer(model);
    let fast = 0;
    for (let seed = 1; seed <= rounds; seed++) {
      prepare(one, seed);
      prepare(other, seed);
      const { length } = one.load(64, source);
      other.load(64, source);
      const { leave, asked } = inLine(one);
      if (asked || leave === Leave.fault) continue;
      fast++;
      t.is(byHelper(other, name, length), leave, `seed ${seed}`);
      t.deepEqual(look(one), look(other), `seed ${seed}`);
    }
    t.true(fast > rounds / 30, `${fast} of ${rounds} in line`);
    t.true(fast < (rounds * 7) / 8, `${fast} of ${rounds} in line`);
  }
});

test('SYSCALL', agree, 'syscall', 'syscall', 1000);
test('SYSRET', agree, 'sysretq', 'sysret', 1000);
test('IRETQ', agree, 'iretq', 'iret', 3000);

/** With a budget of one the run loop sees what is in between: the interrupt shadow, RF. */
type Look = (m: Computer) => boolean;
const together = test.macro((t, source: string, change: (m: Computer) => void, isBetween: Look) => {
  const whole = new Computer();
  const parts = new Computer();
  let fast = 0;
  let seen = 0;
  for (let seed = 1; seed <= 800; seed++) {
    for (const m of [whole, parts]) {
      prepare(m, seed);
      change(m);
      m.load(64, `${source}\n nop`);
      m.load(64, 'nop\n nop', place.handlers);
      for (let vector = 0; vector < 32; vector++) m.gate(vector, place.handlers);
    }
    whole.cpu.state.set64(layout.nextRip.offset, untouched, 0);
    whole.run(2);
    if (whole.cpu.state.low(layout.nextRip.offset) === untouched) fast++;
    parts.run(1);
    if (isBetween(parts)) seen++;
    parts.run(1);
    t.deepEqual(look(whole), look(parts), `seed ${seed}`);
    t.is(whole.cpu.state.interruptShadow, parts.cpu.state.interruptShadow, `seed ${seed}`);
    for (const { cpu } of [whole, parts]) {
      cpu.faultQueued = false;
      cpu.pendingDebug = 0;
      cpu.halted = false;
      cpu.state.interruptShadow = 0;
    }
  }
  t.true(fast > 80, `${fast} in line`);
  t.true(seen > 50, `seen ${seen} times`);
});

test(
  'STI and the instruction after it',
  together,
  'sti',
  () => {},
  m => m.cpu.state.interruptShadow === 1,
);
test(
  'IRETQ with RF and the instruction after it',
  together,
  'iretq',
  m => {
    const rsp = m.cpu.state.gprLow(4);
    m.put64(rsp, place.handlers);
    m.put64(rsp + 16, Number(BigInt.asIntN(32, m.get64(rsp + 16))) | Flag.rf);
  },
  m => (m.cpu.state.flags & Flag.rf) !== 0,
);
