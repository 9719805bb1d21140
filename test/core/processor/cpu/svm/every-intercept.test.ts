/** Every intercept bit of a VMCB, executed: with the bit the guest exits by its code, without it by another or not at all. */
import test from 'ava';
import type { InterruptController } from '../../../../../core/board/bus/interrupt-controller.ts';
import { Control, Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { assemble } from '../../../../../core/processor/decode/assembler/assembler.ts';
import { Guest, Place } from './hypervisor.ts';

interface Case {
  /** What the guest does, in 64-bit code unless `bits` say otherwise. */
  readonly source: string | readonly number[];
  readonly bits?: 32 | 64;
  readonly prepare?: (guest: Guest) => void;
}

const bitCount = 6 * 32;
const base = { hlt: 0x78, shutdown: 0x7f, vmrun: 0x80, interrupt: 0x60 };
/** What ends a guest that nothing else does. */
const kept: readonly number[] = Object.values(base);

const cases = new Map<number, Case>();
/** Bits of what this processor does not have: what the guest does there is another exit, or cannot be done. */
const absent = new Map<number, string>();

const add = (code: number, source: Case['source'], more: Omit<Case, 'source'> = {}): void => {
  cases.set(code, { source, ...more });
};
const user = (guest: Guest): void => {
  guest.set8(Save.cpl, 3);
  for (const table of [0, 0x1000, 0x2000])
    guest.write64(guest.at(Place.tables + table), guest.read64(guest.at(Place.tables + table)) | 4n);
};
const nonMaskable = (): InterruptController => ({
  pending: false,
  nmiPending: true,
  taskPriority: 0,
  onChange: undefined,
  acknowledge: () => 0,
  acknowledgeNmi(this: { nmiPending: boolean }) {
    this.nmiPending = false;
  },
});

// Control and debug registers.
const controls = [0, 2, 3, 4, 8];
for (let register = 0; register < 16; register++) {
  for (const [code, opcode] of [
    [0x00 + register, 0x20],
    [0x10 + register, 0x22],
  ] as const) {
    if (controls.includes(register)) {
      const move = (to: number) => [register > 7 ? 0x44 : 0x40, 0x0f, to, 0xc0 | ((register & 7) << 3)];
      // What is written has to be legal: it is what was read.
      add(code, opcode === 0x20 ? move(0x20) : [...move(0x20), ...move(0x22)]);
    } else absent.set(code, `there is no CR${register}`);
  }
  if (register < 8) {
    add(0x20 + register, `mov rax, dr${register}`);
    add(0x30 + register, `mov dr${register}, rax`);
  } else for (const code of [0x20, 0x30]) absent.set(code + register, `there is no DR${register}`);
}

// Exceptions.
add(0x40, 'xor ecx, ecx\n div ecx');
add(0x41, 'nop\n nop', { prepare: guest => guest.set(Save.rflags, 0x102) });
add(0x43, 'int3');
add(0x44, 'mov eax, 0x7fffffff\n inc eax\n into', { bits: 32 });
add(0x45, 'mov esi, 0xc000\n mov eax, 1\n bound eax, [esi]', { bits: 32 });
add(0x46, 'ud2');
add(0x47, 'fldz', { prepare: guest => guest.set(Save.cr0, guest.get(Save.cr0) | 8n) });
add(0x48, 'ud2', { prepare: guest => guest.segment(Save.idtr, 0, 0, 0, 0) });
add(0x4a, 'iretd', { bits: 32, prepare: guest => guest.set(Save.rflags, 0x4002) });
const absentSegment = (guest: Guest): void => guest.write64(guest.at(Place.gdt + 0x30), 0x00cf_1300_0000_ffffn);
add(0x4b, 'mov eax, 0x30\n mov ds, ax', { prepare: absentSegment });
add(0x4c, 'mov eax, 0x30\n mov ss, ax', { prepare: absentSegment });
add(0x4d, 'mov eax, 0x1230\n mov ds, ax');
add(0x4e, 'mov eax, [0x500000]');
add(0x50, 'mov word [0xc000], 0x37b\n fninit\n fldcw [0xc000]\n fld1\n fldz\n fdivp st1, st0\n fwait');
add(0x51, 'mov eax, [0xc001]', {
  prepare: guest => {
    user(guest);
    guest.set(Save.cr0, guest.get(Save.cr0) | (1n << 18n));
    guest.set(Save.rflags, 0x4_0002);
  },
});
add(
  0x53,
  'mov dword [0xc000], 0x1d80\n ldmxcsr [0xc000]\n xorps xmm0, xmm0\n mov eax, 1\n cvtsi2ss xmm1, eax\n divss xmm1, xmm0',
);
add(0x5e, 'nop', {
  prepare: guest => {
    guest.cpu.wrmsr(0xc001_0114, 2n);
    guest.processor.signalInit();
  },
});
absent.set(0x42, 'NMIs are intercepted by a bit of their own');
absent.set(0x52, 'there are no machine checks');
for (const vector of [9, 15, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 31])
  absent.set(0x40 + vector, `exception ${vector} does not happen`);

// Physical and virtual events.
add(0x60, 'again: jmp again', { prepare: guest => guest.cpu.armTimer(100) });
add(0x61, 'nop', {
  prepare: guest => {
    guest.cpu.clgi();
    guest.processor.connect(nonMaskable());
    guest.handler(2, 'iretq');
  },
});
absent.set(0x62, 'there is no SMM');
add(0x63, 'nop', { prepare: guest => guest.processor.signalInit() });
add(0x64, 'sti\n nop\n nop', {
  prepare: guest => {
    guest.set(Control.virtualInterrupt, (0x40n << 32n) | (1n << 24n) | (1n << 20n) | (1n << 8n));
    guest.handler(0x40, 'hlt');
  },
});

// Instructions.
add(0x65, 'mov rax, cr0\n xor eax, 0x20\n mov cr0, rax');
const plain =
  'sidt [0xc000],sgdt [0xc000],sldt eax,str eax,lidt [0xc000],lgdt [0xc000],lldt ax,ltr ax,rdtsc,rdpmc,pushfq,popfq,cpuid,rsm,iretq';
plain.split(/,(?! )/).forEach((source, n) => {
  add(0x66 + n, source);
});
add(0x75, 'int 0x42');
add(0x76, 'invd');
add(0x77, 'pause');
add(0x78, 'hlt');
add(0x79, 'invlpg [0xc000]');
add(0x7a, 'invlpga');
const everything = (page: (guest: Guest) => number, pages: number) => (guest: Guest) =>
  guest.write(page(guest), new Uint8Array(pages * 4096).fill(0xff));
add(0x7b, 'in al, 0x80', { prepare: everything(guest => guest.iopm, 3) });
add(0x7c, 'mov ecx, 0x10\n rdmsr', { prepare: everything(guest => guest.msrpm, 2) });
add(0x7d, 'jmp 0x30:0', {
  bits: 32,
  prepare: guest => guest.write64(guest.at(Place.gdt + 0x30), 0x0000_8900_c000_0067n),
});
absent.set(0x7e, 'FERR does not freeze');
add(0x7f, 'ud2', { prepare: guest => guest.segment(Save.idtr, 0, 0, 0, 0) });
[
  'vmrun',
  'vmmcall',
  'vmload',
  'vmsave',
  'stgi',
  'clgi',
  'skinit',
  'rdtscp',
  'int1',
  'wbinvd',
  'monitor',
  'mwait',
  'xor ecx, ecx\n mov eax, 0xc000\n monitor\n mwait',
].forEach((source, n) => {
  add(0x80 + n, source);
});
add(0x8d, 'mov rax, cr4\n or eax, 0x40000\n mov cr4, rax\n xor ecx, ecx\n xsetbv');
absent.set(0x8e, 'there is no RDPRU');
add(0x8f, 'mov ecx, 0xc0000080\n rdmsr\n wrmsr');
for (let register = 0; register < 16; register++) {
  if (controls.includes(register)) add(0x90 + register, `mov rax, cr${register}\n mov cr${register}, rax`);
  else absent.set(0x90 + register, `there is no CR${register}`);
}
absent.set(0xa2, 'the model has no INVPCID');
for (let code = 0xa0; code < bitCount; code++) if (code !== 0xa2) absent.set(code, 'none of its instructions is there');

/** The exit code; -2 where VMRUN itself fails, as it does when a shutdown is not intercepted. */
function outcome({ source, bits = 64, prepare }: Case, code: number, intercepted: boolean, others = kept): number {
  const guest = new Guest(bits);
  const bytes = typeof source === 'string' ? assemble(bits, source, { origin: Place.code }).bytes : source;
  guest.write(guest.at(Place.code), [...bytes, 0xf4]);
  guest.set(Save.rax, 0x1000);
  prepare?.(guest);
  guest.intercept(code, intercepted);
  for (const each of others) if (each !== code) guest.intercept(each);
  try {
    return guest.run();
  } catch {
    return -2;
  }
}

test('every bit has a case, or a reason why there is none', t => {
  for (let code = 0; code < bitCount; code++)
    t.not(cases.has(code), absent.has(code), `intercept ${code.toString(16)}`);
});

for (const [code, each] of cases)
  test(`intercept ${code.toString(16)}`, t => {
    t.is(outcome(each, code, true), code);
    // VMRUN's own is demanded. Without these two the guest would wait or run for ever.
    if (code === base.vmrun || code === base.interrupt || code === base.hlt) return;
    t.not(outcome(each, code, false), code);
  });

test('registers that do not exist are #UD, whatever is intercepted', t => {
  for (let register = 0; register < 16; register++) {
    if (controls.includes(register)) continue;
    const prefix = register > 7 ? 0x44 : 0x40;
    for (const [code, opcode] of [
      [register, 0x20],
      [0x10 + register, 0x22],
    ] as const)
      t.is(
        outcome({ source: [prefix, 0x0f, opcode, 0xc0 | ((register & 7) << 3)] }, code, true, [...kept, 0x46]),
        0x46,
      );
  }
});
