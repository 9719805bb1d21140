/** Real gdb on real machines. What it says is the truth: it was written by others. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { accelerators } from '#accelerators';
import { build, type Machine, microvm, type Outcome, type Profile } from '#machines';
import { GdbSocket } from '../../../cli/host/gdb-socket.ts';
import { needs } from '../../support/needs.ts';

const names = accelerators.map(({ name }) => name);
const origin = 0x1_0000;

function temporary(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-gdb-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function done(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
}

/** An assembly source as an ELF file with symbols, and as it lies in memory. */
function assembled(folder: string, source: string): { readonly symbols: string; readonly image: Uint8Array } {
  const [object, symbols, binary] = ['guest.o', 'guest.elf', 'guest.bin'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ];
  done('as', ['--64', '-g', '-o', object, source]);
  done('ld', [`-Ttext=0x${origin.toString(16)}`, '-e', 'start16', '-o', symbols, object]);
  done('objcopy', ['-O', 'binary', symbols, binary]);
  return { symbols, image: new Uint8Array(readFileSync(binary)) };
}

interface Session {
  readonly said: string;
  readonly outcome: Outcome;
  readonly machine: Machine;
}

/** Runs gdb's script against the machine; `target remote` comes first. */
async function debugged(
  t: ExecutionContext,
  profile: Profile,
  accelerator: string,
  script: readonly string[],
  timeout?: string,
): Promise<Session> {
  const machine = await build(profile, { accelerator });
  t.teardown(() => machine[Symbol.asyncDispose]());
  let target = '';
  const gdb = await GdbSocket.listen(machine, {
    address: { host: '127.0.0.1', port: 0 },
    waits: true,
    onKill: () => machine.stop(),
    chatter: text => {
      target = text.replace('gdb: ', '');
    },
  });
  const running = machine.run(timeout === undefined ? {} : { timeout });
  const file = join(temporary(t), 'script');
  const first = ['set pagination off', 'set confirm off', 'set print thread-events off'];
  // The symbols' file comes before the connection.
  const symbols = script.filter(line => line.startsWith('file '));
  const rest = script.filter(line => !line.startsWith('file '));
  writeFileSync(file, `${[...first, ...symbols, target, ...rest].join('\n')}\n`);
  const child = spawn('gdb', ['-nx', '-batch', '-x', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (said += text));
  const ended = new Promise(resolve => child.on('close', resolve));
  const outcome = await running;
  gdb.end(7);
  await ended;
  gdb[Symbol.dispose]();
  return { said, outcome, machine };
}

const raw = (image: Uint8Array) => ({ kind: 'raw', image, options: { address: origin, mode: 'real' } }) as const;

const inAll = needs('gdb', 'as', 'ld', 'objcopy');
const modes = fileURLToPath(new URL('modes.s', import.meta.url));

for (const accelerator of names)
  inAll(`${accelerator}: from real mode to 64-bit code in one session`, async t => {
    const { symbols, image } = assembled(temporary(t), modes);
    const { said, outcome, machine } = await debugged(
      t,
      microvm.with({ memory: '2 MiB', boot: raw(image) }),
      accelerator,
      [
        `file ${symbols}`,
        'info threads',
        'printf "mode %d pc %lx cs %lx\\n", $cr0 & 1, $pc, $cs',
        'monitor asm 10005 1',
        'break start32',
        'continue',
        'printf "mode %d pc %lx cs %lx ebx %lx\\n", $cr0 & 1, $pc, $cs, $rbx',
        'break start64',
        'continue',
        'printf "efer %lx cr3 %lx cs %lx\\n", $efer, $cr3, $cs',
        'hbreak loop64',
        'continue',
        'printf "xmm3 %lx st0 %.8f mxcsr %d\\n", $xmm3.v2_int64[0], $st0, $mxcsr',
        'delete',
        'watch *(long*)&word',
        'continue',
        'continue',
        'printf "word %ld rcx %ld\\n", *(long*)&word, $rcx',
        'stepi',
        'printf "pc %lx\\n", $pc',
        'delete',
        'rwatch *(long*)&word',
        'set var $rcx = 998',
        'set var $xmm3.v2_int64[0] = 77',
        'printf "xmm3 %ld\\n", $xmm3.v2_int64[0]',
        'set var *(long*)&word = 5',
        'printf "word %ld\\n", *(long*)&word',
        'delete',
        'info registers eflags',
        'monitor registers',
        'continue',
      ],
    );
    t.like(outcome, { kind: 'exit' });
    const lines = said.split('\n');
    const has = (line: string): boolean => t.true(lines.includes(line), `${line}\n${said}`);
    t.regex(said, /\* 1 +Thread 1 \(processor 0: running\) +start16/);
    has('mode 0 pc 10000 cs 1000');
    t.regex(said, / 0000000000010005 {2}bb3412 +mov bx,0x1234/);
    has(`mode 1 pc ${addressOf(symbols, 'start32')} cs 8 ebx 1234`);
    has('efer 500 cr3 11000 cs 18');
    has('xmm3 123456789abcdef0 st0 3.14159265 mxcsr 8064');
    t.regex(said, /Old value = 0\nNew value = 1\n/);
    t.regex(said, /Old value = 1\nNew value = 2\n/);
    has('word 2 rcx 2');
    has('xmm3 77');
    has('word 5');
    t.regex(said, /processor 0: long mode, 64-bit code, paging 4-level/);
    t.regex(said, /exited with code 07/);
    t.is(machine.memory.read32(Number(`0x${addressOf(symbols, 'word')}`)), 1000);
  });

function addressOf(elf: string, symbol: string): string {
  const { stdout } = spawnSync('nm', [elf], { encoding: 'utf8' });
  return new RegExp(`^0*([0-9a-f]+) . ${symbol}$`, 'm').exec(stdout)![1];
}

/** Both processors count for good: one in memory at 80000, the other, which the first one starts, at 80004. */
const two = `
    .code16
start16:
    xorw %ax, %ax
    movw %ax, %ds
    movl $0x80000, %edi
    jmp enter
    .globl start16, first, second, enter
enter:
    lgdtl %cs:(gdtr - start16)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $8, $protected
    .code32
protected:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %ss
    cmpl $0, 0x80008
    jne second
    incl 0x80008
    movl $0xc4500, 0xfee00300
    movl $0xc4610, 0xfee00300
first:
    incl 0x80000
    jmp first
second:
    incl 0x80004
    jmp second
    .balign 8
gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr: .word 23
    .long gdt
`;

for (const accelerator of names)
  inAll(`${accelerator}: two processors are two threads`, async t => {
    const folder = temporary(t);
    const source = join(folder, 'two.s');
    writeFileSync(source, two);
    const { symbols, image } = assembled(folder, source);
    const { said, outcome } = await debugged(
      t,
      microvm.with({ memory: '2 MiB', processors: 2, boot: raw(image) }),
      accelerator,
      [
        `file ${symbols}`,
        'break second',
        'continue',
        'info threads',
        'thread 2',
        'printf "second at %lx\\n", $pc - (long)&second',
        'delete',
        'set scheduler-locking on',
        'set var $a = *(int*)0x80000',
        'stepi 20',
        'printf "first moved %d, second %d\\n", *(int*)0x80000 - $a, *(int*)0x80004',
        'thread 1',
        'stepi 20',
        'printf "first moved %d, second %d\\n", *(int*)0x80000 - $a, *(int*)0x80004',
        'set scheduler-locking off',
        'watch *(int*)0x80004 if *(int*)0x80004 == 13',
        'continue',
        'printf "second %d\\n", *(int*)0x80004',
        'kill',
      ],
    );
    t.deepEqual(outcome, { kind: 'stopped' });
    t.regex(said, /Thread 1 \(processor 0: running\)/);
    t.regex(said, /Thread 2 \(processor 1: running\)/);
    const lines = said.split('\n');
    for (const line of ['second at 0', 'first moved 0, second 10', 'first moved 10, second 10', 'second 13'])
      t.true(lines.includes(line), `${line}\n${said}`);
  });

inAll('the guest cannot tell, under the virtual clock', async t => {
  const { symbols, image } = assembled(temporary(t), modes);
  const profile = microvm.with({ memory: '2 MiB', boot: raw(image) });
  const plain = await build(profile, { accelerator: 'nvmm-svm' });
  t.teardown(() => plain[Symbol.asyncDispose]());
  const outcome = await plain.run();
  const script = [`file ${symbols}`, 'break loop64', 'continue 50', 'stepi 30', 'info registers', 'delete', 'continue'];
  const session = await debugged(t, profile, 'nvmm-svm', script);
  t.deepEqual(session.outcome, outcome);
  t.is(session.machine.now, plain.now);
});

inAll('Ctrl-C stops a guest that loops, and a lost connection lets it go on', async t => {
  const image = Uint8Array.of(0xeb, 0xfe);
  const machine = await build(microvm.with({ memory: '2 MiB', boot: raw(image) }), { accelerator: 'nvmm-vmx' });
  t.teardown(() => machine[Symbol.asyncDispose]());
  let port = 0;
  using _gdb = await GdbSocket.listen(machine, {
    address: { host: '127.0.0.1', port: 0 },
    waits: false,
    onKill: () => {},
    chatter: text => {
      port = Number(text.split(':').at(-1));
    },
  });
  const running = machine.run();
  const child = spawn('gdb', ['-nx', '-q'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (said += text));
  const heard = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(said)) await new Promise(resolve => setTimeout(resolve, 20));
  };
  child.stdin.write(`set pagination off\nset confirm off\ntarget remote :${port}\nprintf "pc %lx\\n", $pc\n`);
  await heard(/pc 10000/);
  child.stdin.write('echo going\\n\ncontinue\n');
  await heard(/Continuing/);
  const before = machine.now;
  while (machine.now === before) await new Promise(resolve => setTimeout(resolve, 20));
  child.kill('SIGINT');
  await heard(/SIGINT/);
  const held = machine.now;
  await new Promise(resolve => setTimeout(resolve, 100));
  t.is(machine.now, held);
  child.kill('SIGKILL');
  while (machine.now === held) await new Promise(resolve => setTimeout(resolve, 20));
  // The port is free for the next one.
  const socket = connect(port, '127.0.0.1');
  const reply = await new Promise<string>(resolve => {
    socket
      .once('connect', () => socket.write('$qC#b4'))
      .on('data', bytes => {
        if (String(bytes).includes('$')) resolve(String(bytes));
      });
  });
  t.regex(reply, /\$QC1#c5/);
  socket.destroy();
  machine.stop();
  t.deepEqual(await running, { kind: 'stopped' });
});

test('a port that is taken is an error with a remedy', async t => {
  const profile = microvm.with({ memory: '2 MiB', boot: raw(Uint8Array.of(0xf4)) });
  await using machine = await build(profile, { accelerator: 'software' });
  await using other = await build(profile, { accelerator: 'software' });
  let port = 0;
  const options = { waits: false, onKill: () => {} };
  using _first = await GdbSocket.listen(machine, {
    ...options,
    address: { host: '127.0.0.1', port },
    chatter: text => {
      port = Number(text.split(':').at(-1));
    },
  });
  await t.throwsAsync(
    GdbSocket.listen(other, { ...options, address: { host: '127.0.0.1', port }, chatter: () => {} }),
    { code: 'host-failure', message: /the port is taken.*another port/ },
  );
});
