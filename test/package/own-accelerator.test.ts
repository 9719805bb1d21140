/** A project outside of the tree has an accelerator of its own, and runs the contract's suite from the installed package on it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { project } from './installed.ts';

const compilers = ['5.9', '6', '7'];

for (const version of compilers)
  test.serial(`TypeScript ${version} takes an accelerator of one's own, all declarations checked`, async t => {
    const own = await project(t, 'own-accelerator');
    const { status, stdout } = own.node(`../../node_modules/typescript-${version}/bin/tsc`, '--skipLibCheck', 'false');
    t.is(status, 0, stdout);
  });

test.serial("an accelerator of one's own passes the contract's suite", async t => {
  const own = await project(t, 'own-accelerator');
  const { status, stdout, stderr } = own.node('--test', '--test-reporter=tap');
  t.is(
    status,
    0,
    stdout
      .split('\n')
      .filter(line => /^ *not ok|error:/.test(line))
      .join('\n') + stderr,
  );
  const passed = Number(/^# pass (\d+)$/m.exec(stdout)?.[1]);
  t.true(passed > 250, `${passed}`);
});

test.serial('an accelerator that does one thing wrong is told which', async t => {
  const own = await project(t, 'own-accelerator');
  const text = readFileSync(join(own.folder, 'counting.ts'), 'utf8');
  const wrong = text.replace('return board.ports.read(port, size);', 'return board.ports.read(port, size) ^ 1;');
  t.not(wrong, text);
  own.write('counting.ts', wrong);
  const { status, stdout } = own.node('--test', '--test-reporter=tap', '--test-name-pattern=IN and OUT of every size');
  t.not(status, 0);
  t.regex(stdout, /not ok 1 - counting: IN and OUT of every size/);
  t.regex(stdout, /\(0x[0-9a-f]+\) is not \d+n \(0x[0-9a-f]+\)/);
});
