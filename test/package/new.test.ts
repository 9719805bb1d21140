/** What `virt64 new` of the installed package writes works as it is: the compiler takes it, its tests pass, its README's commands run. */
import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { guestPaths } from '../../cli/fetch/cache.ts';
import { type Project, project } from './installed.ts';

async function example(t: ExecutionContext, kind: string, name: string): Promise<Project> {
  const app = await project(t);
  t.is(app.npx('virt64', 'new', kind, name).status, 0);
  const written = app.inside(name);
  const checked = written.node('../../../node_modules/typescript-7/bin/tsc', '--skipLibCheck', 'false');
  t.is(checked.status, 0, checked.stdout);
  return written;
}

function passes(t: ExecutionContext, written: Project, count: number): void {
  const { status, stdout } = written.node('--test');
  t.is(status, 0, stdout);
  t.regex(stdout, new RegExp(`pass ${count}\n`));
}

test.serial('a device', async t => {
  const written = await example(t, 'device', 'door-bell');
  passes(t, written, 2);
  const plugin = ['--plugin', './door-bell.ts'];
  t.regex(written.npx('virt64', 'devices', ...plugin).stdout, /^door-bell\b/m);
  t.regex(written.npx('virt64', 'machines', ...plugin).stdout, /^door-bell-machine\b/m);
});

test.serial('a profile', async t => {
  const written = await example(t, 'profile', 'cash-register');
  passes(t, written, 4);
  const { status, stdout, stderr } = written.npx(
    ...['virt64', 'run', '--plugin', './cash-register.ts', '--machine', 'cash-register'],
  );
  t.is(stdout, 'hello from cash-register\n', stderr);
  t.is(status, 0);
});

const linuxTest = existsSync(guestPaths().manifest) ? test.serial : test.serial.skip;

linuxTest('a test', async t => {
  passes(t, await example(t, 'test', 'boots'), 1);
});
