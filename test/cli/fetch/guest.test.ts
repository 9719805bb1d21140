import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { defaultCache, guestPaths } from '../../../cli/fetch/cache.ts';
import { fetchGuest, keptModules } from '../../../cli/fetch/guest.ts';
import { readModules } from '../../../cli/fetch/kernel-modules.ts';
import { withLock } from '../../../cli/fetch/lock.ts';
import { MachineError } from '../../../core/board/framework/error.ts';

function temporary(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-fetch-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a filled cache needs neither apt nor network', async t => {
  const cache = temporary(t);
  const paths = guestPaths(cache);
  mkdirSync(paths.folder);
  writeFileSync(
    paths.manifest,
    JSON.stringify({ kernelRelease: '1.2.3', packages: {}, modules: keptModules, sha256: {} }),
  );
  const guest = await fetchGuest({ cache, onProgress: () => t.fail() });
  t.is(guest.versions.kernelRelease, '1.2.3');
});

test.serial('without apt the user is told what to do instead', async t => {
  const cache = temporary(t);
  const path = process.env.PATH;
  process.env.PATH = join(cache, 'nothing-here');
  t.teardown(() => {
    process.env.PATH = path;
  });
  const error = await t.throwsAsync(fetchGuest({ cache }), { instanceOf: MachineError });
  t.is(error?.code, 'guest-unavailable');
  t.regex(error!.message, /apt-get/);
  t.regex(error!.remedy!, /--kernel/);
  t.false(existsSync(guestPaths(cache).folder));
});

test('in a checkout the cache is its own', t => {
  const checkout = temporary(t);
  mkdirSync(join(checkout, '.git'));
  writeFileSync(join(checkout, 'package.json'), '{}');
  mkdirSync(join(checkout, 'a/b'), { recursive: true });
  const { VIRT64_CACHE } = process.env;
  delete process.env.VIRT64_CACHE;
  t.teardown(() => {
    if (VIRT64_CACHE !== undefined) process.env.VIRT64_CACHE = VIRT64_CACHE;
  });
  t.is(defaultCache(join(checkout, 'a/b')), join(checkout, '.cache/virt64'));
});

test('modules come after what they depend on, whatever their files are called', async t => {
  const tree = temporary(t);
  mkdirSync(join(tree, 'kernel'));
  const write = (name: string, depends: string) =>
    writeFileSync(join(tree, 'kernel', `${name}.ko`), `\0license=GPL\0depends=${depends}\0name=${name}\0`);
  write('virtio-rng', 'virtio_ring,virtio');
  write('virtio_ring', 'virtio');
  write('virtio', '');
  write('other', '');
  const modules = await readModules(tree, ['virtio-rng', 'built_in']);
  t.deepEqual(
    modules.map(({ name }) => name),
    ['virtio', 'virtio_ring', 'virtio_rng'],
  );
  write('net-core', 'virtio-rng,loop_b');
  write('loop_a', 'loop_b');
  write('loop_b', 'loop_a');
  const round = await readModules(tree, ['net_core', 'loop_a']);
  t.deepEqual(
    round.map(({ name, dependencies }) => [name, ...dependencies]),
    [
      ['virtio'],
      ['virtio_ring', 'virtio'],
      ['virtio_rng', 'virtio_ring', 'virtio'],
      ['loop_a', 'loop_b'],
      ['loop_b', 'loop_a'],
      ['net_core', 'virtio_rng', 'loop_b'],
    ],
    'each once, in a circle too, by the kernel’s names',
  );
});

test('modules are unpacked, whatever packed them', async t => {
  const tree = temporary(t);
  const module = Buffer.from('\0depends=\0and code');
  writeFileSync(join(tree, 'one.ko.gz'), gzipSync(module));
  writeFileSync(join(tree, 'two.ko.zst'), zstdCompressSync(module));
  writeFileSync(join(tree, 'three.ko.xz'), spawnSync('xz', ['-c'], { input: module }).stdout);
  for (const { name, content } of await readModules(tree, ['one', 'two', 'three'])) {
    t.deepEqual(Buffer.from(content), module, name);
  }
  writeFileSync(join(tree, 'four.ko.xz'), 'damaged');
  await t.throwsAsync(readModules(tree, ['four']), { instanceOf: MachineError, message: /four\.ko\.xz.*xz/ });
});

test('a lock excludes, and outlives no process', async t => {
  const file = join(temporary(t), 'lock');
  let inside = 0;
  const work = async () => {
    t.is(++inside, 1);
    await new Promise(resolve => setTimeout(resolve, 10));
    inside--;
  };
  await Promise.all([withLock(file, work), withLock(file, work)]);
  const pidThatNeverIs = 2 ** 30;
  // The last two are what a computer that lost its power may leave.
  for (const left of [`${pidThatNeverIs}\n`, '', '\0\0\0']) {
    writeFileSync(file, left);
    await withLock(file, work);
    t.false(existsSync(file));
  }
});
