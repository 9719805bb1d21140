/** The program as it is started: a process with a status, streams and signals. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { FileDisk } from '../../cli/host/file-disk.ts';
import { answer, bin, end, folder, kernel, polling, run, start } from './program.ts';

const spin = kernel('spin', 'again: jmp again');
const halt = kernel('halt', 'cli\nhlt');
const crash = kernel('crash', 'ud2');
const exit = kernel('exit', 'mov dx, 0xf4\nmov al, 3\nout dx, al\nhlt');
/** Says so each time. */
const reset = kernel(
  'reset',
  'mov dx, 0x3f8\nmov al, 62\nout dx, al\nmov dx, 0xcf9\nmov al, 6\nout dx, al\nagain: jmp again',
);

test('demo: both backends say "all well", and the program says so', async t => {
  const { status, stdout, stderr } = await run('demo');
  t.is(status, 0);
  t.is(stderr, '');
  t.is(stdout.match(/all well/g)?.length, 2);
  t.regex(stdout, /nvmm-svm[\s\S]*nvmm-vmx/);
});

test('the guest’s words on stdout, ours on stderr; its code is the status', async t => {
  const { status, stdout, stderr } = await run('run', '-M', 'toyvirt');
  t.is(status, 0);
  t.regex(stdout, /^toy kernel: long mode\n[\s\S]*all well\n$/);
  t.regex(stderr, /toyvirt on nvmm-svm/);
  const quiet = await run('run', '-M', 'toyvirt', '--quiet', '--accel', 'software', '--clock', 'virtual');
  t.is(quiet.stderr, '');
  t.is(quiet.stdout, stdout);
});

test('how a machine ends is how the program ends', async t => {
  const ends = [
    [['--kernel', halt], 1, 'halted'],
    [['--kernel', crash, '--no-reboot'], 1, 'tripleFault'],
    [['--kernel', exit], 7, 'exit'],
    [['--kernel', reset, '--no-reboot'], 0, 'reset'],
    [['--kernel', spin, '--timeout', '2ms'], 124, 'timeout'],
    [['--kernel', reset, '--timeout', '50us'], 124, 'timeout'],
    [['--kernel', answer, '--until', '>', '--timeout', '5s'], 0, 'until'],
  ] as const;
  for (const [args, status, kind] of ends) {
    const ended = await run(
      'run',
      '-M',
      'microvm',
      '--clock',
      'virtual',
      '--accel',
      'software',
      '--json',
      '-q',
      ...args,
    );
    t.is(ended.status, status, `${args.join(' ')}: ${ended.stderr}`);
    t.like(JSON.parse(ended.stderr.trim().split('\n').at(-1)!), { kind });
  }
});

test('a disk is locked while it is in use, and no longer', async t => {
  const disk = join(folder, 'disk.img');
  writeFileSync(disk, new Uint8Array(1024));
  const child = start(['run', '--kernel', answer, '--accel', 'software', '--drive', disk]);
  await once(child.stdout, 'data');
  await t.throwsAsync(FileDisk.open(disk), { message: /locked/ });
  child.kill('SIGTERM');
  t.is((await end(child)).status, 130);
  await t.notThrowsAsync(FileDisk.open(disk).then(free => free.close()));
});

test('a signal ends it in good order, even if the guest does nothing but reset itself', async t => {
  for (const guest of [answer, reset]) {
    const child = start(['run', '-M', 'microvm', '--kernel', guest]);
    child.stdout.once('data', () => child.kill('SIGTERM'));
    const { status, stderr } = await end(child);
    t.is(status, 130);
    t.regex(stderr, /quit/);
  }
});

test('what is piped waits until the guest listens', async t => {
  const child = start(['run', '-M', 'microvm', '--kernel', answer, '--until', 'TYPED', '--timeout', '10min']);
  child.stdin.end('typed\n');
  t.is((await end(child)).status, 0);
});

test('what is piped reaches a guest that polls, too, and not its driver that empties the receiver first', async t => {
  const child = start(['run', '-M', 'microvm', '--kernel', polling, '--until', 'TYPED', '--timeout', '10min']);
  child.stdin.end('typed\n');
  t.is((await end(child)).status, 0);
});

test('nobody reads any more: it ends instead of failing', async t => {
  const child = start(['run', '-M', 'microvm', '--kernel', answer]);
  child.stdin.write('x'.repeat(10_000));
  child.stdout.once('data', () => child.stdout.destroy());
  const { status, stderr } = await end(child);
  t.is(status, 130);
  t.notRegex(stderr, /EPIPE|at /);
});

test('output that is lost is no internal error', async t => {
  const piped = start(['devices', '--json']);
  piped.stdout.destroy();
  t.like(await end(piped), { status: 130, stderr: '' });
  const full = openSync('/dev/full', 'w');
  for (const args of [['devices'], ['run', '-M', 'toyvirt']]) {
    const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', full, 'pipe'] });
    let errors = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (errors += text));
    t.deepEqual(await once(child, 'close'), [130, null]);
    t.regex(errors, /virt64: stdout cannot be written: ENOSPC/);
    t.notRegex(errors, / at /);
  }
  closeSync(full);
  const mute = start(['run', '-M', 'toyvirt']);
  mute.stderr.destroy();
  t.is((await end(mute)).status, 0);
});

test('without apt and cache it ends with 69 and says what to do; a toy that was asked for runs', async t => {
  const nothing = { PATH: folder, XDG_CACHE_HOME: folder, VIRT64_CACHE: '' };
  const runIn = (...args: string[]) => {
    const child = start(args, nothing);
    child.stdin.end();
    return end(child);
  };
  const { status, stdout, stderr } = await runIn('run', '--until', 'FAILED', '--append', 'test=FAILED');
  t.is(status, 69);
  t.is(stdout, '');
  t.regex(
    stderr,
    /^virt64: there is no Linux to boot: cannot run apt-get\n {2}.*--kernel FILE --initrd FILE.*virt64 demo/,
  );
  const json = await runIn('run', '--json', '--quiet');
  t.is(json.status, 69);
  t.like(JSON.parse(json.stderr), { kind: 'refused', code: 'guest-unavailable' });
  t.like(await runIn('run', '--machine', 'toyvirt', '--clock', 'virtual', '-q'), { status: 0, stderr: '' });
});
