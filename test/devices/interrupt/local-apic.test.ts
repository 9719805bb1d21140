import test from 'ava';
import { LocalApic } from '#devices';
import { source, TestBoard } from '../support.ts';

const at = (offset: number) => 0xfee0_0000 + offset;

function machine(processors = 1) {
  const board = new TestBoard(processors);
  const lapic = board.add('lapic', LocalApic, {});
  for (let processor = 0; processor < processors; processor++) board.store(at(0xf0), 0x1ff, processor);
  return { board, lapic };
}

/** The same in x2APIC mode. */
function extended(processors = 1) {
  const full = machine(processors);
  for (let processor = 0; processor < processors; processor++) {
    full.board.wrmsr(0x1b, full.board.rdmsr(0x1b, processor)! | 0x400n, processor);
  }
  return full;
}

test('registers after reset (SDM table 12-1)', t => {
  const board = new TestBoard(2);
  board.add('lapic', LocalApic, {});
  t.is(board.load(at(0x20), 1), 0x0100_0000);
  t.is(board.load(at(0x30)), 0x0005_0014);
  t.is(board.load(at(0xf0)), 0xff);
  t.is(board.load(at(0xe0)), 0xffff_ffff);
  t.is(board.load(at(0x320)), 0x1_0000);
  t.is(board.load(at(0x350), 1), 0x1_0000);
  t.is(board.load(at(0x350), 0), 0x700, 'virtual wire, as firmware leaves the first processor');
  t.is(board.rdmsr(0x1b, 0), 0xfee0_0900n);
  t.is(board.rdmsr(0x1b, 1), 0xfee0_0800n);
});

test('the timer counts down from its initial count', t => {
  const { board } = machine();
  board.store(at(0x3e0), 0b0011);
  board.store(at(0x320), 0x30);
  board.store(at(0x380), 1_000_000);
  board.advance(4_000_000);
  t.is(board.load(at(0x390)), 750_000, 'divided by 16, a quarter has passed');
  board.advance(11_999_999);
  t.is(board.load(at(0x390)), 1);
  t.is(board.take(), undefined);
  board.advance(1);
  t.is(board.load(at(0x390)), 0);
  t.is(board.take(), 0x30);
  board.store(at(0xb0), 0);
  board.advance(100_000_000);
  t.is(board.take(), undefined, 'one shot');
});

test('the periodic timer keeps its pace', t => {
  const { board } = machine();
  board.store(at(0x3e0), 0b1011);
  board.store(at(0x320), 0x2_0030);
  board.store(at(0x380), 10_000);
  let taken = 0;
  for (let step = 0; step < 1000; step++) {
    board.advance(1_000);
    if (board.take() === undefined) continue;
    taken++;
    board.store(at(0xb0), 0);
  }
  t.is(taken, 100);
  board.advance(2_500);
  t.is(board.load(at(0x390)), 7_500);
});

test('a masked timer runs on and interrupts no one', t => {
  const { board } = machine();
  board.store(at(0x3e0), 0b1011);
  board.store(at(0x320), 0x3_0030);
  board.store(at(0x380), 10_000);
  t.is(board.clock.nextDeadline, Number.POSITIVE_INFINITY);
  board.advance(25_000);
  board.store(at(0x320), 0x2_0030);
  board.advance(4_999);
  t.is(board.take(), undefined);
  board.advance(1);
  t.is(board.take(), 0x30);
});

test('a change of divisor goes on from the present count', t => {
  const { board } = machine();
  board.store(at(0x3e0), 0b1011);
  board.store(at(0x380), 1000);
  board.advance(600);
  board.store(at(0x3e0), 0b0000);
  t.is(board.load(at(0x390)), 400);
  board.advance(200);
  t.is(board.load(at(0x390)), 300);
});

test('TSC deadline', t => {
  const { board } = machine();
  board.advance(5_000);
  t.true(board.wrmsr(0x6e0, 9_000n));
  t.is(board.rdmsr(0x6e0), 0n, 'nothing in another mode');
  board.store(at(0x320), 0x4_0031);
  board.wrmsr(0x6e0, 9_000n);
  t.is(board.rdmsr(0x6e0), 9_000n);
  board.advance(3_999);
  t.is(board.take(), undefined);
  board.advance(1);
  t.is(board.take(), 0x31);
  t.is(board.rdmsr(0x6e0), 0n);
  board.store(at(0xb0), 0);
  board.wrmsr(0x6e0, 1n);
  t.is(board.take(), 0x31, 'the past is now');
});

test('the initial count is not for deadlines: it is gone in that mode, and cannot be written', t => {
  const { board } = machine();
  board.store(at(0x320), 0x31);
  board.store(at(0x380), 50_000);
  board.store(at(0x320), 0x4_0031);
  t.is(board.load(at(0x380)), 0);
  board.store(at(0x380), 1_000);
  t.is(board.load(at(0x380)), 0);
  board.store(at(0x320), 0x31);
  t.is(board.load(at(0x390)), 0);
  board.advance(1_000_000);
  t.is(board.take(), undefined);
});

/** What a processor does when its guest writes the counter, which is now ahead of the clock by so much. */
function setCounter({ board }: TestBoard, offset: bigint): void {
  board.timestamps.changed(0, offset);
}

test('TSC deadline follows a change of the counter, and waits for no impossible value', t => {
  const { board } = machine();
  board.store(at(0x320), 0x4_0031);
  board.wrmsr(0x6e0, 1_000_000n);
  setCounter(board, 998_000n);
  t.is(board.take(), undefined);
  board.advance(1_999);
  t.is(board.take(), undefined);
  board.advance(1);
  t.is(board.take(), 0x31);
  board.wrmsr(0x6e0, 0xffff_ffff_ffff_ffffn);
  t.is(board.clock.nextDeadline, Number.POSITIVE_INFINITY);
});

test('TSC deadline is over at once when the counter is set beyond it', t => {
  const { board } = machine();
  board.store(at(0x320), 0x4_0031);
  board.wrmsr(0x6e0, 1_000_000n);
  setCounter(board, 1_000_000n);
  t.is(board.take(), 0x31);
  t.is(board.rdmsr(0x6e0), 0n);
});

test('TSC deadline waits for a counter that the guest has set back', t => {
  const { board } = machine();
  board.store(at(0x320), 0x4_0031);
  board.wrmsr(0x6e0, 10_000n);
  board.advance(6_000);
  setCounter(board, -5_000n);
  board.advance(8_999);
  t.is(board.take(), undefined);
  board.advance(1);
  t.is(board.take(), 0x31);
});

test('priorities: task priority and service hold back', t => {
  const { board } = machine();
  const interrupt = (vector: number) => board.store(at(0x300), 0x4_0000 | vector);
  const controller = board.board.controllers.of(0);
  interrupt(0x55);
  controller.taskPriority = 5;
  t.is(board.load(at(0x80)), 0x50);
  t.false(controller.pending);
  board.store(at(0x80), 0x4f);
  t.is(controller.taskPriority, 4);
  t.is(board.take(), 0x55);
  t.is(board.load(at(0xa0)), 0x50, 'PPR');
  interrupt(0x5f);
  t.is(board.take(), undefined, 'the same class waits');
  interrupt(0x61);
  t.is(board.take(), 0x61);
  t.is(board.load(at(0x120)), 1 << 21, 'ISR 0x55');
  t.is(board.load(at(0x130)), 1 << 1, 'ISR 0x61');
  t.is(board.load(at(0x220)), (1 << 31) >>> 0, 'IRR 0x5f');
  board.store(at(0xb0), 0);
  t.is(board.take(), undefined);
  board.store(at(0xb0), 0);
  t.is(board.take(), 0x5f);
});

test('without a deliverable interrupt the acknowledge is spurious', t => {
  const { board } = machine();
  board.store(at(0xf0), 0x1ef);
  t.is(board.board.controllers.of(0).acknowledge(), 0xef);
  t.is(board.load(at(0x170)), 0);
});

test('PPR is all of TPR where that is of the class in service, or above', t => {
  const { board } = machine();
  board.store(at(0x300), 0x4_0048);
  t.is(board.take(), 0x48);
  for (const [taskPriority, processorPriority] of [
    [0x3f, 0x40],
    [0x45, 0x45],
    [0x51, 0x51],
  ] as const) {
    board.store(at(0x80), taskPriority);
    t.is(board.load(at(0xa0)), processorPriority);
  }
});

test('lowest priority: the first of the least busy, among those that are switched on', t => {
  const { board } = machine(3);
  const send = (): boolean =>
    board.board.messages.send({ destination: 7, logical: true, mode: 1, vector: 0x60, level: false });
  const taken = () => [0, 1, 2].map(processor => board.take(processor));
  for (const processor of [0, 1, 2]) board.store(at(0xd0), (1 << (24 + processor)) >>> 0, processor);
  t.true(send());
  t.deepEqual(taken(), [0x60, undefined, undefined]);
  t.true(send());
  t.deepEqual(taken(), [undefined, 0x60, undefined]);
  for (const processor of [0, 1]) board.store(at(0xb0), 0, processor);
  board.store(at(0xf0), 0xff, 0);
  t.true(send());
  t.deepEqual(taken(), [undefined, 0x60, undefined]);
});

test('an NMI outlives INIT', t => {
  const { board } = machine(2);
  board.store(at(0x310), 0x0100_0000);
  board.store(at(0x300), 0x400);
  board.store(at(0x300), 0xc500);
  t.true(board.board.controllers.of(1).nmiPending);
});

test('software disablement masks the local vectors and refuses interrupts', t => {
  const { board } = machine();
  board.store(at(0x320), 0x30);
  board.store(at(0xf0), 0xff);
  t.is(board.load(at(0x320)), 0x1_0030);
  board.store(at(0x320), 0x30);
  t.is(board.load(at(0x320)), 0x1_0030);
  t.false(board.board.messages.send({ destination: 0, logical: false, mode: 0, vector: 0x40, level: false }));
  t.is(board.take(), undefined);
});

test('starts another processor: INIT, de-assert, SIPI', t => {
  const { board } = machine(2);
  board.store(at(0x310), 0x0100_0000);
  board.store(at(0x300), 0xc500);
  board.store(at(0x300), 0x8500);
  board.store(at(0x300), 0x0608);
  t.deepEqual(board.log, ['init 1', 'startup 1 8']);
  t.is(board.load(at(0xf0), 1), 0xff, 'INIT reset its local APIC');
  t.is(board.load(at(0x300)) & 0x1000, 0, 'delivered');
});

test('shorthands', t => {
  const { board } = machine(3);
  const taken = () => [0, 1, 2].map(processor => board.take(processor));
  board.store(at(0x300), 0x4_0041, 1);
  t.deepEqual(taken(), [undefined, 0x41, undefined]);
  board.store(at(0x300), 0x8_0052, 1);
  t.deepEqual(taken(), [0x52, 0x52, 0x52]);
  board.store(at(0x300), 0xc_0063, 1);
  t.deepEqual(taken(), [0x63, undefined, 0x63]);
});

test('cluster model', t => {
  const { board } = machine(3);
  for (const [processor, id] of [0x11, 0x12, 0x21].entries()) {
    board.store(at(0xe0), 0x0fff_ffff, processor);
    board.store(at(0xd0), (id << 24) >>> 0, processor);
  }
  const taken = () => [0, 1, 2].map(processor => board.take(processor));
  board.store(at(0x310), 0x1300_0000);
  board.store(at(0x300), 0x0841);
  t.deepEqual(taken(), [0x41, 0x41, undefined]);
  board.store(at(0x310), 0xf100_0000);
  board.store(at(0x300), 0x0852);
  t.deepEqual(taken(), [0x52, undefined, 0x52]);
});

test('errors are latched by a write and interrupt', t => {
  const { board } = machine();
  board.store(at(0x370), 0xfe);
  board.store(at(0x300), 0x4_0005);
  t.is(board.take(), 0xfe);
  t.is(board.load(at(0x280)), 0);
  board.store(at(0x280), 0);
  t.is(board.load(at(0x280)), 0x60, 'send and receive illegal vector');
  board.store(at(0x280), 0);
  t.is(board.load(at(0x280)), 0);
  board.load(at(0x040));
  board.store(at(0x280), 0);
  t.is(board.load(at(0x280)), 0x80, 'illegal register address');
  board.store(at(0xb0), 0);
  t.is(board.take(), 0xfe);
  board.store(at(0xb0), 0);
  t.is(board.take(), undefined);
  board.load(at(0x040));
  t.is(board.take(), 0xfe);
  board.store(at(0xb0), 0);
  board.load(at(0x040));
  t.is(board.take(), undefined, 'once, until the status is written');
});

test('LINT1 as NMI', t => {
  const { board } = machine();
  const line = source(board, 'lapic@1');
  line.pulse();
  t.false(board.board.controllers.of(0).nmiPending);
  board.store(at(0x360), 0x400);
  line.assert();
  t.true(board.board.controllers.of(0).nmiPending);
  board.board.controllers.of(0).acknowledgeNmi();
  t.false(board.board.controllers.of(0).nmiPending);
  line.deassert();
  t.false(board.board.controllers.of(0).nmiPending, 'the falling edge is none');
  source(board, 'lapic@0').pulse();
  t.false(board.board.controllers.of(0).nmiPending, 'pin 0 is the PIC');
});

test('message-signalled interrupts arrive', t => {
  const { board } = machine(2);
  t.true(board.board.messages.signal(0xfee0_1000, 0x4077));
  t.is(board.take(1), 0x77);
  t.false(board.board.messages.signal(0xfed0_1000, 0x77));
});

test('the modes and the ways between them', t => {
  const { board } = machine();
  const disabled = 0xfee0_0100n;
  const xapic = 0xfee0_0900n;
  const x2apic = 0xfee0_0d00n;
  t.is(board.rdmsr(0x802), undefined, 'no MSRs in xAPIC mode');
  t.false(board.wrmsr(0x1b, 0xfee0_0500n), 'extended without enabled');
  t.false(board.wrmsr(0x1b, xapic | 0x200n), 'reserved bit');
  t.false(board.wrmsr(0x1b, xapic | (1n << 40n)), 'beyond the physical address');
  t.true(board.wrmsr(0x1b, x2apic));
  t.is(board.load(at(0x20)), 0xffff_ffff, 'no page in x2APIC mode');
  t.is(board.rdmsr(0x802), 0n);
  t.false(board.wrmsr(0x1b, xapic), 'no way back');
  t.true(board.wrmsr(0x1b, disabled));
  t.is(board.rdmsr(0x802), undefined);
  t.false(board.wrmsr(0x1b, x2apic), 'not in one step');
  t.true(board.wrmsr(0x1b, xapic));
  t.is(board.load(at(0xf0)), 0xff, 'as after reset');
});

test('x2APIC: what faults', t => {
  const { board } = extended();
  for (const index of [0x80b, 0x80e, 0x831, 0x83f, 0x82f, 0x804])
    t.is(board.rdmsr(index), undefined, index.toString(16));
  for (const [index, value] of [
    [0x802, 0n],
    [0x803, 0n],
    [0x80a, 0n],
    [0x80d, 0n],
    [0x80e, 0n],
    [0x810, 0n],
    [0x831, 0n],
    [0x839, 0n],
    [0x80b, 1n],
    [0x828, 1n],
    [0x808, 0x100n],
    [0x80f, 0x1_0000n],
    [0x832, 1n << 32n],
    [0x83e, 4n],
    [0x83f, 0x100n],
    [0x830, 1n << 13n],
    [0x830, 1n << 20n],
  ] as const)
    t.false(board.wrmsr(index, value), `${index.toString(16)} ${value}`);
  for (const [index, value] of [
    [0x80b, 0n],
    [0x828, 0n],
    [0x808, 0x20n],
    [0x80f, 0x1ffn],
    [0x838, 0xffff_ffffn],
  ] as const) {
    t.true(board.wrmsr(index, value), index.toString(16));
  }
});

test('x2APIC: the command register is one of 64 bits', t => {
  const { board } = extended(2);
  t.is(board.rdmsr(0x80d, 1), 2n);
  t.true(board.wrmsr(0x830, (1n << 32n) | 0x4099n));
  t.is(board.rdmsr(0x830), (1n << 32n) | 0x4099n);
  t.is(board.take(1), 0x99);
  t.true(board.wrmsr(0x830, (3n << 32n) | 0x48aan));
  t.is(board.take(0), 0xaa);
  t.is(board.take(1), 0xaa);
  t.true(board.wrmsr(0x83f, 0xbbn));
  t.is(board.take(0), 0xbb);
  t.true(board.wrmsr(0x830, (0xffff_ffffn << 32n) | 0xccn));
  t.is(board.take(0), 0xcc);
  t.is(board.take(1), 0xcc);
});

test('the run loop hears of what may wake a processor', t => {
  const { board } = machine();
  let heard = 0;
  board.board.controllers.of(0).onChange = () => heard++;
  board.board.messages.signal(0xfee0_0000, 0x40);
  t.is(heard, 1);
});

test('only the end of a level-triggered interrupt is broadcast', t => {
  const { board } = machine();
  const ended: number[] = [];
  board.board.messages.onEnd(vector => ended.push(vector));
  for (const level of [true, false, true]) {
    board.board.messages.send({ destination: 0, logical: false, mode: 0, vector: 0x45, level });
    t.is(board.load(at(0x1a0)), level ? 1 << 5 : 0, 'TMR');
    board.take();
    board.store(at(0xb0), 0);
  }
  t.deepEqual(ended, [0x45, 0x45]);
});

test('reserved bits of the interrupt command register do not stick: its delivery is never pending', t => {
  const { board } = machine();
  board.store(at(0x310), 0xffff_ffff);
  board.store(at(0x300), 0xffff_f041);
  t.is(board.load(at(0x310)), 0xff00_0000);
  t.is(board.load(at(0x300)), 0x000c_c041);
});

test('x2APIC: an interrupt to oneself; vectors below 16 are errors, 16 is none', t => {
  const { board } = extended();
  t.true(board.wrmsr(0x83f, 0x10n));
  board.wrmsr(0x828, 0n);
  t.is(board.rdmsr(0x828), 0n);
  t.is(board.take(), 0x10);
  t.true(board.wrmsr(0x83f, 0x0fn));
  board.wrmsr(0x828, 0n);
  t.is(board.rdmsr(0x828), 0x60n, 'sent and received');
  t.is(board.take(), undefined);
});
