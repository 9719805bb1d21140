/** One writer per image, however it is called and in whichever container; and one process that fills the cache. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { MachineError } from '#core';
import { withLock } from '../../../cli/fetch/lock.ts';
import { FileDisk } from '../../../cli/host/file-disk.ts';
import { ownerText } from '../../../cli/host/lock-file.ts';
import { isSurelyDead, type Owner, parseOwner, thisProcess } from '../../../cli/host/owner.ts';
import { lockDescriptor } from '../../../cli/host/system-lock.ts';
import { inNewProcesses, newProcesses } from '../../support/namespaces.ts';

const script = fileURLToPath(new URL('hold.ts', import.meta.url));

function image(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-lock-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'disk.img');
  writeFileSync(path, new Uint8Array(4096));
  return path;
}

interface Holder {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  /** The next thing that it says. */
  says(): Promise<string>;
  end(): Promise<void>;
}

/** `before` is what stands in front of the command. */
function start(t: ExecutionContext, args: readonly string[], before: readonly string[] = [], env = {}): Holder {
  const [program, ...rest] = [...before, process.execPath, '--import=tsx', script, ...args];
  const options = { env: { ...process.env, ...env } };
  const child = spawn(program!, rest, { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = child.stdout.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>;
  const closed = once(child, 'close');
  return {
    child,
    says: async () => ((await lines.next()).value ?? 'nothing').trim(),
    async end() {
      child.stdin.end();
      await closed;
    },
  };
}

const refusal = (t: ExecutionContext, path: string, readOnly = false) =>
  t.throwsAsync(FileDisk.open(path, { readOnly }), {
    instanceOf: MachineError,
    code: 'host-failure',
    message: /locked/,
  });

const opens = async (path: string, readOnly = false): Promise<void> => {
  await (await FileDisk.open(path, { readOnly })).close();
};

test('one writer or some readers, in one process as in several', async t => {
  const path = image(t);
  const writer = await FileDisk.open(path);
  t.regex((await refusal(t, path)).remedy ?? '', /end that machine first; fuser/);
  await refusal(t, path, true);
  await writer.close();
  const readers = await Promise.all([1, 2].map(() => FileDisk.open(path, { readOnly: true })));
  await refusal(t, path);
  await Promise.all(readers.map(reader => reader.close()));
  await opens(path);
  t.deepEqual(readdirSync(join(path, '..')), ['disk.img'], 'nothing is left beside it');
});

test('an image has one lock, whatever it is called', async t => {
  const path = image(t);
  const other = join(path, '..', 'other');
  mkdirSync(other);
  symlinkSync(path, join(other, 'symbolic'));
  linkSync(path, join(other, 'hard'));
  for (const name of ['symbolic', 'hard']) {
    const first = await FileDisk.open(path);
    await refusal(t, join(other, name));
    await first.close();
    const second = await FileDisk.open(join(other, name));
    await refusal(t, path);
    await second.close();
  }
});

test('what older versions and dead processes left does not count', async t => {
  const path = image(t);
  const dead: Owner = { ...thisProcess('file'), started: '1' };
  for (const left of [`${process.pid}\n`, '1\n', '', '\0\0', JSON.stringify(dead), ownerText('flock')]) {
    writeFileSync(`${path}.lock`, left);
    await t.notThrowsAsync(opens(path), left);
  }
});

test('a holder that is killed holds nothing', async t => {
  const path = image(t);
  const holder = start(t, ['disk', path]);
  t.regex(await holder.says(), /^held/);
  await refusal(t, path);
  await refusal(t, path, true);
  holder.child.kill('SIGKILL');
  await once(holder.child, 'close');
  await opens(path);
});

inNewProcesses(
  'writers in two containers exclude each other, and one that was killed there excludes nobody',
  async t => {
    const path = image(t);
    const first = start(t, ['disk', path], newProcesses);
    t.is(await first.says(), 'held by 1');
    await refusal(t, path);
    for (const kind of ['disk', 'reader'])
      t.regex(await start(t, [kind, path], newProcesses).says(), /^refused: .*locked/);
    first.child.kill('SIGKILL');
    await once(first.child, 'close');
    // The kernel needs a moment to end what was killed with its parent.
    for (let tries = 0; tries < 600; tries++) {
      if (
        await opens(path).then(
          () => true,
          () => false,
        )
      )
        break;
      await delay(50);
    }
    const second = start(t, ['disk', path], newProcesses);
    t.is(await second.says(), 'held by 1');
    await second.end();
    const ours = await FileDisk.open(path);
    // There, no process has our number.
    t.regex(await start(t, ['disk', path], newProcesses).says(), /^refused: .*locked/);
    await ours.close();
  },
);

inNewProcesses('the cache’s lock holds across containers, too', async t => {
  const file = join(image(t), '..', 'lock');
  const first = start(t, ['cache', file], newProcesses);
  t.is(await first.says(), 'held by 1');
  const second = start(t, ['cache', file], newProcesses);
  t.is(await second.says(), 'waits for 1 of another container');
  first.child.kill('SIGKILL');
  await once(first.child, 'close');
  t.is(await second.says(), 'held by 1');
  await second.end();
  t.false(existsSync(file));
  writeFileSync(file, `${process.pid}\n`);
  await withLock(file, async () => t.true(existsSync(file)));
  t.false(existsSync(file));
});

/** No programs are found there. */
const bare = { PATH: '/nonexistent' };

test.serial('without flock and perl, a file beside the image is the lock', async t => {
  const { PATH } = process.env;
  process.env.PATH = bare.PATH;
  t.teardown(() => {
    process.env.PATH = PATH;
  });
  const path = image(t);
  const lock = `${path}.lock`;
  t.is(lockDescriptor(0, 'shared'), 'unavailable');
  const disk = await FileDisk.open(path);
  t.true(existsSync(lock));
  const { remedy } = await refusal(t, path);
  t.regex(remedy ?? '', /delete it: rm .*disk\.img\.lock/);
  await refusal(t, path, true);
  symlinkSync(path, join(path, '..', 'alias'));
  await refusal(t, join(path, '..', 'alias'));
  await disk.close();
  t.false(existsSync(lock));

  const holder = start(t, ['disk', path], [], bare);
  await holder.says();
  await refusal(t, path);
  holder.child.kill('SIGKILL');
  await once(holder.child, 'close');
  t.true(existsSync(lock));
  await opens(path);
  await opens(path, true);

  const us = thisProcess('file');
  const strangers: readonly (readonly [string, RegExp])[] = [
    [JSON.stringify({ ...us, namespace: 'pid:[1]', process: 1 }), /process 1 of another container/],
    [JSON.stringify({ ...us, host: 'elsewhere/1' }), /process \d+ of elsewhere/],
    ['17\n', /does not name/],
  ];
  for (const [left, who] of strangers) {
    writeFileSync(lock, left);
    t.regex((await refusal(t, path)).message, who);
    await refusal(t, path, true);
  }
  for (const left of ['', JSON.stringify({ ...us, started: '1' }), JSON.stringify({ ...us, boot: 'before' })]) {
    writeFileSync(lock, left);
    await opens(path);
    t.false(existsSync(lock));
  }
});

inNewProcesses('without flock and perl, a lock of another container is not taken over', async t => {
  const path = image(t);
  const holder = start(t, ['disk', path], [...newProcesses, 'env', `PATH=${bare.PATH}`]);
  t.is(await holder.says(), 'held by 1');
  await refusal(t, path);
  holder.child.kill('SIGKILL');
  await once(holder.child, 'close');
  t.regex((await refusal(t, path)).message, /process 1 of another container/);
});

test('an owner is dead only if nothing else can be', t => {
  const us = thisProcess('file');
  t.deepEqual(parseOwner(ownerText('file')), us);
  t.is(parseOwner('12'), undefined);
  t.is(parseOwner('{}'), undefined);
  t.false(isSurelyDead(us));
  const never = 2 ** 30;
  t.true(isSurelyDead({ ...us, process: never }));
  t.true(isSurelyDead({ ...us, boot: 'before' }));
  t.false(isSurelyDead({ ...us, process: never, namespace: 'pid:[1]' }));
  t.false(isSurelyDead({ ...us, process: never, host: 'elsewhere' }));
  if (us.started === undefined) return;
  t.true(isSurelyDead({ ...us, started: '1' }), 'our number, but not we');
});
