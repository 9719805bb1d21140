/** Fetches that go well, go wrong, and are tried again; apt is played by a script. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { MachineError } from '#core';
import { defaultCache, guestPaths } from '../../../cli/fetch/cache.ts';
import { fetchGuest } from '../../../cli/fetch/guest.ts';
import { guest } from '../../../cli/fetch/initrd.ts';
import { withLock } from '../../../cli/fetch/lock.ts';
import { isHere } from '../../support/tools.ts';
import { fakeApt } from './fake-apt.ts';

const bin = fileURLToPath(new URL('../../../cli/bin.js', import.meta.url));
const environment = { ...process.env };
test.afterEach.always(() => {
  for (const name of ['PATH', 'FAKE_APT', 'VIRT64_CACHE', 'XDG_CACHE_HOME']) {
    const { [name]: before } = environment;
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
});

/** An empty cache, and the scripts in PATH. */
function prepare(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-fake-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  process.env.PATH = fakeApt(folder);
  return join(folder, 'cache');
}

async function refusal(t: ExecutionContext, cache: string): Promise<MachineError> {
  const error = await t.throwsAsync(fetchGuest({ cache }), { instanceOf: MachineError });
  t.is(error.code, 'guest-unavailable');
  t.regex(error.remedy!, /--kernel FILE --initrd FILE/);
  t.false(existsSync(guestPaths(cache).folder));
  return error;
}

test.serial('steps are told with their sizes, downloads with their per cent', async t => {
  const cache = prepare(t);
  const told: (string | number)[] = [];
  const { versions, kernel } = await fetchGuest({
    cache,
    onProgress: step => told.push(step),
    onAdvance: percent => told.push(percent),
  });
  t.deepEqual(told, [
    'reading package lists',
    99,
    'downloading linux-image-1.2.3 1:2, 12.3 MB',
    41,
    'downloading busybox-static 1:2, 12.3 MB',
    41,
    'unpacking the guest',
    `ready in ${guestPaths(cache).folder}`,
  ]);
  t.deepEqual(versions.packages, { 'linux-image-1.2.3': '1:2', 'busybox-static': '1:2' });
  t.is(versions.kernelRelease, '1.2.3');
  t.is(readFileSync(kernel, 'utf8'), 'kernel\n');
  t.deepEqual(readdirSync(cache), ['guest'], 'nothing else is left');
});

test.serial('on Ubuntu the modules are a package of their own; init loads those that exist', async t => {
  const cache = prepare(t);
  process.env.FAKE_APT = 'ubuntu';
  const { initrd } = await guest({ cache, modules: ['virtio-rng', 'virtio-pci'] });
  const { versions, modules } = await fetchGuest({ cache });
  t.deepEqual(Object.keys(versions.packages), ['linux-image-1.2.3', 'linux-modules-1.2.3', 'busybox-static']);
  t.deepEqual(readdirSync(modules), ['virtio_rng.ko']);
  const text = Buffer.from(initrd).toString('latin1');
  t.regex(text, /\nmodprobe 'virtio_rng'\n/);
  t.notRegex(text, /virtio.pci/);
});

test.serial('asked to, it fetches again; what was left half done goes', async t => {
  const cache = prepare(t);
  await fetchGuest({ cache });
  mkdirSync(join(cache, 'partial-x', 'root'), { recursive: true });
  const steps: string[] = [];
  await fetchGuest({ cache, refresh: true, onProgress: step => steps.push(step) });
  t.is(steps[0], 'reading package lists');
  t.deepEqual(readdirSync(cache), ['guest']);
});

test.serial('what goes wrong is told by its cause, and the next try begins anew', async t => {
  const cache = prepare(t);
  const causes = {
    update: /lists cannot be downloaded: W: Failed to fetch http:\/\/deb: refused \(/,
    download: /cannot download the package linux-image-1\.2\.3: E: Failed to fetch it \(/,
    unpack: /cannot unpack the package linux-image-1\.2\.3: tar: No space left on device \(/,
  };
  for (const [step, cause] of Object.entries(causes)) {
    process.env.FAKE_APT = step;
    t.regex((await refusal(t, cache)).message, cause);
  }
  delete process.env.FAKE_APT;
  t.is((await fetchGuest({ cache })).versions.kernelRelease, '1.2.3');
});

test.serial('a cache that has been damaged, or was made for fewer modules, is fetched again', async t => {
  const cache = prepare(t);
  const { kernel, manifest, modules } = await fetchGuest({ cache });
  const damages = [
    () => rmSync(kernel),
    () => writeFileSync(kernel, 'kern'),
    () => rmSync(join(modules, 'virtio_rng.ko')),
    () => writeFileSync(manifest, '{"kernelRel'),
    () => writeFileSync(manifest, '{}'),
    () => writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"evdev",', '')),
  ];
  for (const [index, damage] of damages.entries()) {
    damage();
    const steps: string[] = [];
    await fetchGuest({ cache, onProgress: step => steps.push(step) });
    t.is(steps.at(-1), `ready in ${guestPaths(cache).folder}`, `damage ${index}`);
    t.is(readFileSync(kernel, 'utf8'), 'kernel\n');
  }
  await fetchGuest({ cache, onProgress: step => t.fail(step) });
});

test.serial('modules that the guest has neither as a file nor in its kernel are refused', async t => {
  const cache = prepare(t);
  const error = await t.throwsAsync(guest({ cache, modules: ['virtio-blk', 'virtio_rgn'] }), {
    instanceOf: MachineError,
  });
  t.like(error, { code: 'bad-argument', path: 'modules' });
  t.regex(error.message, /no module "virtio_rgn"/);
  t.regex(error.remedy!, /^did you mean virtio_rng\? it has virtio_rng,/);
  t.deepEqual((await fetchGuest({ cache })).versions.builtin, ['virtio_pci', 'virtio_blk']);
});

test.serial(
  'an old cache, which does not tell what is in the kernel, is fetched again only if that matters',
  async t => {
    const cache = prepare(t);
    const { manifest, versions } = await fetchGuest({ cache });
    const { builtin: _, ...old } = versions;
    writeFileSync(manifest, JSON.stringify(old));
    await guest({ cache, modules: ['virtio_rng'], onProgress: step => t.fail(step) });
    await guest({ cache, modules: ['virtio_blk'] });
    t.deepEqual(JSON.parse(readFileSync(manifest, 'utf8')), versions);
    await guest({ cache, modules: ['virtio_blk'], onProgress: step => t.fail(step) });
  },
);

test.serial('where the package does not tell either, modules without a file are passed over', async t => {
  const cache = prepare(t);
  process.env.FAKE_APT = 'unlisted';
  await guest({ cache, modules: ['virtio_blk'] });
  t.is((await fetchGuest({ cache })).versions.builtin, null);
  await guest({ cache, modules: ['virtio_blk'], onProgress: step => t.fail(step) });
});

/** What may stand where the cache or its lock should be. */
const unusable: Readonly<Record<string, (cache: string) => string>> = {
  'a file in its way': cache => join(asFile(cache), 'below'),
  'a file in its place': asFile,
  'a dangling link': cache => asLink(cache, `${cache}-nowhere`),
  'a link to itself': cache => asLink(cache, cache),
  'a folder below /proc': () => '/proc/virt64-cache',
  'a device': () => '/dev/null/cache',
  'a name that is too long': cache => join(cache, 'x'.repeat(300)),
  'a folder as its lock': cache => dirname(asFolder(join(cache, 'lock'))),
  'a dangling link as its lock': cache => dirname(asLink(join(asFolder(cache), 'lock'), '/nowhere')),
};

function asFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

function asFile(path: string): string {
  writeFileSync(path, 'a file');
  return path;
}

function asLink(path: string, target: string): string {
  symlinkSync(target, path);
  return path;
}

for (const [what, prepared] of Object.entries(unusable)) {
  test.serial(`a cache that cannot be used is an error, not a hang: ${what}`, async t => {
    t.timeout(60_000);
    const cache = prepared(prepare(t));
    const error = await refusal(t, cache);
    t.true(error.message.startsWith(`the cache ${cache} cannot be used: E`), error.message);
    t.regex(error.remedy!, /VIRT64_CACHE/);
  });
}

const hasOtherUsers = process.getuid?.() === 0 && isHere('setpriv');

(hasOtherUsers ? test.serial : test.serial.skip)('nor may its owner be another', t => {
  const cache = prepare(t);
  const runAsNobody = () => {
    const user = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, bin, 'run', '--timeout', '1ms'];
    const env = { ...process.env, VIRT64_CACHE: cache };
    const { status, stderr } = spawnSync('setpriv', user, { env, input: '', encoding: 'utf8', timeout: 60_000 });
    return { status, stderr };
  };
  chmodSync(join(cache, '..'), 0o755);
  for (const mode of [0o755, 0o700]) {
    mkdirSync(cache);
    chmodSync(cache, mode);
    const { status, stderr } = runAsNobody();
    t.is(status, 69, stderr);
    t.regex(stderr, /cannot be used: EACCES: .*\n.*VIRT64_CACHE/);
    rmSync(cache, { recursive: true });
  }
  mkdirSync(cache);
  chmodSync(cache, 0o777);
  writeFileSync(join(cache, 'lock'), `${process.pid}\n`, { mode: 0o600 });
  const { status, stderr } = runAsNobody();
  t.is(status, 69, stderr);
  t.regex(stderr, /cannot be used: EACCES: .*lock/);
});

test.serial('two at a time fetch once, and the second says what it waits for', async t => {
  const cache = prepare(t);
  const steps: string[] = [];
  const { promise: bothWait, resolve } = Promise.withResolvers<void>();
  const lock = join(cache, 'lock');
  const waits = `waiting for process ${process.pid}, which has ${lock}`;
  const onProgress = (step: string): void => {
    steps.push(step);
    if (steps.filter(each => each === waits).length === 2) resolve();
  };
  mkdirSync(cache, { recursive: true });
  await Promise.all([
    withLock(lock, () => bothWait),
    fetchGuest({ cache, onProgress }),
    fetchGuest({ cache, onProgress }),
  ]);
  t.is(steps.filter(step => step === 'unpacking the guest').length, 1, steps.join('\n'));
});

test.serial('a signal ends the fetch: nothing runs on, nothing is locked', async t => {
  const cache = prepare(t);
  const pidFile = join(cache, '..', 'pid');
  const env = { ...process.env, VIRT64_CACHE: cache, FAKE_APT: 'slow', FAKE_APT_PID: pidFile };
  const child = spawn(process.execPath, [bin, 'run'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = once(child, 'close');
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const pid = (): number => (existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0);
  while (pid() === 0) await delay(20);
  child.kill('SIGTERM');
  t.deepEqual(await closed, [130, null]);
  t.is(errors, 'reading package lists\nvirt64: quit\n');
  t.false(existsSync(join(cache, 'lock')));
  const download = pid();
  t.teardown(() => isAlive(download) && process.kill(download));
  for (let tries = 0; isAlive(download) && tries < 6000; tries++) await delay(20);
  t.false(isAlive(download));
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const inTerminal = isHere('script') ? test.serial : test.serial.skip;

inTerminal('on a terminal the per cent are counted in place; on a dumb one they are not', t => {
  const said = (TERM: string): string => {
    const cache = prepare(t);
    const command = `"${process.execPath}" "${bin}" run`;
    const env = { ...process.env, VIRT64_CACHE: cache, TERM, NO_COLOR: '1' };
    return spawnSync('script', ['-qefc', command, '/dev/null'], { env, input: '', encoding: 'utf8' }).stdout;
  };
  const step = 'downloading busybox-static 1:2, 12.3 MB';
  t.true(said('xterm').includes(`\r\x1b[K${step}\r\x1b[K${step}: 41%\r\n`));
  const dumb = said('dumb');
  t.true(dumb.includes(`\n${step}\r\n`));
  t.notRegex(dumb, /\x1b|%/);
});

test.serial('outside of a checkout the cache is where XDG says', t => {
  delete process.env.VIRT64_CACHE;
  process.env.XDG_CACHE_HOME = '/somewhere';
  t.is(defaultCache(tmpdir()), '/somewhere/virt64');
  process.env.XDG_CACHE_HOME = '';
  t.is(defaultCache(tmpdir()), join(homedir(), '.cache', 'virt64'));
});

test.serial('VIRT64_CACHE names the cache, in a checkout too', t => {
  process.env.VIRT64_CACHE = '/somewhere/else';
  t.is(defaultCache(), '/somewhere/else');
});
