import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, type FileHandle, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { BlockError, type ErrorCode, MachineError } from '#core';
import { FileDisk } from '../../../cli/host/file-disk.ts';
import { needs } from '../../support/needs.ts';

const run = promisify(execFile);

async function folder(t: ExecutionContext): Promise<(name: string) => string> {
  const path = await mkdtemp(join(tmpdir(), 'virt64-disk-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return name => join(path, name);
}

async function image(t: ExecutionContext, size = 4096): Promise<string> {
  const path = (await folder(t))('disk.img');
  await writeFile(
    path,
    Uint8Array.from({ length: size }, (_, at) => at >> 9),
  );
  return path;
}

test('reads, writes and flushes', async t => {
  const path = await image(t);
  const disk = await FileDisk.open(path);
  t.is(disk.size, 4096);
  const bytes = new Uint8Array(1024);
  await disk.read(512, bytes);
  t.deepEqual(
    bytes,
    Uint8Array.from({ length: 1024 }, (_, at) => 1 + (at >> 9)),
  );
  await disk.write(3584, new Uint8Array(512).fill(0xaa));
  await disk.flush();
  await disk.close();
  const file = await readFile(path);
  t.is(file.length, 4096);
  t.deepEqual([file[3583], file[3584], file[4095]], [6, 0xaa, 0xaa]);
});

test.serial('a flush is fsync', async t => {
  const path = await image(t);
  const handle = await open(path);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const { sync } = prototype;
  let synced = 0;
  prototype.sync = function (this: FileHandle) {
    synced++;
    return sync.call(this);
  };
  t.teardown(() => {
    prototype.sync = sync;
  });
  const disk = await FileDisk.open(path);
  await disk.flush();
  t.is(synced, 1);
  await disk.close();
});

test('read-only: writes fail, the file need not be writable', async t => {
  const path = await image(t);
  await chmod(path, 0o444);
  const disk = await FileDisk.open(path, { readOnly: true });
  await t.throwsAsync(disk.write(0, new Uint8Array(512)), { instanceOf: BlockError });
  await disk.flush();
  await disk.close();
});

async function refused(t: ExecutionContext, path: string, code: ErrorCode, message: RegExp): Promise<string> {
  const error = await t.throwsAsync(FileDisk.open(path), { instanceOf: MachineError, message });
  t.is(error.code, code);
  return error.remedy ?? '';
}

test('a file that cannot be a disk: what is wrong and what to do', async t => {
  const at = await folder(t);
  t.regex(await refused(t, at('missing'), 'file-not-found', /no such file/), /truncate/);
  t.truthy(await refused(t, at('.'), 'file-not-found', /directory/));
  t.truthy(await refused(t, '/dev/null', 'bad-image', /not a file/));
  await writeFile(at('empty'), '');
  t.regex(await refused(t, at('empty'), 'bad-image', /empty/), /make this one .*truncate -s 1G/);
  // Opened to be read only: it may not be written.
  if (!existsSync('/proc/version')) return;
  const error = await t.throwsAsync(FileDisk.open('/proc/version', { readOnly: true }), { instanceOf: MachineError });
  t.regex(error.message, /no size of its own/);
  t.notRegex(error.remedy ?? '', /truncate/);
});

test('no advice would change a file', async t => {
  const at = await folder(t);
  await writeFile(at('text'), 'root:x:0:0:root:/root:/bin/bash\n'.repeat(30).slice(0, 955));
  t.is(await refused(t, at('text'), 'bad-image', /955 bytes/), 'name a raw disk image');
  const boot = Buffer.alloc(1000);
  boot.write('\x55\xaa', 510, 'latin1');
  await writeFile(at("it's odd"), boot);
  const remedy = await refused(t, at("it's odd"), 'bad-image', /1000 bytes/);
  const [, command] = /: (cp .*)$/.exec(remedy)!;
  await run('sh', ['-c', command!]);
  t.deepEqual(await readFile(at("it's odd")), boot);
  const copy = await FileDisk.open(at("it's odd.raw"));
  t.is(copy.size, 1024);
  await copy.close();
  t.regex(await refused(t, at("it's odd"), 'bad-image', /1000/), /odd\.2\.raw/, 'the copy is there already');
});

const wrapped = {
  'qcow2 image': 'QFI\xfb',
  'vmdk image': 'KDMV',
  'vhdx image': 'vhdxfile',
  'vdi image': '<<< Oracle VM VirtualBox Disk Image >>>',
};

for (const [name, signature] of Object.entries(wrapped))
  test(`a ${name} is no raw one`, async t => {
    const at = await folder(t);
    for (const size of [1024, 1000]) {
      await writeFile(at('x'), Buffer.from(signature.padEnd(size, '\0'), 'latin1'));
      t.regex(await refused(t, at('x'), 'bad-image', new RegExp(name)), /qemu-img convert -O raw \S+x \S+x\.raw$/);
    }
  });

for (const program of ['gzip', 'xz', 'zstd', 'bzip2'])
  test(`what ${program} has compressed is no disk, and the advice unpacks it`, async t => {
    const at = await folder(t);
    const magic = { gzip: '\x1f\x8b\x08', xz: '\xfd7zXZ\0', zstd: '\x28\xb5\x2f\xfd', bzip2: 'BZh91AY' }[program]!;
    await writeFile(at('a.img'), new Uint8Array(4096).fill(7));
    const isHere = await run('sh', ['-c', `${program} -c < a.img > packed`], { cwd: at('.') }).then(
      () => true,
      () => false,
    );
    if (!isHere) await writeFile(at('packed'), Buffer.from(magic.padEnd(1024, '\0'), 'latin1'));
    const remedy = await refused(t, at('packed'), 'bad-image', new RegExp(`compressed by ${program}`));
    if (!isHere) return;
    await run('sh', ['-c', remedy.replace('unpack it: ', '')]);
    t.deepEqual(await readFile(at('packed.raw')), Buffer.alloc(4096, 7));
  });

test('a medium that fails is a BlockError', async t => {
  const path = await image(t);
  const disk = await FileDisk.open(path);
  await truncate(path, 512);
  await t.throwsAsync(disk.read(1024, new Uint8Array(512)), { instanceOf: BlockError, message: /shorter/ });
  await t.throwsAsync(disk.write(4096, new Uint8Array(512)), { instanceOf: BlockError });
  await disk.close();
  await t.throwsAsync(disk.read(0, new Uint8Array(512)), { instanceOf: BlockError });
});

/** Makes one method of all file handles fail, or wait, until the test ends. */
async function patchHandles<K extends 'write' | 'sync' | 'read'>(
  t: ExecutionContext,
  name: K,
  patch: (original: FileHandle[K]) => (this: FileHandle, ...parameters: never[]) => Promise<unknown>,
): Promise<void> {
  const handle = await open(tmpdir());
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const original = prototype[name];
  prototype[name] = patch(original) as never;
  t.teardown(() => {
    prototype[name] = original;
  });
}

const hostError = (code: string) => Object.assign(new Error(`${code}: told by the host`), { code });

for (const [code, why] of [
  ['ENOSPC', /file system is full/],
  ['EDQUOT', /quota/],
  ['EFBIG', /ulimit -f/],
  ['EIO', /medium has failed/],
  ['EWHATEVER', /told by the host/],
] as const)
  test.serial(`${code} is an I/O error to the guest, and told once to whom it concerns`, async t => {
    const path = await image(t);
    const told: MachineError[] = [];
    const disk = await FileDisk.open(path, { onFailure: failure => told.push(failure) });
    t.is(disk.failure, undefined);
    await patchHandles(t, 'write', () => () => Promise.reject(hostError(code)));
    for (let n = 0; n < 3; n++) {
      await t.throwsAsync(disk.write(0, new Uint8Array(512)), { instanceOf: BlockError, message: why });
    }
    t.is(told.length, 1);
    t.is(disk.failure, told[0]);
    t.true(told[0].message.startsWith(`${path}: writing failed`));
    t.truthy(told[0].remedy);
    await disk.close();
  });

test.serial('a host that writes nothing does not keep us forever', async t => {
  const disk = await FileDisk.open(await image(t));
  await patchHandles(t, 'write', () => async () => ({ bytesWritten: 0, buffer: new Uint8Array(0) }));
  await t.throwsAsync(disk.write(0, new Uint8Array(512)), { instanceOf: BlockError });
  await disk.close();
});

test.serial('closing waits for what is under way, and flushes what was written', async t => {
  const log: string[] = [];
  await patchHandles(
    t,
    'write',
    original =>
      async function (this: FileHandle, ...parameters) {
        await new Promise(resolve => setTimeout(resolve, 20));
        log.push('written');
        return (original as (...all: never[]) => Promise<unknown>).apply(this, parameters);
      },
  );
  await patchHandles(
    t,
    'sync',
    original =>
      function (this: FileHandle) {
        log.push('flushed');
        return original.call(this);
      },
  );
  const path = await image(t);
  const disk = await FileDisk.open(path);
  const write = disk.write(512, new Uint8Array(512).fill(9));
  await Promise.all([disk.close(), disk.close()]);
  await write;
  t.deepEqual(log, ['written', 'flushed']);
  await t.notThrowsAsync(disk.flush(), 'there is nothing left');
  await t.throwsAsync(disk.write(0, new Uint8Array(512)), { instanceOf: BlockError, message: /closed/ });
  t.is(disk.failure, undefined);
  {
    await using reader = await FileDisk.open(path, { readOnly: true });
    await reader.read(0, new Uint8Array(512));
  }
  t.deepEqual(log, ['written', 'flushed'], 'what is only read needs no flush');
});

test.serial('a flush that fails when the disk is closed is a failure, and the image is free', async t => {
  const path = await image(t);
  const told: MachineError[] = [];
  const disk = await FileDisk.open(path, { onFailure: failure => told.push(failure) });
  await disk.write(0, new Uint8Array(512));
  await patchHandles(t, 'sync', () => () => Promise.reject(hostError('EIO')));
  await t.throwsAsync(disk.close(), { instanceOf: BlockError, message: /flushing failed/ });
  t.is(told.length, 1);
  const again = await FileDisk.open(path, { readOnly: true });
  await again.close();
});

needs('qemu-img')('an image by qemu-img is a disk, and what was written is what qemu-img reads', async t => {
  const at = await folder(t);
  await run('qemu-img', ['create', '-f', 'raw', at('a.img'), '1M']);
  const disk = await FileDisk.open(at('a.img'));
  t.is(disk.size, 2 ** 20);
  await disk.write(512 * 7, new Uint8Array(512).fill(0x5a));
  await disk.flush();
  await disk.close();
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', at('a.img'), at('b.qcow2')]);
  await t.throwsAsync(FileDisk.open(at('b.qcow2')), { message: /qcow2/ });
  await run('qemu-img', ['convert', '-O', 'raw', at('b.qcow2'), at('c.img')]);
  const copy = await FileDisk.open(at('c.img'), { readOnly: true });
  const sector = new Uint8Array(512);
  await copy.read(512 * 7, sector);
  t.deepEqual(sector, new Uint8Array(512).fill(0x5a));
  await copy.close();
});
