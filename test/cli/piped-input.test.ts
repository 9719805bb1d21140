import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { pc } from '#machines';
import { PipedInput } from '../../cli/piped-input.ts';

type Parts = ConstructorParameters<typeof PipedInput>[0];

function console(registers: object) {
  const typed: string[] = [];
  const machine = {
    profile: pc,
    devices: new Map([[pc.console, { inspect: () => registers }]]),
    serial: { type: (data: Uint8Array) => typed.push(Buffer.from(data).toString()) },
  } as unknown as Parts;
  return { machine, typed };
}

const several = 100;

test('held while the port is not opened, however long that takes; then typed in order', async t => {
  const registers = { interruptEnable: 2, polls: 3 };
  const { machine, typed } = console(registers);
  using input = new PipedInput(machine);
  input.type(Buffer.from('one'));
  await delay(several);
  input.type(Buffer.from('two'));
  t.deepEqual(typed, []);
  registers.interruptEnable = 3;
  input.type(Buffer.from('three'));
  t.deepEqual(typed, ['one', 'two', 'three']);
  registers.interruptEnable = 0;
  input.type(Buffer.from('four'));
  t.is(typed.length, 4, 'once open, open');
});

test('a guest that polls has no interrupt to enable', async t => {
  const registers = { interruptEnable: 0, polls: 1000 };
  const { machine, typed } = console(registers);
  using input = new PipedInput(machine);
  input.type(Buffer.from('typed'));
  t.deepEqual(typed, ['typed']);
});

test('a console without such registers takes input at once', t => {
  const { machine, typed } = console({ queues: 2 });
  using input = new PipedInput(machine);
  input.type(Buffer.from('typed'));
  t.deepEqual(typed, ['typed']);
});
