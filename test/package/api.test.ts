/** The public surface is the one that was written down. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const script = (name: string) =>
  spawnSync(process.execPath, ['--import=tsx', fileURLToPath(new URL(name, import.meta.url))], { encoding: 'utf8' });

test('the entry points are as their reports have them, and all that they speak of is exported', t => {
  const build = script('build.ts');
  t.is(build.status, 0, build.stderr);
  const check = script('check-api.ts');
  t.is(check.stderr, '');
  t.is(check.status, 0);
});
