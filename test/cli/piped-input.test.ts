import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import type { Gate } from '#machines';
import { PipedInput } from '../../cli/piped-input.ts';
import { Standing } from '../../cli/standing.ts';

function pipe(clock: 'virtual' | 'host') {
  const typed: string[] = [];
  const console = { listens: false, waiting: 0 };
  let gate: Gate = () => undefined;
  const serial = {
    get listens() {
      return console.listens;
    },
    get waiting() {
      return console.waiting;
    },
    type: (data: string | Uint8Array) => {
      typed.push(Buffer.from(data).toString());
      console.waiting += data.length;
    },
    addGate: (added: Gate) => {
      gate = added;
      return { [Symbol.dispose]() {} };
    },
  };
  const stdin = new PassThrough();
  const standing = new Standing({ limit: () => Number.POSITIVE_INFINITY, tooLong: () => {} });
  let notices = 0;
  const input = new PipedInput(stdin, { serial, clock, standing, onWait: () => notices++ });
  return { typed, console, stdin, standing, input, pass: () => gate(), notices: () => notices };
}

test('in real time: held until the guest listens; then typed as it comes', async t => {
  const { typed, console, stdin, pass, input } = pipe('host');
  using _input = input;
  stdin.write('one');
  await turn();
  t.is(pass(), undefined);
  t.deepEqual(typed, []);
  console.listens = true;
  t.is(pass(), undefined);
  t.deepEqual(typed, ['one']);
  stdin.write('two');
  await turn();
  t.deepEqual(typed, ['one', 'two'], 'without the machine’s asking: it may be asleep');
});

test('under the virtual clock the machine stands until the input has ended, and gets it at once', async t => {
  const { typed, console, stdin, pass, input } = pipe('virtual');
  using _input = input;
  stdin.write('one');
  await turn();
  t.is(pass(), undefined, 'the guest does not listen yet, and goes on');
  console.listens = true;
  let goesOn = false;
  const standing = pass()!.then(() => {
    goesOn = true;
  });
  stdin.write('two');
  await turn();
  t.deepEqual([typed, goesOn], [[], false]);
  stdin.end('three');
  await standing;
  t.deepEqual(typed, ['onetwothree']);
  console.waiting = 0;
  t.is(pass(), undefined, 'there is nothing more');
});

test('endless input is taken in pieces of one size, however it comes, and the rest waits in the pipe', async t => {
  const sizes: number[][] = [];
  for (const piece of [1000, 70_000]) {
    const { typed, console, stdin, pass, input } = pipe('virtual');
    using _input = input;
    console.listens = true;
    let written = 0;
    const writer = async (): Promise<void> => {
      for (; written < 1_000_000; written += piece) {
        if (!stdin.write('x'.repeat(piece))) await new Promise(resolve => stdin.once('drain', resolve));
      }
    };
    void writer();
    for (let count = 0; count < 5; count++) {
      await pass();
      t.true(written < 500_000, 'the writer is held back');
      console.waiting -= 40_000;
    }
    sizes.push(typed.map(({ length }) => length));
  }
  t.deepEqual(sizes[0], sizes[1]);
});

test('when the run is over, nobody waits for input any more', async t => {
  const { console, pass, standing, input } = pipe('virtual');
  console.listens = true;
  const stood = pass();
  standing.release();
  await stood;
  t.is(await pass(), undefined);
  input[Symbol.dispose]();
});

test('after a while it says once what it waits for', async t => {
  const { console, pass, notices, stdin, input } = pipe('virtual');
  using _input = input;
  console.listens = true;
  const stood = pass();
  while (notices() === 0) await new Promise(resolve => setTimeout(resolve, 50));
  stdin.end();
  await stood;
  t.is(notices(), 1);
});
