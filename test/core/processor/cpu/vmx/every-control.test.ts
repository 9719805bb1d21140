/**
 * Every control bit that the capability MSRs let a hypervisor choose, tried both ways, and every basic exit reason: produced, or named as
 * absent.
 */
import test from 'ava';
import type { InterruptController } from '../../../../../core/board/bus/interrupt-controller.ts';
import { VmxOutcome } from '../../../../../core/processor/cpu/host-cpu.ts';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import { Guest, type GuestOptions, Place } from './hypervisor.ts';

/** What is seen: an exit reason, or a VM-instruction error as a negative number, or something else of the row's choosing. */
type Seen = number | bigint | boolean;

interface Row {
  readonly source: string;
  readonly on: Seen;
  readonly off: Seen;
  readonly options?: GuestOptions;
  readonly prepare?: (guest: Guest) => void;
  /** After the exit. Default: its reason. */
  readonly seen?: (guest: Guest) => Seen;
}

const hlt = 12;
const entryFailed = 0x8000_0021;

const lines = (state: { pending?: boolean; nmiPending?: boolean }): InterruptController => ({
  pending: state.pending ?? false,
  nmiPending: state.nmiPending ?? false,
  taskPriority: 0,
  onChange: undefined,
  acknowledge(this: { pending: boolean }) {
    this.pending = false;
    return 0x55;
  },
  acknowledgeNmi(this: { nmiPending: boolean }) {
    this.nmiPending = false;
  },
});
const interrupted = (guest: Guest, state: { pending?: boolean; nmiPending?: boolean }): void => {
  guest.cpu.rdmsr(0x480);
  guest.processor.connect(lines(state));
};

const pin = (bits: number) => (guest: Guest) => guest.control(Field.pinControls, bits);
const primary = (bits: number) => (guest: Guest) => guest.control(Field.primaryControls, bits);
const accumulator = (guest: Guest): Seen => guest.register(0);

const pins: Readonly<Record<number, Row>> = {
  0: { source: 'hlt', on: 1, off: hlt, prepare: guest => interrupted(guest, { pending: true }) },
  3: {
    source: 'hlt',
    on: 0,
    off: 10,
    prepare: guest => {
      interrupted(guest, { nmiPending: true });
      guest.handler(2, 'cpuid');
    },
  },
  5: { source: 'hlt', on: 8, off: -7, prepare: guest => primary(1 << 22)(pin(1 << 3)(guest)) },
  6: { source: 'hlt', on: 52, off: hlt, prepare: guest => guest.set(Field.preemptionTimer, 0) },
};

const primaries: Readonly<Record<number, Row>> = {
  2: { source: 'hlt', on: 7, off: hlt, prepare: guest => guest.set(Field.guestRflags, 0x202) },
  3: {
    source: 'rdtsc\n mov eax, edx\n hlt',
    on: 0x1234n,
    off: 0n,
    prepare: guest => guest.set(Field.tscOffset, 0x1234n << 32n),
    seen: accumulator,
  },
  7: { source: 'hlt', on: hlt, off: 52, prepare: guest => pin(1 << 6)(guest).set(Field.preemptionTimer, 100) },
  9: { source: 'invlpg [0xc000]\n hlt', on: 14, off: hlt },
  10: { source: 'xor ecx, ecx\n mwait\n hlt', on: 36, off: hlt },
  11: { source: 'rdpmc', on: 15, off: hlt, prepare: guest => guest.handler(13, 'hlt') },
  12: { source: 'rdtsc\n hlt', on: 16, off: hlt },
  15: { source: 'mov rax, cr3\n mov cr3, rax\n hlt', on: 28, off: hlt },
  16: { source: 'mov rax, cr3\n hlt', on: 28, off: hlt },
  19: { source: 'xor eax, eax\n mov cr8, rax\n hlt', on: 28, off: hlt },
  20: { source: 'mov rax, cr8\n hlt', on: 28, off: hlt },
  22: { source: 'hlt', on: 8, off: hlt, prepare: pin((1 << 3) | (1 << 5)) },
  23: { source: 'mov rax, dr7\n hlt', on: 29, off: hlt },
  24: { source: 'in al, 0x80\n hlt', on: 30, off: hlt },
  25: {
    source: 'in al, 0x80\n hlt',
    on: 30,
    off: hlt,
    prepare: guest => guest.write(guest.ioBitmaps + 0x10, [1]),
  },
  27: { source: 'nop\n hlt', on: 37, off: hlt },
  28: { source: 'mov ecx, 0x10\n rdmsr\n hlt', on: hlt, off: 31 },
  29: { source: 'mov eax, 0xc000\n xor ecx, ecx\n monitor\n hlt', on: 39, off: hlt },
  30: { source: 'pause\n hlt', on: 40, off: hlt },
  31: { source: 'sgdt [0xc000]\n hlt', on: 46, off: hlt, options: { nested: false }, prepare: g => g.secondary(4) },
};

const secondaries: Readonly<Record<number, Row>> = {
  1: {
    source: 'hlt',
    on: 48,
    off: hlt,
    options: { nested: false },
    // Tables in which nothing is mapped.
    prepare: guest => guest.set(Field.eptPointer, BigInt(guest.area) | 0x1en),
  },
  2: { source: 'sgdt [0xc000]\n hlt', on: 46, off: hlt },
  3: { source: 'rdtscp\n hlt', on: hlt, off: 10, prepare: guest => guest.handler(6, 'cpuid') },
  5: { source: 'hlt', on: -7, off: hlt, prepare: guest => guest.set(Field.vpid, 0) },
  6: { source: 'wbinvd\n hlt', on: 54, off: hlt },
  7: { source: 'hlt', on: hlt, off: entryFailed, options: { bits: 16 } },
  11: { source: 'rdrand eax\n hlt', on: 57, off: hlt, options: { entropy: true } },
  12: {
    source: 'xor eax, eax\n invpcid rax, [0xc000]\n hlt',
    on: hlt,
    off: 10,
    prepare: guest => guest.handler(6, 'cpuid'),
  },
  16: { source: 'rdseed eax\n hlt', on: 61, off: hlt, options: { entropy: true } },
};

const patValue = 0x0606_0606_0606_0606n;
const defaultPat = 0x0007_0406_0007_0406n;
const withMsrs = primary(1 << 28);

const exits: Readonly<Record<number, Row>> = {
  2: {
    source: 'mov eax, 0x500\n mov dr7, rax\n hlt',
    on: 0x500n,
    off: 0x400n,
    seen: guest => guest.get(Field.guestDr7),
  },
  9: { source: 'hlt', on: hlt, off: -8 },
  15: {
    source: 'hlt',
    on: 0x8000_0055,
    off: 0,
    prepare: guest => {
      interrupted(guest, { pending: true });
      pin(1)(guest);
    },
    seen: guest => guest.get32(Field.exitInterruption),
  },
  18: {
    source: 'mov ecx, 0x277\n mov eax, 0x06060606\n mov edx, eax\n wrmsr\n hlt',
    on: patValue,
    off: defaultPat,
    prepare: withMsrs,
    seen: guest => guest.get(Field.guestPat),
  },
  19: {
    source: 'hlt',
    on: patValue,
    off: 0x0101_0101_0101_0101n,
    prepare: guest => guest.set(Field.hostPat, patValue).set(Field.guestPat, 0x0101_0101_0101_0101n),
    seen: guest => guest.cpu.rdmsr(0x277),
  },
  20: {
    source: 'mov ecx, 0xc0000080\n rdmsr\n and eax, ~1\n wrmsr\n hlt',
    on: 0xd00n,
    off: 0xd01n,
    prepare: withMsrs,
    seen: guest => guest.get(Field.guestEfer),
  },
  21: {
    source: 'hlt',
    on: 0xd01n,
    off: 0x500n,
    prepare: guest => guest.set(Field.hostEfer, 0xd01).set(Field.guestEfer, 0x500),
    seen: guest => guest.cpu.rdmsr(0xc000_0080),
  },
  22: {
    source: 'nop\n nop\n hlt',
    on: true,
    off: false,
    prepare: guest => pin(1 << 6)(guest).set(Field.preemptionTimer, 1000),
    seen: guest => guest.get32(Field.preemptionTimer) < 1000,
  },
};

const entries: Readonly<Record<number, Row>> = {
  2: {
    source: 'mov rax, dr7\n hlt',
    on: 0x500n,
    off: 0x400n,
    prepare: guest => guest.set(Field.guestDr7, 0x500),
    seen: accumulator,
  },
  9: { source: 'hlt', on: hlt, off: entryFailed },
  14: {
    source: 'mov ecx, 0x277\n rdmsr\n hlt',
    on: 0x0606_0606n,
    off: 0x0007_0406n,
    prepare: guest => withMsrs(guest).set(Field.guestPat, patValue),
    seen: accumulator,
  },
  15: {
    source: 'mov ecx, 0xc0000080\n rdmsr\n and eax, 1\n hlt',
    on: 1n,
    off: 0n,
    prepare: guest => {
      guest.cpu.wrmsr(0xc000_0080, 0xd00n);
      withMsrs(guest).set(Field.guestEfer, 0xd01);
    },
    seen: accumulator,
  },
};

function attempt(row: Row, control: number, bit: number, on: boolean): Seen {
  const guest = new Guest({ ...row.options }).program(row.source);
  guest.control(Field.primaryControls, (1 << 15) | (1 << 16), false);
  row.prepare?.(guest);
  guest.control(control, 1 << bit, on);
  if (guest.enter() !== VmxOutcome.succeed) return -guest.get32(Field.instructionError);
  return row.seen ? row.seen(guest) : guest.reason;
}

const groups = [
  ['pin', Field.pinControls, 0x48d, pins],
  ['primary', Field.primaryControls, 0x48e, primaries],
  ['secondary', Field.secondaryControls, 0x48b, secondaries],
  ['exit', Field.exitControls, 0x48f, exits],
  ['entry', Field.entryControls, 0x490, entries],
] as const;

for (const [name, control, , rows] of groups)
  for (const [bit, row] of Object.entries(rows))
    test(`${name} control ${bit}`, t => {
      t.is(attempt(row, control, Number(bit), true), row.on, 'set');
      t.is(attempt(row, control, Number(bit), false), row.off, 'clear');
    });

for (const [name, , capability, rows] of groups)
  test(`every ${name} control that may be chosen has a row, and no other`, t => {
    const { cpu } = new Guest({ entropy: true });
    const value = cpu.rdmsr(capability);
    const free = Number((value >> 32n) & ~value & 0xffff_ffffn);
    const expected = Array.from({ length: 32 }, (_, bit) => bit).filter(bit => ((free >>> bit) & 1) !== 0);
    t.deepEqual(Object.keys(rows).map(Number), expected);
  });

test('a bit that may not be chosen is refused, set or clear', t => {
  for (const [name, control, capability] of groups) {
    const guest = new Guest({ entropy: true }).program('hlt');
    const value = guest.cpu.rdmsr(capability);
    for (let bit = 0; bit < 32; bit++) {
      const must = ((value >> BigInt(bit)) & 1n) !== 0n;
      const may = ((value >> BigInt(bit + 32)) & 1n) !== 0n;
      if (must !== may) continue;
      const before = guest.get32(control);
      guest.control(control, 1 << bit, !must);
      t.is(guest.enter(), VmxOutcome.failValid, `${name} ${bit}`);
      t.is(guest.get32(Field.instructionError), 7, `${name} ${bit}`);
      guest.set(control, before);
    }
  }
});

// Reasons that no control chooses.

const always: Readonly<Record<number, Omit<Row, 'on' | 'off'>>> = {
  0: { source: 'ud2', prepare: guest => guest.set(Field.exceptionBitmap, 1 << 6) },
  2: { source: 'ud2', prepare: guest => guest.set(Field.guestIdtrLimit, 0) },
  3: {
    source: 'nop',
    prepare: guest => {
      guest.cpu.rdmsr(0x480);
      guest.processor.signalInit();
    },
  },
  4: {
    source: 'nop',
    prepare: guest => {
      guest.set(Field.guestActivity, 3);
      guest.processor.signalStartup(1);
    },
  },
  9: {
    source: 'jmp 0x30:0',
    options: { bits: 32 },
    prepare: guest => guest.write64(guest.at(Place.gdt + 0x30), 0x0000_8900_c000_0067n),
  },
  10: { source: 'cpuid' },
  13: { source: 'invd' },
  18: { source: 'vmcall' },
  19: { source: 'vmclear [0xc000]' },
  20: { source: 'vmlaunch' },
  21: { source: 'vmptrld [0xc000]' },
  22: { source: 'vmptrst [0xc000]' },
  23: { source: 'vmread rax, rbx' },
  24: { source: 'vmresume' },
  25: { source: 'vmwrite rax, rbx' },
  26: { source: 'vmxoff' },
  27: { source: 'vmxon [0xc000]' },
  32: { source: 'xor ecx, ecx\n wrmsr' },
  33: { source: 'nop', prepare: guest => guest.set(Field.guestRflags, 0) },
  34: {
    source: 'nop',
    prepare: guest => guest.set(Field.entryMsrLoad, guest.area).set(Field.entryMsrLoadCount, 1),
  },
  47: { source: 'sldt eax', prepare: guest => guest.secondary(4) },
  49: { source: 'mov eax, [0xc000]', prepare: guest => guest.write64(guest.entry(0xc000), 2n) },
  50: { source: 'invept rax, [0xc000]' },
  51: { source: 'rdtscp', prepare: primary(1 << 12) },
  53: { source: 'invvpid rax, [0xc000]' },
  55: { source: 'mov rax, cr4\n or eax, 0x40000\n mov cr4, rax\n xor ecx, ecx\n xsetbv' },
  58: { source: 'invpcid rax, [0xc000]', prepare: guest => primary(1 << 9)(guest).secondary(1 << 12) },
};
const absent: Readonly<Record<string, readonly number[]>> = {
  'no SMM': [5, 6, 17],
  'no SMX': [11],
  'there are no machine checks': [41],
  'no TPR shadow, no virtual APIC': [43, 44, 45, 56],
  'no VM functions, PML, SPP': [59, 62, 66],
  'instructions that are not there': [60, 63, 64, 65, 67, 68, 69, 70, 72, 73, 74, 75, 76, 77],
  'numbers that mean nothing': [35, 38, 42, 71],
};

for (const [reason, row] of Object.entries(always))
  test(`reason ${reason}`, t => {
    const seen = attempt({ ...row, on: 0, off: 0 }, Field.primaryControls, 7, true) as number;
    t.is(seen & 0x7fff_ffff, Number(reason));
  });

test('every basic exit reason is produced, or named as absent', t => {
  const rows = groups.flatMap(([, , , group]) => Object.values(group) as Row[]);
  const produced = new Set([
    ...rows.filter(({ seen }) => !seen).flatMap(({ on, off }) => [on, off]),
    ...Object.keys(always).map(Number),
  ]);
  const missing = new Set(Object.values(absent).flat());
  for (let reason = 0; reason < 78; reason++) t.not(produced.has(reason), missing.has(reason), `reason ${reason}`);
});
