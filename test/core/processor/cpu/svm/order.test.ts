/** What comes before a #VMEXIT, and what a #VMEXIT comes before (APM vol. 2, sections 15.8 and 15.9). */
import test, { type ExecutionContext } from 'ava';
import { Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { assemble } from '../../../../../core/processor/decode/assembler/assembler.ts';
import { Guest, Place } from './hypervisor.ts';

const invalidOpcode = 0x46;
const generalProtection = 0x4d;
const pageFault = 0x4e;
const unmapped = 0x50_0000;

interface Case {
  readonly intercept: number;
  /** The exit code. Default: the intercept's. */
  readonly expected?: number;
  readonly prepare?: (guest: Guest) => void;
}
function comes(t: ExecutionContext, source: string | readonly number[], { intercept, expected, prepare }: Case) {
  const guest = new Guest(typeof source === 'string' ? 64 : 32);
  const bytes = typeof source === 'string' ? assemble(64, source, { origin: Place.code }).bytes : source;
  guest.write(guest.at(Place.code), [...bytes, 0xf4]);
  for (const code of [invalidOpcode, generalProtection, pageFault, intercept]) guest.intercept(code);
  prepare?.(guest);
  t.is(guest.run(), expected ?? intercept);
  t.is(guest.rip, Place.code);
}

const user = (guest: Guest): void => {
  guest.set8(Save.cpl, 3);
  for (const table of [0, 0x1000, 0x2000])
    guest.write64(guest.at(Place.tables + table), guest.read64(guest.at(Place.tables + table)) | 4n);
};
const virtual8086 = (guest: Guest): void => {
  guest.set(Save.rflags, 0x2_0002);
  for (const save of [Save.cs, Save.ss, Save.ds, Save.es]) guest.segment(save, 0, 0xf3, 0xffff, 0);
};

// These are intercepted before anything is looked at.
for (const [name, bytes, intercept] of [
  ['PUSHF', [0x9c], 0x70],
  ['POPF', [0x9d], 0x71],
  ['IRET', [0xcf], 0x74],
  ['INT n', [0xcd, 0x42], 0x75],
] as const) {
  test(`${name} in virtual-8086 mode exits before IOPL is looked at`, comes, bytes, {
    intercept,
    prepare: virtual8086,
  });
  test(`${name} in virtual-8086 mode is #GP where it is not intercepted`, comes, bytes, {
    intercept: generalProtection,
    prepare: virtual8086,
  });
}
test('RSM exits before it is #UD', comes, 'rsm', { intercept: 0x73 });
test('CPUID exits for users', comes, 'cpuid', { intercept: 0x72, prepare: user });
test('PAUSE exits for users', comes, 'pause', { intercept: 0x77, prepare: user });

// Privilege comes first.
for (const [source, intercept] of [
  ['hlt', 0x78],
  ['invd', 0x76],
  ['wbinvd', 0x89],
  ['invlpg [0xc000]', 0x79],
  ['rdmsr', 0x7c],
  ['wrmsr', 0x7c],
  ['mov rax, cr0', 0x00],
  ['mov cr3, rax', 0x13],
  ['mov rax, dr7', 0x27],
  ['clts', 0x10],
  ['lgdt [0xc000]', 0x6b],
  ['ltr ax', 0x6d],
  ['rdpmc', 0x6f],
  ['vmload', 0x82],
] as const)
  test(`${source} at CPL 3 is #GP`, comes, source, { intercept, expected: generalProtection, prepare: user });
test('RDTSC with CR4.TSD at CPL 3 is #GP', comes, 'rdtsc', {
  intercept: 0x6e,
  expected: generalProtection,
  prepare: guest => {
    user(guest);
    guest.set(Save.cr4, guest.get(Save.cr4) | 4n);
  },
});
test('a port that the TSS does not allow is #GP', comes, 'in al, 0x80', {
  intercept: 0x7b,
  expected: generalProtection,
  prepare: guest => {
    user(guest);
    guest.write(guest.iopm, new Uint8Array(0x3000).fill(0xff));
    guest.write(guest.at(Place.tss + 0x66), [0xff, 0xff]);
  },
});
for (const [source, intercept] of [
  ['monitor', 0x8a],
  ['mwait', 0x8b],
] as const)
  test(`${source} at CPL 3 is #UD`, comes, source, { intercept, expected: invalidOpcode, prepare: user });
test('XSETBV without CR4.OSXSAVE is #UD', comes, 'xsetbv', {
  intercept: 0x8d,
  expected: invalidOpcode,
  prepare: guest => guest.set(Save.cr4, 0x6a0),
});
const saving = (guest: Guest): void => {
  user(guest);
  guest.set(Save.cr4, guest.get(Save.cr4) | 0x4_0000n);
};
test('XSETBV exits for users', comes, 'xsetbv', { intercept: 0x8d, prepare: saving });
test('and is #GP for them where it is not intercepted', comes, 'xsetbv', {
  intercept: generalProtection,
  prepare: saving,
});
test('SLDT in real-address mode is #UD', comes, [0x0f, 0x00, 0xc0], {
  intercept: 0x68,
  expected: invalidOpcode,
  prepare: guest => guest.set(Save.cr0, 0x10),
});

// Whatever is wrong comes first (table 15-7: all exceptions before the intercept).
const registers =
  (rax: number, rcx = 0) =>
  (guest: Guest) => {
    guest.set(Save.rax, rax);
    guest.setRegister(1, rcx);
  };
test('MONITOR of memory that can be read exits', comes, 'monitor', { intercept: 0x8a, prepare: registers(Place.data) });
test('MONITOR with extensions is #GP', comes, 'monitor', {
  intercept: 0x8a,
  expected: generalProtection,
  prepare: registers(Place.data, 1),
});
test('MONITOR of what is not mapped is #PF', comes, 'monitor', {
  intercept: 0x8a,
  expected: pageFault,
  prepare: registers(unmapped),
});
test('MONITOR of what the hypervisor does not map is a nested page fault', comes, 'monitor', {
  intercept: 0x8a,
  expected: 0x400,
  prepare: registers(Place.absent),
});
test('MONITOR beyond a limit is #GP', comes, [0x3e, 0x0f, 0x01, 0xc8], {
  intercept: 0x8a,
  expected: generalProtection,
  prepare: guest => {
    registers(Place.data)(guest);
    guest.segment(Save.ds, 0x10, 0x493, 0xfff, 0);
  },
});
test('MWAIT that interrupts may end exits', comes, 'mwait', { intercept: 0x8b, prepare: registers(0, 1) });
test('MWAIT with other extensions is #GP', comes, 'mwait', {
  intercept: 0x8b,
  expected: generalProtection,
  prepare: registers(0, 2),
});
for (const [source, intercept, rax] of [
  ['mov cr0, rax', 0x10, 0],
  ['mov cr0, rax', 0x65, 0],
  ['mov cr3, rax', 0x13, 2 ** 48],
  ['mov cr4, rax', 0x14, 0x6a0 | (1 << 30)],
  ['mov cr8, rax', 0x18, 0x10],
  ['mov dr6, rax', 0x36, 2 ** 32],
  ['mov dr7, rax', 0x37, 2 ** 32],
] as const) {
  const what = `${source} (${intercept.toString(16)})`;
  const wrong = { intercept, expected: generalProtection, prepare: registers(rax) };
  test(`${what} of a wrong value is #GP`, comes, source, wrong);
}
test('MOV CR0 that turns PAE on exits before the PDPTEs are read', t => {
  const guest = new Guest(32, false).intercept(0x10).intercept(generalProtection);
  const code = guest.at(Place.code);
  const tables = guest.host.memory.allocate(1);
  guest.write64(tables, 0x1e7n);
  guest.set(Save.cr3, tables);
  guest.set(Save.cr4, 0x20);
  guest.write(code, assemble(32, 'mov cr0, eax', { origin: code }).bytes);
  guest.set(Save.rax, 0x8000_0033);
  for (const [intercepted, expected] of [
    [true, 0x10],
    [false, generalProtection],
  ] as const) {
    guest.intercept(0x10, intercepted).set(Save.rip, code);
    t.is(guest.run(), expected);
  }
});

// Operands in memory come last.
test('LMSW exits before its operand is read', comes, `lmsw [${unmapped}]`, { intercept: 0x10 });
test('LMSW exits before its operand is read, selectively too', comes, `lmsw [${unmapped}]`, { intercept: 0x65 });
test('SMSW exits before its operand is written', comes, `smsw [${unmapped}]`, { intercept: 0x00 });
test('VMLOAD exits before its address is looked at', comes, 'vmload', { intercept: 0x82, prepare: registers(1) });
test('SGDT exits before its operand is written', comes, `sgdt [${unmapped}]`, { intercept: 0x67 });
test('LIDT exits before its operand is read', comes, `lidt [${unmapped}]`, { intercept: 0x6a });
test('RDMSR exits before the register is looked for', comes, 'rdmsr', {
  intercept: 0x7c,
  prepare: guest => guest.setRegister(1, 0x4000_0000),
});
