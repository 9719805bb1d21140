import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  type FileHandle,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
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

test('a file that cannot be a disk: what is wrong and what to do', async t => {
  const at = await folder(t);
  const refuses = async (path: string, code: ErrorCode, message: RegExp) => {
    const error = await t.throwsAsync(FileDisk.open(path), { instanceOf: MachineError, message });
    t.is(error.code, code);
    t.truthy(error.remedy);
  };
  await refuses(at('missing'), 'file-not-found', /no such file/);
  await refuses(at('.'), 'file-not-found', /directory/);
  await writeFile(at('empty'), '');
  await refuses(at('empty'), 'bad-image', /empty/);
  await writeFile(at('odd'), new Uint8Array(1000));
  await refuses(at('odd'), 'bad-image', /1000 bytes.*truncate -s 1024/);
  await writeFile(at('qcow2'), Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), new Uint8Array(508)]));
  await refuses(at('qcow2'), 'bad-image', /qcow2.*qemu-img convert/);
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

test('one writer at a time; a dead one does not count', async t => {
  const path = await image(t);
  const first = await FileDisk.open(path);
  const error = await t.throwsAsync(FileDisk.open(path), { instanceOf: MachineError, message: /locked/ });
  t.regex(error.remedy ?? '', /\.lock/);
  await t.throwsAsync(FileDisk.open(path, { readOnly: true }), { instanceOf: MachineError });
  const alias = `${path}.alias`;
  await symlink(path, alias);
  await t.throwsAsync(FileDisk.open(alias), { instanceOf: MachineError, message: /locked/ });
  await unlink(alias);
  await first.close();
  const child = spawn('true');
  await once(child, 'exit');
  await writeFile(`${path}.lock`, `${child.pid}\n`);
  const second = await FileDisk.open(path);
  await second.close();
  const readers = await Promise.all([1, 2].map(() => FileDisk.open(path, { readOnly: true })));
  await Promise.all(readers.map(reader => reader.close()));
  t.deepEqual(await readdir(join(path, '..')), ['disk.img'], 'no locks are left');
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
