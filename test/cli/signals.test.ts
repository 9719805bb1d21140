/** Signals of a machine that runs. */
import test from 'ava';
import { answer, end, kernel, start } from './program.ts';

/** Enables the power button's event, says so, and switches itself off when it is pressed. */
const polite = kernel(
  'polite',
  `
    mov dx, 0x602
    mov ax, 0x100
    out dx, ax
    mov dx, 0x3f8
    mov al, 62
    out dx, al
  wait:
    mov dx, 0x600
    in ax, dx
    test ax, 0x100
    jz wait
    mov dx, 0x604
    mov ax, 0x3400
    out dx, ax
    hlt
  `,
);
/** Enables the event, and does nothing when it comes. */
const rude = kernel(
  'rude',
  `
    mov dx, 0x602
    mov ax, 0x100
    out dx, ax
    mov dx, 0x3f8
    mov al, 62
    out dx, al
  again:
    jmp again
  `,
);
const crash = kernel('crash', 'mov dx, 0x3f8\nmov al, 62\nout dx, al\nud2');

const run = (guest: string) => start(['run', '-M', 'microvm', '--accel', 'software', '--kernel', guest]);

test('SIGTERM presses the power button of a guest that heeds it', async t => {
  const child = run(polite);
  child.stdout.once('data', () => child.kill('SIGTERM'));
  const { status, stderr } = await end(child);
  t.is(status, 0);
  t.regex(stderr, /power button was pressed; another SIGTERM quits/);
});

test('a second SIGTERM quits', async t => {
  const child = run(rude);
  child.stdout.once('data', () => child.kill('SIGTERM'));
  child.stderr.on('data', (data: Buffer) => {
    if (/power button/.test(String(data))) child.kill('SIGTERM');
  });
  t.is((await end(child)).status, 130);
});

test('SIGINT quits at once, with a power button too', async t => {
  const child = run(polite);
  child.stdout.once('data', () => child.kill('SIGINT'));
  t.is((await end(child)).status, 130);
});

test('SIGUSR2 says what the machine is doing', async t => {
  const child = run(answer);
  child.stdout.once('data', () => child.kill('SIGUSR2'));
  child.stderr.on('data', (data: Buffer) => {
    if (String(data).includes('processor 0: ')) child.kill('SIGINT');
  });
  const { status, stderr } = await end(child);
  t.is(status, 130);
  t.regex(stderr, /^processor 0: (running|has halted) at \w{4}:\w{16}, 64-bit, CPL 0, IF 0/m);
});

test('a stopped machine goes on', async t => {
  const child = run(answer);
  child.stdout.once('data', () => {
    child.kill('SIGTSTP');
    setTimeout(() => {
      child.kill('SIGCONT');
      child.stdin.end('abc');
    }, 2000);
  });
  child.stdout.on('data', (data: Buffer) => {
    if (String(data).includes('C')) child.kill('SIGINT');
  });
  t.is((await end(child)).status, 130);
});

test('a triple fault resets a PC again and again, and the program hears its signals', async t => {
  const child = run(crash);
  child.stderr.on('data', (data: Buffer) => {
    if (/4 times by now/.test(String(data))) child.kill('SIGTERM');
  });
  const { status, stdout, stderr } = await end(child);
  t.is(status, 130);
  t.true(stdout.startsWith('>>>>'));
  t.regex(stderr, /triple fault of processor 0 resets the machine; --no-reboot/);
});
