/** The disks that the command line names: each once, flushed on every way out, and their failures told. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { assemble, MachineError } from '#core';
import { closeDrives, driveDevices, haveDrivesFailed } from '../../cli/drive.ts';
import { guest } from '../../cli/fetch/initrd.ts';
import { syntheticKernel } from '../support/kernel.ts';
import { inNewMounts, newMounts } from '../support/namespaces.ts';

const bin = fileURLToPath(new URL('../../cli/bin.js', import.meta.url));

function folder(t: ExecutionContext): (name: string, content?: Uint8Array) => string {
  const path = mkdtempSync(join(tmpdir(), 'virt64-drive-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return (name, content) => {
    if (content) writeFileSync(join(path, name), content);
    return join(path, name);
  };
}

test.serial('one file is one drive, whatever it is called, unless it is only read', async t => {
  const at = folder(t);
  const first = at('a.img', new Uint8Array(1024));
  symlinkSync(first, at('symbolic'));
  linkSync(first, at('hard'));
  const other = at('b.img', new Uint8Array(1024));
  for (const drives of [
    [first, first],
    [first, other, at('symbolic')],
    [`${first},ro`, at('hard')],
    [at('hard'), `${first},ro`],
    [`${first},ro`, `${first},ro`, `file=${at('symbolic')}`],
  ]) {
    const error = await t.throwsAsync(driveDevices(drives), { instanceOf: MachineError, code: 'bad-argument' });
    t.is(error.path, '--drive');
    t.regex(error.message, /given twice|and .* are one file/);
    t.truthy(error.remedy);
  }
  const uses = await driveDevices([`${first},ro`, `${at('hard')},ro`, other]);
  t.is(Object.keys(uses).length, 3);
  await closeDrives();
});

test.serial('what was opened before an error is free again', async t => {
  const at = folder(t);
  const good = at('good.img', new Uint8Array(1024));
  await t.throwsAsync(driveDevices([good, at('missing')]), { message: /no such file/ });
  await t.notThrowsAsync(driveDevices([good]));
  await closeDrives();
});

test.serial('a flush that hangs does not keep those who have no time', async t => {
  const at = folder(t);
  await driveDevices([at('a.img', new Uint8Array(1024))]);
  const handle = await open(at('a.img'));
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  const { sync } = prototype;
  const { promise, resolve } = Promise.withResolvers<void>();
  prototype.sync = () => promise;
  await closeDrives(50);
  prototype.sync = sync;
  resolve();
  await closeDrives();
  await handle.close();
  t.false(haveDrivesFailed());
});

/** Says on stderr when a file is flushed. */
const logger = `import { open } from 'node:fs/promises';
const handle = await open(process.execPath);
const prototype = Object.getPrototypeOf(handle);
await handle.close();
const { sync } = prototype;
prototype.sync = async function () { await sync.call(this); process.stderr.write('flushed\\n'); };`;

test('a disk is flushed on every way out', async t => {
  const at = folder(t);
  const loggerUrl = `data:text/javascript,${encodeURIComponent(logger)}`;
  const kernel = (name: string, source: string) => at(name, syntheticKernel({ code: assemble(64, source).bytes }));
  const say = 'mov dx, 0x3f8\nmov al, 62\nout dx, al\n';
  const spin = kernel('spin', `${say}again: jmp again`);
  type Way = (child: ReturnType<typeof spawn>) => void;
  const ways: readonly (readonly [string, readonly string[], number, Way?])[] = [
    ['exit', ['--kernel', kernel('exit', 'mov dx, 0xf4\nmov al, 3\nout dx, al\nhlt')], 7],
    ['until', ['--kernel', spin, '--until', '>'], 0],
    ['timeout', ['--kernel', spin, '--timeout', '10ms', '--clock', 'virtual'], 124],
    ['halted', ['--kernel', kernel('halt', 'cli\nhlt')], 1],
    ['reader gone', ['--kernel', kernel('chatter', `again: ${say}jmp again`)], 130, child => child.stdout!.destroy()],
  ];
  for (const [name, args, expected, act] of ways) {
    const options = [bin, 'run', '-q', '--accel', 'software', '--drive', at('disk.img', new Uint8Array(1024)), ...args];
    const child = spawn(process.execPath, options, {
      env: { ...process.env, NODE_OPTIONS: `--import=${loggerUrl}` },
    });
    child.stdin.end();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.once('data', () => act?.(child));
    child.stdout.resume();
    const [status] = (await once(child, 'exit')) as [number];
    t.is(status, expected, `${name}: ${stderr}`);
    t.regex(stderr, /flushed/, name);
  }
});

inNewMounts('a full host disk is an I/O error in the guest, told once, and the exit status', async t => {
  const at = folder(t);
  const script = `
dd if=/dev/zero of=/dev/vda bs=65536 count=64 conv=fsync 2>&1
dd if=/dev/zero of=/dev/vda bs=65536 count=64 conv=fsync 2>&1
poweroff -f
`;
  const { kernel, initrd } = await guest({ modules: ['virtio_pci', 'virtio_blk'], script });
  const small = at('small');
  const command = [
    `mkdir ${small} && mount -t tmpfs -o size=1M none ${small} && truncate -s 16M ${small}/disk.img &&`,
    `exec ${process.execPath} ${bin} run -q --accel software --clock virtual --append quiet`,
    `--kernel ${at('kernel', kernel)} --initrd ${at('initrd', initrd)} --drive ${small}/disk.img`,
  ].join(' ');
  const [program, ...args] = [...newMounts, 'sh', '-c', command];
  const { status, stdout, stderr } = spawnSync(program!, args, { encoding: 'utf8', input: '' });
  t.is(status, 74, `${stdout}${stderr}`);
  t.is(stderr.match(/disk\.img: (writing|flushing) failed: the file system is full/g)?.length, 1, stderr);
  t.regex(stderr, /make room there/);
  t.regex(stdout, /I\/O error|Input\/output error/);
});
