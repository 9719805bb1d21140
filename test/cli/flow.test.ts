/** stdout that is read slowly, or not at all; stdin that comes late. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { answer, end, kernel, start } from './program.ts';

/** Talks without end, as fast as it can. */
const talk = kernel(
  'talk',
  `
    mov dx, 0x3f8
    mov al, 65
  again:
    out dx, al
    jmp again
  `,
);
/** Three million bytes by one instruction, and then the end. */
const flood = kernel(
  'flood',
  `
    mov rsi, 0x1000000
    mov dx, 0x3f8
    mov ecx, 3000000
    cld
    rep outsb
    mov dx, 0xf4
    mov al, 0
    out dx, al
    hlt
  `,
);

/** Resident memory in KiB. */
const memoryOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

const quick = ['run', '-M', 'microvm', '--accel', 'software', '-q'];

test('nobody reads stdout: the machine stands, memory does not grow, and signals and --timeout still end it', async t => {
  const ends = [
    ['host', 'SIGTERM', 130],
    ['virtual', 'SIGINT', 130],
    ['host', undefined, 124],
    ['virtual', undefined, 124],
  ] as const;
  for (const [clock, signal, expected] of ends) {
    const limit = signal ? [] : ['--timeout', '2s'];
    const child = start(['run', '-M', 'microvm', '--accel', 'software', '--kernel', talk, '--clock', clock, ...limit]);
    const closed = new Promise<number | null>(resolve => child.on('exit', resolve));
    child.stdout.once('readable', () => {});
    await once(child.stderr, 'data');
    if (signal) {
      await delay(1500);
      const before = memoryOf(child.pid!);
      await delay(1000);
      t.true(memoryOf(child.pid!) < before + 32 * 1024, 'it does not grow');
      child.kill(signal);
    }
    t.is(await closed, expected, `${clock} ${signal ?? '--timeout'}`);
    child.stdout.destroy();
  }
});

test('a slow reader gets all, in order', async t => {
  const child = start([...quick, '--kernel', flood]);
  let count = 0;
  let pieces = 0;
  child.stdout.on('data', async (data: Buffer) => {
    count += data.length;
    if (++pieces % 20 !== 0) return;
    child.stdout.pause();
    await delay(20);
    child.stdout.resume();
  });
  const status = await new Promise(resolve => child.on('close', resolve));
  t.deepEqual([status, count], [1, 3_000_000]);
});

test('under the virtual clock the moment of input does not depend on its writer', async t => {
  const outputs = new Set<string>();
  const timed = kernel(
    'timed',
    `
      mov rsp, 0x1000000
      mov dx, 0x3fc
      mov al, 0x0b
      out dx, al
      mov dx, 0x3f9
      mov al, 1
      out dx, al
    wait:
      inc ebx
      mov dx, 0x3fd
      in al, dx
      test al, 1
      jz wait
      mov dx, 0x3f8
      in al, dx
      cmp al, 10
      je done
      mov eax, ebx
      mov ecx, 8
    digit:
      rol eax, 4
      push rax
      and al, 15
      add al, 65
      out dx, al
      pop rax
      dec ecx
      jnz digit
      jmp wait
    done:
      mov dx, 0xf4
      mov al, 0
      out dx, al
      hlt
    `,
  );
  for (const accelerator of ['software', 'nvmm-svm']) {
    for (const pause of [0, 150, 900]) {
      const child = start([
        'run',
        '-M',
        'microvm',
        '--accel',
        accelerator,
        '-q',
        '--clock',
        'virtual',
        '--kernel',
        timed,
      ]);
      const ended = end(child);
      await delay(pause);
      child.stdin.write('abc');
      await delay(pause);
      child.stdin.end('def\n');
      const { status, stdout } = await ended;
      t.is(status, 1);
      t.is(stdout.length, 48);
      outputs.add(stdout);
    }
  }
  t.is(outputs.size, 1);
});

test('a writer that does not end its input is named as the reason for waiting', async t => {
  const child = start(['run', '-M', 'microvm', '--accel', 'software', '--clock', 'virtual', '--kernel', answer]);
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (/waiting for the end of stdin[\s\S]*\/dev\/null/.test(text)) child.kill('SIGTERM');
  });
  t.is((await end(child)).status, 130);
});

test('a megabyte of input arrives whole', async t => {
  const text = 'abcdefghijklmnoprstuvwxyz'.repeat(40_000);
  const child = start([...quick, '--clock', 'virtual', '--kernel', answer, '--until', 'Q', '--timeout', '10min']);
  child.stdin.end(`${text}q`);
  const { status, stdout } = await end(child);
  t.is(status, 0);
  t.true(stdout.startsWith(`>${text.toUpperCase()}Q`));
});
