/** Every instruction that exits: its reason, qualification, length and instruction information. */
import test, { type ExecutionContext } from 'ava';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import { assemble } from '../../../../../core/processor/decode/assembler/assembler.ts';
import { Guest, Place } from './hypervisor.ts';

interface Expected {
  readonly reason: number;
  readonly qualification?: bigint;
  readonly information?: number;
  readonly linear?: bigint;
  readonly primary?: number;
  readonly secondary?: number;
  readonly bits?: 16 | 32 | 64;
  /** The instruction is reached after this. */
  readonly setup?: string;
  readonly prepare?: (guest: Guest) => void;
  /** It exits whatever the controls say. */
  readonly always?: true;
}

const hlt = 12;

function exits(t: ExecutionContext, source: string, expected: Expected) {
  const {
    reason,
    qualification = 0n,
    information,
    linear,
    primary = 0,
    secondary = 0,
    bits = 64,
    setup = 'nop',
  } = expected;
  const start = Place.code + assemble(bits, setup, { origin: Place.code }).bytes.length;
  const length = assemble(bits, source, { origin: start }).bytes.length;
  const make = () => {
    const guest = new Guest({ bits, entropy: true }).program(`${setup}\n${source}\nhlt\n`);
    for (let vector = 0; vector < 32; vector++) guest.handler(vector, 'hlt');
    guest.control(Field.primaryControls, (1 << 15) | (1 << 16), false);
    guest.setRegister(0, 0x1000).setRegister(3, 3).setRegister(6, Place.data).setRegister(7, Place.data);
    expected.prepare?.(guest);
    return guest;
  };
  const guest = make().control(Field.primaryControls, primary).secondary(secondary);
  t.is(guest.run(), reason);
  t.is(guest.rip, start);
  t.is(guest.length, length, 'length');
  t.is(guest.qualification, qualification, 'qualification');
  if (information !== undefined) t.is(guest.get32(Field.exitInstructionInfo) >>> 0, information >>> 0, 'information');
  if (linear !== undefined) t.is(guest.get(Field.guestLinearAddress), linear);
  t.is(guest.get32(Field.exitInterruption), 0);
  t.is(guest.get32(Field.vectoringInfo), 0);
  if (expected.always || (primary | secondary) === 0) return;
  const free = make().control(Field.primaryControls, primary, false).secondary(secondary, false);
  if (reason === hlt) free.program('mov eax, 0x77777777\n int3\n').set(Field.exceptionBitmap, 1 << 3);
  t.not(free.run(), reason, 'without the control it does not exit');
}

// Unconditionally.
test('cpuid', exits, 'cpuid', { reason: 10 });
test('invd', exits, 'invd', { reason: 13 });
test('vmcall', exits, 'vmcall', { reason: 18 });
test('vmlaunch', exits, 'vmlaunch', { reason: 20 });
test('vmresume', exits, 'vmresume', { reason: 24 });
test('vmxoff', exits, 'vmxoff', { reason: 26 });
test('xsetbv', exits, 'xsetbv', {
  reason: 55,
  setup: 'mov rax, cr4\n or eax, 0x40000\n mov cr4, rax\n xor ecx, ecx',
});

// By a control.
test('hlt', exits, 'hlt', { reason: hlt, primary: 1 << 7 });
test('invlpg', exits, 'invlpg [rsi + 0x12345]', { reason: 14, primary: 1 << 9, qualification: 0x1e345n });
test('rdpmc', exits, 'rdpmc', { reason: 15, primary: 1 << 11 });
test('rdtsc', exits, 'rdtsc', { reason: 16, primary: 1 << 12 });
test('rdtscp', exits, 'rdtscp', { reason: 51, primary: 1 << 12 });
test('mwait', exits, 'mwait', { reason: 36, primary: 1 << 10, setup: 'xor ecx, ecx' });
test('mwait after monitor', exits, 'mwait', {
  reason: 36,
  primary: 1 << 10,
  qualification: 1n,
  setup: 'xor ecx, ecx\n mov eax, 0xc000\n monitor',
});
test('an exit ends the monitoring', t => {
  const guest = new Guest().program('xor ecx, ecx\n mov eax, 0xc000\n monitor\n rdtsc\n mwait');
  guest.control(Field.primaryControls, (1 << 10) | (1 << 12));
  t.is(guest.run(), 16);
  t.is(guest.skip().run(), 36);
  t.is(guest.qualification, 0n);
});
test('monitor', exits, 'monitor', { reason: 39, primary: 1 << 29 });
test('pause', exits, 'pause', { reason: 40, primary: 1 << 30 });
test('wbinvd', exits, 'wbinvd', { reason: 54, secondary: 1 << 6 });

// Instruction information.
const noIndex = 1 << 22;
const noBase = 1 << 27;
const size64 = 2 << 7;
const ds = 3 << 15;
test('vmxon', exits, 'vmxon [rsi]', { reason: 27, information: size64 | ds | noIndex | (6 << 23) });
test('vmptrld', exits, 'vmptrld [rsi + rbx * 4 + 0x10]', {
  reason: 21,
  qualification: 0x10n,
  information: 2 | size64 | ds | (3 << 18) | (6 << 23),
});
test('vmptrst with a negative displacement and FS', exits, 'vmptrst fs:[r14 - 8]', {
  reason: 22,
  qualification: 0xffff_ffff_ffff_fff8n,
  information: size64 | (4 << 15) | noIndex | (14 << 23),
});
test('vmclear, 32-bit address', exits, 'vmclear [0xc000]', {
  reason: 19,
  bits: 32,
  qualification: 0xc000n,
  information: (1 << 7) | ds | noIndex | noBase,
});
test('vmread to a register', exits, 'vmread rdx, r9', { reason: 23, information: (2 << 3) | (1 << 10) | (9 << 28) });
test('vmread to memory', exits, 'vmread [rsi], rcx', {
  reason: 23,
  information: size64 | ds | noIndex | (6 << 23) | (1 << 28),
});
test('vmwrite from memory', exits, 'vmwrite rcx, [rsi + 8]', {
  reason: 25,
  qualification: 8n,
  information: size64 | ds | noIndex | (6 << 23) | (1 << 28),
});
test('invept', exits, 'invept rcx, [rsi]', {
  reason: 50,
  information: size64 | ds | noIndex | (6 << 23) | (1 << 28),
});
test('invvpid', exits, 'invvpid rdi, [rsi]', {
  reason: 53,
  information: size64 | ds | noIndex | (6 << 23) | (7 << 28),
});
test('invpcid', exits, 'invpcid rcx, [rsi]', {
  reason: 58,
  primary: 1 << 9,
  prepare: guest => guest.secondary(1 << 12),
  information: size64 | ds | noIndex | (6 << 23) | (1 << 28),
});
test('RIP-relative operands count from the next instruction', exits, 'vmclear [rip + 0x20]', {
  reason: 19,
  qualification: BigInt(Place.code + 1 + 8 + 0x20),
  information: size64 | ds | noIndex | noBase,
});

const tables = ['sgdt', 'sidt', 'lgdt', 'lidt'];
tables.forEach((name, n) => {
  test(name, exits, `${name} [rsi]`, {
    reason: 46,
    secondary: 4,
    information: size64 | ds | noIndex | (6 << 23) | (n << 28) | (1 << 11),
  });
});
const localTables = ['sldt', 'str', 'lldt', 'ltr'];
localTables.forEach((name, n) => {
  test(`${name} with a register`, exits, `${name} bx`, {
    reason: 47,
    secondary: 4,
    information: (3 << 3) | (1 << 10) | (n << 28),
    prepare: guest => guest.setRegister(3, n === 3 ? 0x28 : 0),
  });
});
test('rdrand', exits, 'rdrand r10', { reason: 57, secondary: 1 << 11, information: (10 << 3) | (2 << 11) });
test('rdseed', exits, 'rdseed bx', { reason: 61, secondary: 1 << 16, information: 3 << 3 });

// Control registers.
const toCr = (register: number, general: number) => BigInt(register | (general << 8));
test('mov to cr0 by mask', exits, 'mov cr0, rbx', {
  reason: 28,
  qualification: toCr(0, 3),
  setup: 'mov rbx, cr0\n xor ebx, 8',
  prepare: guest => guest.set(Field.cr0Mask, 8).set(Field.cr0Shadow, 0),
});
test('mov to cr4 by mask', exits, 'mov cr4, r8', {
  reason: 28,
  qualification: toCr(4, 8),
  setup: 'mov r8, cr4\n xor r8, 4',
  prepare: guest => guest.set(Field.cr4Mask, 4).set(Field.cr4Shadow, 0),
});
test('mov to cr3', exits, 'mov cr3, rdx', {
  reason: 28,
  primary: 1 << 15,
  qualification: toCr(3, 2),
  setup: 'mov rdx, cr3',
});
test('mov from cr3', exits, 'mov rdx, cr3', { reason: 28, primary: 1 << 16, qualification: toCr(3, 2) | 16n });
test('mov to cr8', exits, 'mov cr8, rbx', { reason: 28, primary: 1 << 19, qualification: toCr(8, 3) });
test('mov from cr8', exits, 'mov rcx, cr8', { reason: 28, primary: 1 << 20, qualification: toCr(8, 1) | 16n });
test('clts', exits, 'clts', {
  reason: 28,
  qualification: 0x20n,
  prepare: guest => guest.set(Field.cr0Mask, 8).set(Field.cr0Shadow, 8),
});
test('lmsw with a register', exits, 'lmsw bx', {
  reason: 28,
  qualification: 0x0003_0030n,
  prepare: guest => guest.set(Field.cr0Mask, 2).set(Field.cr0Shadow, 0),
});
test('lmsw with memory', exits, 'lmsw [rsi]', {
  reason: 28,
  qualification: 0x000f_0070n,
  linear: BigInt(Place.data),
  setup: 'mov word [rsi], 15',
  prepare: guest => guest.set(Field.cr0Mask, 8).set(Field.cr0Shadow, 0),
});
test('mov to dr', exits, 'mov dr3, rbx', { reason: 29, primary: 1 << 23, qualification: 0x303n });
test('mov from dr', exits, 'mov r9, dr6', { reason: 29, primary: 1 << 23, qualification: 0x916n });

// Ports.
const io = { reason: 30, primary: 1 << 24 };
test('in, immediate', exits, 'in al, 0x42', { ...io, qualification: 0x42_0048n });
test('in, DX', exits, 'in eax, dx', { ...io, setup: 'mov dx, 0x3f8', qualification: 0x3f8_000bn });
test('out, immediate', exits, 'out 0x80, ax', { ...io, qualification: 0x80_0041n });
test('outs', exits, 'rep outsb', {
  ...io,
  setup: 'mov dx, 0x3f8\n mov ecx, 2',
  qualification: 0x3f8_0030n,
  information: size64 | ds,
  linear: BigInt(Place.data),
});
test('ins', exits, 'insd', {
  ...io,
  bits: 32,
  setup: 'mov dx, 0x3f8',
  qualification: 0x3f8_001bn,
  information: 1 << 7,
  linear: BigInt(Place.data),
});

// MSRs: without a bitmap all of them.
const withBitmap = { reason: 31, setup: 'mov ecx, 0x10' };
test('rdmsr', exits, 'rdmsr', withBitmap);
test('wrmsr', exits, 'wrmsr', { ...withBitmap, reason: 32 });
