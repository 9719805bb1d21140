/** The kit can fail: it finds children that hang and that die, and goes on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runCases } from './run-cases.ts';

const program = fileURLToPath(new URL('fixtures/stubborn.ts', import.meta.url));

test('a case that hangs or dies costs no other its result', async t => {
  const cases = ['first', 'hangs', 'second', 'dies', 'third'].map(guest => {
    return { guest, accelerator: 'software', clock: 'host', seconds: 0.1 } as const;
  });
  const heard: string[] = [];
  const onResult = ({ guest }: { guest: string }, { kind }: { kind: string }): void => {
    heard.push(`${guest}: ${kind}`);
  };
  const results = await runCases(cases, { program, patience: 1, onResult });
  t.deepEqual(
    results.map(({ kind }) => kind),
    ['threw', 'hung', 'threw', 'died', 'threw'],
  );
  t.deepEqual(results[4], { kind: 'threw', error: 'third' });
  t.regex(JSON.stringify(results[3]), /exit status 3: no more/);
  t.deepEqual(heard, ['first: threw', 'hangs: hung', 'second: threw', 'dies: died', 'third: threw']);
});

test('a hung child ends with its parent', async t => {
  const parent = spawn(process.execPath, [
    '--import=tsx',
    fileURLToPath(new URL('fixtures/parent.ts', import.meta.url)),
  ]);
  const [data] = (await once(parent.stdout, 'data')) as [Buffer];
  const child = Number(data.toString());
  t.true(isAlive(child));
  parent.kill('SIGKILL');
  for (let second = 0; second < 60 && isAlive(child); second++) await sleep(1000);
  t.false(isAlive(child));
});

/** A zombie that nobody has waited for is over, too. */
function isAlive(identifier: number): boolean {
  try {
    return !readFileSync(`/proc/${identifier}/stat`, 'latin1').includes(') Z ');
  } catch {
    return false;
  }
}
