import test, { type ExecutionContext } from 'ava';
import { Control, Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { assemble } from '../../../../../core/processor/decode/assembler/assembler.ts';
import { Guest, Place } from './hypervisor.ts';

interface Expected {
  readonly code: number;
  readonly info1?: bigint;
  readonly info2?: bigint;
  /** The intercept bit, where it is not the exit code. */
  readonly intercept?: number;
  readonly bits?: 32 | 64;
  /** The instruction is reached after this. */
  readonly setup?: string;
  /** nRIP is not given. */
  readonly fault?: true;
}

/** Without the intercept the guest reaches HLT (or faults, which is nobody's exit here); with it, it exits before the instruction. */
function exits(
  t: ExecutionContext,
  source: string,
  { code, info1, info2, intercept, bits = 64, setup = '', fault }: Expected,
) {
  const guest = new Guest(bits);
  const before = assemble(bits, setup || 'nop', { origin: Place.code }).bytes.length;
  const start = Place.code + before;
  const length = assemble(bits, source, { origin: start }).bytes.length;
  guest.program(`${setup || 'nop'}\n${source}\nhlt\n`);
  guest.set(Save.rax, 0x1000);
  guest.intercept(intercept ?? code);
  t.is(guest.run(), code);
  t.is(guest.rip, start);
  t.is(guest.nextRip, fault ? 0 : start + length);
  t.is(guest.info1, info1 ?? 0n, 'EXITINFO1');
  t.is(guest.info2, info2 ?? 0n, 'EXITINFO2');
  t.is(guest.get(Control.exitInterruptInfo), 0n);
}

const plain: readonly (readonly [source: string, code: number])[] = [
  ['sidt [0xc000]', 0x66],
  ['sgdt [0xc000]', 0x67],
  ['sldt eax', 0x68],
  ['str eax', 0x69],
  ['lidt [0xc000]', 0x6a],
  ['lgdt [0xc000]', 0x6b],
  ['lldt ax', 0x6c],
  ['ltr ax', 0x6d],
  ['rdtsc', 0x6e],
  ['rdpmc', 0x6f],
  ['pushfq', 0x70],
  ['popfq', 0x71],
  ['cpuid', 0x72],
  ['rsm', 0x73],
  ['iretq', 0x74],
  ['invd', 0x76],
  ['pause', 0x77],
  ['hlt', 0x78],
  ['vmrun', 0x80],
  ['vmmcall', 0x81],
  ['vmload', 0x82],
  ['vmsave', 0x83],
  ['stgi', 0x84],
  ['clgi', 0x85],
  ['skinit', 0x86],
  ['rdtscp', 0x87],
  ['int1', 0x88],
  ['wbinvd', 0x89],
  ['monitor', 0x8a],
  ['mwait', 0x8b],
];
for (const [source, code] of plain) test(source, exits, source, { code });

test('mwait, armed', exits, 'mwait', { code: 0x8c, setup: 'xor ecx, ecx\nmov eax, 0xc000\nmonitor' });
test('mwait without a monitor is not intercepted as an armed one', t => {
  const guest = new Guest().intercept(0x8c).program('xor ecx, ecx\nmwait\nhlt');
  t.is(guest.run(), 0x78);
});
test('xsetbv', exits, 'xsetbv', {
  code: 0x8d,
  setup: 'mov rax, cr4\nor eax, 0x40000\nmov cr4, rax\nxor ecx, ecx',
});
test('invlpg', exits, 'invlpg [0x12345]', { code: 0x79, info1: 0x12345n });
test('invlpga', exits, 'invlpga', { code: 0x7a, info1: 0x1000n });
test('int n', exits, 'int 0x42', { code: 0x75, info1: 0x42n });

const mov = 1n << 63n;
test('mov from cr0', exits, 'mov rbx, cr0', { code: 0x00, info1: mov | 3n });
test('mov from cr2', exits, 'mov r9, cr2', { code: 0x02, info1: mov | 9n });
test('mov from cr3', exits, 'mov rax, cr3', { code: 0x03, info1: mov });
test('mov from cr8', exits, 'mov rdx, cr8', { code: 0x08, info1: mov | 2n });
test('mov to cr0', exits, 'mov cr0, rax', { code: 0x10, info1: mov, setup: 'mov rax, cr0' });
test('mov to cr3', exits, 'mov cr3, rbx', { code: 0x13, info1: mov | 3n });
test('mov to cr4', exits, 'mov cr4, rbp', { code: 0x14, info1: mov | 5n, setup: 'mov rbp, cr4' });
test('mov to cr8', exits, 'mov cr8, rdi', { code: 0x18, info1: mov | 7n });
test('smsw reads cr0', exits, 'smsw eax', { code: 0x00 });
test('clts writes cr0', exits, 'clts', { code: 0x10 });
test('lmsw writes cr0', exits, 'lmsw ax', { code: 0x10 });
test('mov from dr7', exits, 'mov rsi, dr7', { code: 0x27, info1: 6n });
test('mov to dr0', exits, 'mov dr0, rcx', { code: 0x30, info1: 1n });
test('mov to dr7', exits, 'mov dr7, rcx', { code: 0x37, info1: 1n });

test('selective cr0 write: a bit other than TS and MP', exits, 'mov cr0, rbx', {
  code: 0x65,
  info1: mov | 3n,
  setup: 'mov rbx, cr0\nxor ebx, 0x20',
});
test('selective cr0 write: lmsw', exits, 'lmsw bx', { code: 0x65, setup: 'mov rbx, cr0\nxor ebx, 4' });
test('selective cr0 write: lmsw of what is there', exits, 'lmsw bx', { code: 0x65, setup: 'mov rbx, cr0' });

test('selective cr0 write: TS and MP are free', t => {
  const guest = new Guest().intercept(0x65);
  guest.program('mov rbx, cr0\nxor ebx, 10\nmov cr0, rbx\nclts\nhlt');
  t.is(guest.run(), 0x78);
  t.is(guest.get(Save.cr0) & 0xan, 0n);
});

test('the cr0 write intercept comes before the selective one', exits, 'mov cr0, rbx', {
  code: 0x10,
  info1: mov | 3n,
  setup: 'mov rbx, cr0\nxor ebx, 0x20',
});
test('the cr0 write intercept comes before the selective one for lmsw too', t => {
  const guest = new Guest().intercept(0x10).intercept(0x65).program('lmsw ax');
  t.is(guest.run(), 0x10);
});

test('int3 is intercepted as #BP', exits, 'int3', { code: 0x43 });
test('into is intercepted as #OF', exits, 'into', { code: 0x44, bits: 32, setup: 'mov eax, 0x7fffffff\ninc eax' });
test('INT1 is not intercepted as #DB', t => {
  const guest = new Guest().intercept(0x41).handler(1, 'hlt').program('int1');
  t.is(guest.run(), 0x78);
});
test('general detection comes before the intercepts of debug registers', t => {
  const guest = new Guest().intercept(0x41).intercept(0x27).intercept(0x37);
  guest.set(Save.dr7, 0x2400);
  guest.program('mov rax, dr7\nmov dr7, rax\nhlt');
  t.is(guest.run(), 0x41);
  t.is(guest.get(Save.dr6) & 0xf000n, 0x2000n);
  t.is(guest.run(), 0x27, 'which the exit has ended');
});
test('the IOIO intercept comes before the segment of a string', t => {
  const guest = new Guest(32).intercept(0x7b);
  guest.write(guest.iopm, new Uint8Array(0x3000).fill(0xff));
  guest.segment(Save.es, 0, 0, 0, 0);
  guest.program('insb\nhlt');
  t.is(guest.run(), 0x7b);
});

test('#UD', exits, 'ud2', { code: 0x46, fault: true });
test('#GP with its error code', exits, 'mov ds, ax', {
  code: 0x4d,
  fault: true,
  info1: 0x1230n,
  setup: 'mov eax, 0x1230',
});
test('#DE', exits, 'div ecx', { code: 0x40, fault: true, setup: 'xor ecx, ecx' });

test('#PF: the address is in EXITINFO2, CR2 as it was, and the bytes are there', t => {
  const guest = new Guest().intercept(0x4e);
  guest.set(Save.cr2, 0x1234);
  guest.program('mov eax, [0x500000]\nhlt');
  t.is(guest.run(), 0x4e);
  t.is(guest.info1, 0n);
  t.is(guest.info2, 0x50_0000n);
  t.is(guest.get(Save.cr2), 0x1234n);
  t.is(guest.byte(guest.vmcb + Control.fetched), 15);
  const expected = assemble(64, 'mov eax, [0x500000]\nhlt', { origin: Place.code }).bytes;
  for (const [n, byte] of expected.entries()) t.is(guest.byte(guest.vmcb + Control.fetched + 1 + n), byte);
});

test('#DB shows DR6 as the handler would see it', t => {
  const guest = new Guest().intercept(0x41);
  guest.set(Save.rflags, 0x102);
  guest.program('nop\nnop\nhlt');
  t.is(guest.run(), 0x41);
  t.is(guest.get(Save.dr6), 0xffff_4ff0n);
  t.is(guest.rip, Place.code + 1);
});

test('write traps exit after the instruction', t => {
  const guest = new Guest().intercept(0x94).intercept(0x8f).intercept(0x90).intercept(0x98);
  guest.program(`
    mov rax, cr4
    or eax, 0x80
    mov cr4, rax
    mov ecx, 0xc0000080
    rdmsr
    wrmsr
    clts
    mov eax, 5
    mov cr8, rax
    hlt`);
  t.is(guest.run(), 0x94);
  t.is(guest.info1, guest.get(Save.cr4));
  t.is(guest.run(), 0x8f);
  t.is(guest.info1, guest.get(Save.efer));
  t.is(guest.run(), 0x90);
  t.is(guest.run(), 0x98);
  t.is(guest.info1, 5n);
  t.is(guest.get(Control.virtualInterrupt) & 0xfn, 5n);
  t.is(guest.run(), 0x78);
});

// Ports.

interface PortCase {
  readonly port: number;
  readonly info: bigint;
  readonly bits?: 32 | 64;
}
function portExits(t: ExecutionContext, source: string, { port, info, bits = 64 }: PortCase) {
  const guest = new Guest(bits).intercept(0x7b);
  guest.program(`mov edx, ${port}\n${source}\nhlt`);
  t.is(guest.run(), 0x78, 'the bitmap lets it pass');
  guest.set(Save.rip, Place.code);
  guest.write(guest.iopm + (port >> 3), [1 << (port & 7)]);
  t.is(guest.run(), 0x7b);
  t.is(guest.info1, info | (BigInt(port) << 16n));
  t.is(guest.info2, BigInt(guest.nextRip));
}
test('out dx, al', portExits, 'out dx, al', { port: 0x3f8, info: 0x10n | 0x200n });
test('in eax, dx', portExits, 'in eax, dx', { port: 0x1f0, info: 1n | 0x40n | 0x200n });
test('in ax, dx in 32-bit code', portExits, 'in ax, dx', { port: 0x1f0, info: 1n | 0x20n | 0x100n, bits: 32 });

test('every byte of a wide access counts, over the end of the first 64 KiB too', t => {
  const guest = new Guest().intercept(0x7b);
  guest.write(guest.iopm + 0x2000, [4]);
  guest.program('mov edx, 0xffff\nin eax, dx\nhlt');
  t.is(guest.run(), 0x7b);
  t.is(guest.info1, 0xffff_0241n);
});

test('a string instruction tells its segment and REP', t => {
  const guest = new Guest().intercept(0x7b);
  guest.write(guest.iopm, new Uint8Array(0x3000).fill(0xff));
  guest.program('mov ecx, 2\nmov esi, 0xc000\nmov edx, 0x80\nrep outsb\nhlt');
  t.is(guest.run(), 0x7b);
  t.is(guest.info1, 0x80_0000n | 0x4n | 0x8n | 0x10n | 0x200n | (3n << 10n));
});

// MSRs.

const msrs: readonly (readonly [index: number, byte: number, shift: number])[] = [
  [0x10, 0x10 >> 2, 0],
  [0x1fff, 0x7ff, 6],
  [0xc000_0081, 0x820, 2],
  [0xc001_0117, 0x1045, 6],
];
for (const [index, byte, shift] of msrs)
  for (const write of [false, true])
    test(`${write ? 'wrmsr' : 'rdmsr'} ${index.toString(16)}`, t => {
      const guest = new Guest().intercept(0x7c);
      guest.write(guest.msrpm + byte, [1 << (shift + (write ? 1 : 0))]);
      guest.program(`mov ecx, ${index}\nxor eax, eax\nxor edx, edx\n${write ? 'wrmsr' : 'rdmsr'}\nhlt`);
      t.is(guest.run(), 0x7c);
      t.is(guest.info1, write ? 1n : 0n);
      t.is(guest.nextRip, guest.rip + 2);
    });

test('an MSR outside of the ranges always exits', t => {
  const guest = new Guest().intercept(0x7c);
  guest.program('mov ecx, 0x40000000\nrdmsr\nhlt');
  t.is(guest.run(), 0x7c);
});

test('what is not intercepted is executed', t => {
  const guest = new Guest();
  guest.program(
    'cpuid\nrdtsc\nmov rax, cr0\nmov cr0, rax\nmov rax, dr7\nsgdt [0xc000]\npushfq\npopfq\nmov eax, 7\nhlt',
  );
  t.is(guest.run(), 0x78);
  t.is(guest.get(Save.rax), 7n);
});

test('the PAUSE filter lets some pass', t => {
  const guest = new Guest().intercept(0x77);
  guest.set32(Control.pauseThreshold, 3 << 16);
  guest.program('xor eax, eax\nagain: inc eax\npause\njmp again');
  t.is(guest.run(), 0x77);
  t.is(guest.get(Save.rax), 4n);
});

test('a task switch', t => {
  const guest = new Guest(32).intercept(0x7d);
  guest.write64(guest.at(Place.gdt + 0x30), 0x0000_8900_c000_0067n);
  guest.program('jmp 0x30:0');
  t.is(guest.run(), 0x7d);
  t.is(guest.info1, 0x30n);
  t.is(guest.info2, 1n << 38n);
});
