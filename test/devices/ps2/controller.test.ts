import test from 'ava';
import { Ps2Controller } from '#devices';
import { TestBoard } from '../support.ts';

function machine() {
  const board = new TestBoard();
  const raised: string[] = [];
  board.board.wires.provide('isa', 16, index => ({
    name: `isa@${index}`,
    assert: () => raised.push(`isa@${index}`),
    deassert: () => {},
    pulse: () => {},
  }));
  const ps2 = board.add('ps2', Ps2Controller, {});
  const command = (value: number, parameter?: number) => {
    board.out(0x64, value);
    if (parameter !== undefined) board.out(0x60, parameter);
  };
  return { board, ps2, raised, command };
}

test('self test', t => {
  const { board, command } = machine();
  t.is(board.in(0x64) & 0x05, 0);
  command(0xaa);
  t.is(board.in(0x64) & 0x05, 5, 'data, and the system flag');
  t.is(board.in(0x60), 0x55);
  t.is(board.in(0x64) & 0x01, 0);
});

test('the configuration byte reads as written', t => {
  const { board, command } = machine();
  command(0x60, 0x43);
  command(0x20);
  t.is(board.in(0x60), 0x43);
  command(0xad);
  command(0xa7);
  command(0x20);
  t.is(board.in(0x60), 0x73);
});

test('Linux finds the auxiliary port by its loop', t => {
  const { board, command } = machine();
  command(0xd3, 0x5a);
  t.is(board.in(0x64) & 0x21, 0x21);
  t.is(board.in(0x60), 0x5a);
});

test('nobody is plugged in: a timeout, with its interrupt', t => {
  const { board, raised, command } = machine();
  command(0x60, 0x03);
  board.out(0x60, 0xf2);
  t.is(board.in(0x64) & 0x41, 0x41);
  t.is(board.in(0x60), 0xfe);
  command(0xd4, 0xf2);
  t.is(board.in(0x64) & 0x61, 0x61);
  t.is(board.in(0x60), 0xfe);
  t.deepEqual(raised, ['isa@1', 'isa@12']);
});

test('A20 and reset', t => {
  const { board, ps2, command } = machine();
  command(0xd1, 0xdd);
  t.false(board.board.a20.enabled);
  command(0xd0);
  t.is(board.in(0x60) & 2, 0);
  command(0xdf);
  t.true(board.board.a20.enabled);
  t.deepEqual(board.log, []);
  command(0xfe);
  t.deepEqual(board.log, ['reset']);
  command(0xd1, 0x02);
  t.deepEqual(board.log, ['reset', 'reset']);
  command(0xdd);
  ps2.reset();
  t.true(board.board.a20.enabled, 'as firmware leaves it');
});
