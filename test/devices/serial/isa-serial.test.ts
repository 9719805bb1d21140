import test from 'ava';
import { MemoryStream, type Receiver } from '#core';
import { IsaSerial } from '#devices';
import { TestBoard } from '../support.ts';

const [data, ier, iir, lcr, mcr, lsr, msr, scratch] = [0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff];
const fcr = iir;

function machine() {
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
  const stream = new MemoryStream();
  const com1 = board.add('com1', IsaSerial, { stream });
  return { board, stream, com1, level: () => level };
}

/** As Linux runs a console: FIFOs on, trigger 8, interrupts through OUT2. */
function running() {
  const full = machine();
  full.board.out(lcr, 0x83);
  full.board.out(data, 1);
  full.board.out(ier, 0);
  full.board.out(lcr, 0x03);
  full.board.out(fcr, 0x87);
  full.board.out(mcr, 0x0b);
  return full;
}

test('what the guest writes comes out', t => {
  const { board, stream, com1 } = machine();
  const heard: number[] = [];
  com1.events.on('output', byte => heard.push(byte));
  for (const byte of 'Hello') board.out(data, byte.charCodeAt(0));
  t.is(stream.text, 'Hello');
  t.is(String.fromCharCode(...heard), 'Hello');
  t.is(board.in(lsr), 0x60);
});

test('Linux finds a 16550A (8250 autoconfig)', t => {
  const { board } = machine();
  board.out(ier, 0x00);
  t.is(board.in(ier) & 0x0f, 0x00);
  board.out(ier, 0x0f);
  t.is(board.in(ier) & 0x0f, 0x0f);
  board.out(ier, 0);
  board.out(mcr, 0x1a);
  t.is(board.in(msr) & 0xf0, 0x90, 'loopback');
  board.out(mcr, 0);
  board.out(fcr, 0x01);
  t.is(board.in(iir) >> 6, 3);
  board.out(scratch, 0x5a);
  t.is(board.in(scratch), 0x5a);
});

test('the FIFO is 16 deep (Linux size_fifo)', t => {
  const { board, stream } = machine();
  board.out(fcr, 0x07);
  board.out(mcr, 0x10);
  for (let byte = 0; byte < 256; byte++) board.out(data, byte);
  t.is(board.in(lsr) & 0x03, 0x03, 'data, and an overrun');
  const seen = [];
  while (board.in(lsr) & 1) seen.push(board.in(data));
  t.deepEqual(
    seen,
    Array.from({ length: 16 }, (_, byte) => byte),
  );
  t.is(stream.text, '', 'nothing left the chip');
});

test('the divisor is behind DLAB', t => {
  const { board, stream } = machine();
  board.out(lcr, 0x80);
  board.out(data, 0x0c);
  board.out(ier, 0x01);
  t.deepEqual([board.in(data), board.in(ier)], [0x0c, 0x01]);
  board.out(lcr, 0x03);
  t.deepEqual([board.in(ier), stream.text], [0, '']);
});

test('interrupts as data reaches the trigger, and after a while if it does not', t => {
  const { board, com1, level } = running();
  board.out(ier, 0x01);
  com1.input('1234567');
  t.false(level());
  com1.input('8');
  t.true(level());
  t.is(board.in(iir), 0xc4);
  for (let index = 0; index < 8; index++) board.in(data);
  t.false(level());
  com1.input('x');
  board.advance(340_000);
  t.false(level());
  board.advance(10_000);
  t.true(level(), 'four characters of ten bits at 115200 baud');
  t.is(board.in(iir), 0xcc);
  t.is(board.in(data), 0x78);
  t.false(level());
  t.is(board.in(iir), 0xc1);
});

test('more input than the FIFO holds waits outside', t => {
  const { board, com1 } = running();
  const text = 'The quick brown fox jumps over the lazy dog';
  com1.input(text);
  let seen = '';
  while (board.in(lsr) & 1) seen += String.fromCharCode(board.in(data));
  t.is(seen, text);
  t.is(board.in(lsr) & 2, 0, 'no overrun');
});

test('the empty transmitter interrupts when enabled and after each byte, until identified', t => {
  const { board, level } = running();
  board.out(ier, 0x02);
  t.true(level());
  t.is(board.in(iir), 0xc2);
  t.false(level());
  board.out(data, 0x41);
  t.true(level());
  board.out(ier, 0);
  board.out(ier, 0x02);
  t.true(level(), 'and again when enabled again');
});

test('line status before data before transmitter before modem', t => {
  const { board, com1 } = running();
  board.out(fcr, 0x01);
  board.out(ier, 0x0f);
  board.out(mcr, 0x19);
  com1.sendBreak();
  board.out(mcr, 0x0b);
  com1.input('ab');
  t.is(board.in(iir), 0xc6);
  t.is(board.in(lsr) & 0x10, 0x10, 'break');
  t.is(board.in(iir), 0xc4);
  t.is(board.in(data), 0, 'the break is a zero');
  board.in(data);
  board.in(data);
  t.is(board.in(iir), 0xc2);
  t.is(board.in(iir), 0xc0);
  board.in(msr);
  t.is(board.in(iir), 0xc1);
});

test('OUT2 gates the interrupt', t => {
  const { board, level } = running();
  board.out(ier, 0x02);
  t.true(level());
  board.out(mcr, 0x03);
  t.false(level());
});

test('modem deltas', t => {
  const { board } = machine();
  t.is(board.in(msr), 0xb0);
  board.out(mcr, 0x10);
  t.is(board.in(msr), 0x0b);
  t.is(board.in(msr), 0x00);
  board.out(mcr, 0x1f);
  t.is(board.in(msr), 0xfb, 'the ring indicator has no delta when it begins');
  board.out(mcr, 0x1b);
  t.is(board.in(msr), 0xb4, 'and one when it ends');
});

test('without FIFOs one byte at a time', t => {
  const { board, com1, level } = machine();
  board.out(mcr, 0x08);
  board.out(ier, 1);
  com1.input('ab');
  t.true(level());
  t.is(board.in(iir), 0x04);
  t.is(board.in(data), 0x61);
  t.true(level());
  t.is(board.in(data), 0x62);
  t.false(level());
});

test('how often the line status was asked for nothing, for those who watch', t => {
  const { board, stream, com1 } = machine();
  const polls = () => com1.inspect().polls;
  for (let n = 0; n < 3; n++) board.in(lsr);
  t.is(polls(), 3);
  board.out(data, 0x41);
  t.is(polls(), 0, 'an output is no idling');
  board.in(lsr);
  stream.type('x');
  board.in(lsr);
  t.is(polls(), 1, 'there was something');
  board.in(data);
  t.is(polls(), 0);
});

test('the guest listens once it has enabled the receive interrupt, or polled for nothing; until the next reset', t => {
  const stream = new MemoryStream();
  let receiver: Receiver | undefined;
  const board = new TestBoard();
  board.board.wires.provide('isa', 16, index => ({ name: `isa@${index}`, assert() {}, deassert() {}, pulse() {} }));
  const com1 = board.add('com1', IsaSerial, {
    stream: { write() {}, onInput: (listener, given) => (receiver = given) && stream.onInput(listener) },
  });
  t.false(receiver!.listens);
  board.out(ier, 0x0f);
  board.out(ier, 0);
  t.false(receiver!.listens, 'that was a probe');
  board.out(mcr, 0x0b);
  board.out(ier, 1);
  board.out(ier, 0);
  t.true(receiver!.listens);
  com1.reset();
  t.false(receiver!.listens);
  for (let count = 0; count < 256; count++) board.in(lsr);
  t.true(receiver!.listens);
  stream.type('x'.repeat(100));
  t.is(receiver!.waiting, 99);
});

test('a megabyte waits outside, and comes out in time, with a breather after each four KiB', t => {
  const { board, com1 } = machine();
  const text = Uint8Array.from({ length: 2 ** 20 }, (_, index) => (index * 7) & 0xff);
  com1.input(text);
  let breathers = 0;
  const next = (): number => {
    if ((board.in(lsr) & 1) === 0) {
      breathers++;
      board.advance(2_000_000);
    }
    return board.in(data);
  };
  t.true(text.every(byte => next() === byte));
  t.is(breathers, 2 ** 20 / 4096 - 1);
});

test('a breather goes on where it is restored', t => {
  const { board, com1 } = machine();
  com1.input(new Uint8Array(5000).fill(65));
  for (let count = 0; count < 4096; count++) board.in(data);
  t.is(board.in(lsr) & 1, 0);
  com1.restore(com1.save());
  board.advance(1_999_999);
  t.is(board.in(lsr) & 1, 0);
  board.advance(1);
  t.is(board.in(lsr) & 1, 1);
});
