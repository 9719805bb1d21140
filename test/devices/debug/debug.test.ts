import test from 'ava';
import { MemoryStream } from '#core';
import { DebugConsole, DebugExit } from '#devices';
import { TestBoard } from '../support.ts';

test('a byte written is a byte printed, and the port says that it is there', t => {
  const board = new TestBoard();
  const stream = new MemoryStream();
  board.add('console', DebugConsole, { stream });
  board.out(0xe9, 0x41);
  t.is(stream.text, 'A');
  t.is(board.in(0xe9), 0xe9);
});

test('exit codes as in QEMU', t => {
  const board = new TestBoard();
  board.add('exit', DebugExit, {});
  board.out(0xf4, 0x10);
  board.out(0xf4, 0x0001, 4);
  t.deepEqual(board.log, ['exit 33', 'exit 3']);
});
