/** The kit can fail: it finds children that hang and that die, and goes on. */
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
