/** From the command line to what is booted. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MachineError } from '#core';
import { pc, toyvirt } from '#machines';
import { parseRun } from '../../cli/arguments.ts';
import { bootOf } from '../../cli/boot.ts';
import { guestPaths } from '../../cli/fetch/cache.ts';
import { keptModules } from '../../cli/fetch/guest.ts';

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

/** Nothing in PATH, and a cache of its own. */
function withoutApt(t: ExecutionContext): string {
  const { PATH, VIRT64_CACHE } = process.env;
  t.teardown(() => {
    process.env.PATH = PATH;
    if (VIRT64_CACHE === undefined) delete process.env.VIRT64_CACHE;
    else process.env.VIRT64_CACHE = VIRT64_CACHE;
  });
  process.env.PATH = folder;
  return (process.env.VIRT64_CACHE = mkdtempSync(join(folder, 'cache-')));
}

test.serial('without apt nothing boots, unless a toy was asked for', async t => {
  withoutApt(t);
  for (const args of [[], ['--initrd', file('initrd')], ['--append', 'quiet', '--json']]) {
    const error = await t.throwsAsync(bootOf(pc, parseRun(['-q', ...args]), t.fail), { instanceOf: MachineError });
    t.is(error.code, 'guest-unavailable');
    t.regex(error.message, /^there is no Linux to boot: cannot run apt-get/);
    t.regex(error.remedy!, /--kernel FILE --initrd FILE.*virt64 demo/);
  }
  t.is(await bootOf(toyvirt, parseRun(['-M', 'toyvirt']), t.fail), toyvirt);
});

test.serial('an initrd of the user’s goes with the default guest’s kernel', async t => {
  const paths = guestPaths(withoutApt(t));
  mkdirSync(paths.folder);
  writeFileSync(paths.kernel, 'kernel');
  const manifest = { kernelRelease: '1.2.3', packages: {}, modules: keptModules, sha256: {} };
  writeFileSync(paths.manifest, JSON.stringify(manifest));
  const said: string[] = [];
  const initrd = file('own.img');
  const { boot } = await bootOf(
    pc.with({ clock: 'virtual' }),
    parseRun(['--initrd', initrd, '--append', 'quiet']),
    text => said.push(text),
  );
  t.deepEqual(boot, {
    kind: 'kernel',
    kernel: readFileSync(paths.kernel),
    initrd: readFileSync(initrd),
    commandLine: 'console=ttyS0 quiet',
  });
  t.deepEqual(said, [`Linux 1.2.3 with ${initrd}`]);
});

function file(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, 'content');
  return path;
}
