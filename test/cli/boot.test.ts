/** From the command line to what is booted. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { pc } from '#machines';
import { parseRun } from '../../cli/arguments.ts';
import { bootOf } from '../../cli/boot.ts';

const folder = mkdtempSync(join(tmpdir(), 'virt64-boot-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

test('the kernel’s command line: the console, what the clock needs, and what the user gives', async t => {
  const [kernel, initrd] = ['kernel', 'initrd'].map(name => join(folder, name)) as [string, string];
  for (const file of [kernel, initrd]) writeFileSync(file, 'content');
  const lineOf = async (clock: 'host' | 'virtual', ...args: string[]) => {
    const { boot } = await bootOf(pc.with({ clock }), parseRun(['--kernel', kernel, ...args]), text => t.fail(text));
    t.is(boot?.kind, 'kernel');
    return boot?.kind === 'kernel' && [boot.commandLine, boot.initrd?.length];
  };
  t.deepEqual(await lineOf('virtual'), ['console=ttyS0', undefined]);
  t.deepEqual(await lineOf('virtual', '--append', 'a b'), ['console=ttyS0 a b', undefined]);
  t.deepEqual(await lineOf('host', '--append', 'a', '--initrd', initrd), ['console=ttyS0 no_timer_check a', 7]);
});

test.serial('where no Linux can be had, the embedded guest keeps the clock that was asked for', async t => {
  const { PATH, VIRT64_CACHE } = process.env;
  t.teardown(() => {
    process.env.PATH = PATH;
    if (VIRT64_CACHE === undefined) delete process.env.VIRT64_CACHE;
    else process.env.VIRT64_CACHE = VIRT64_CACHE;
  });
  process.env.PATH = folder;
  process.env.VIRT64_CACHE = join(folder, 'cache');
  for (const clock of ['host', 'virtual'] as const)
    t.like(await bootOf(pc.with({ clock }), parseRun(['-q']), () => {}), { name: 'toyvirt', clock });
});
