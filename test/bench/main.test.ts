/** The program `npm run bench`. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

const bench = (...args: string[]) =>
  spawnSync(process.execPath, ['--import=tsx', main, ...args], {
    encoding: 'utf8',
    env: { ...process.env, VIRT64_CACHE: '/dev/null/nowhere' },
  });

test('help fits a terminal', t => {
  const { status, stdout } = bench('--help');
  t.is(status, 0);
  for (const line of stdout.split('\n')) t.true(line.length <= 80, line);
});

test('without a kernel to boot the case is left out, and the rest is told', t => {
  const { status, stdout, stderr } = bench('--only', 'boot', '--no-qemu');
  t.is(status, 0, stderr);
  t.regex(stderr, /left out: the cache \/dev\/null\/nowhere cannot be used/);
  t.regex(stdout, /Node \d+/);
});
