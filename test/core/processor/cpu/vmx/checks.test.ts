/** Each rule of the three groups of VM-entry checks, broken by one change to a good VMCS. */
import test from 'ava';
import { VmxOutcome } from '../../../../../core/processor/cpu/host-cpu.ts';
import { Candidate, firstBroken, type Rule } from '../../../../../core/processor/cpu/vmx/checks/candidate.ts';
import { controlRules } from '../../../../../core/processor/cpu/vmx/checks/control.ts';
import { eventRules, guestRules as registerRules } from '../../../../../core/processor/cpu/vmx/checks/guest.ts';
import { hostRules } from '../../../../../core/processor/cpu/vmx/checks/host.ts';
import { allowedSecondary } from '../../../../../core/processor/cpu/vmx/controls.ts';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import { Guest, type GuestOptions, type SegmentKey, segmentNumbers } from './hypervisor.ts';

const guestRules = [...eventRules, ...registerRules];

type Change = (guest: Guest) => unknown;
interface Case {
  readonly rule: string;
  readonly change: Change;
  readonly options?: GuestOptions;
}

const beyond = 1n << 45n;
const odd = 1n << 63n;
const set =
  (field: number, value: bigint | number): Change =>
  guest =>
    guest.set(field, value);
const flip =
  (field: number, bits: bigint | number): Change =>
  guest =>
    guest.set(field, guest.get(field) ^ BigInt(bits));
const rights = (name: SegmentKey, bits: number): Change => flip(Field.guestEsRights + 2 * segmentNumbers[name], bits);
const limit = (name: SegmentKey, value: number): Change => set(Field.guestEsLimit + 2 * segmentNumbers[name], value);
const base = (name: SegmentKey, value: bigint): Change => set(Field.guestEsBase + 2 * segmentNumbers[name], value);
const selector = (name: SegmentKey, value: number): Change => set(Field.guestEs + 2 * segmentNumbers[name], value);
const all =
  (...changes: Change[]): Change =>
  guest => {
    for (const change of changes) change(guest);
  };
/** Type and DPL of a segment. */
const kind =
  (name: SegmentKey, value: number): Change =>
  guest => {
    const field = Field.guestEsRights + 2 * segmentNumbers[name];
    guest.set(field, (guest.get32(field) & ~0x6f) | value);
  };
const on =
  (field: number, bits: number): Change =>
  guest =>
    guest.control(field, bits);
const off =
  (field: number, bits: number): Change =>
  guest =>
    guest.control(field, bits, false);
const inject =
  (vector: number, type: number, error?: number, length?: number): Change =>
  guest =>
    guest.inject(vector, type, error, length);
const restricted = off(Field.secondaryControls, 1 << 7);

const controls: readonly Case[] = [
  { rule: 'pin-based controls are allowed', change: off(Field.pinControls, 2) },
  { rule: 'pin-based controls are allowed', change: on(Field.pinControls, 1 << 7) },
  { rule: 'primary processor-based controls are allowed', change: off(Field.primaryControls, 1 << 4) },
  { rule: 'primary processor-based controls are allowed', change: on(Field.primaryControls, 1 << 21) },
  { rule: 'secondary processor-based controls are allowed', change: on(Field.secondaryControls, 1) },
  { rule: 'secondary processor-based controls are allowed', change: on(Field.secondaryControls, 1 << 25) },
  { rule: 'VM-exit controls are allowed', change: off(Field.exitControls, 1 << 4) },
  { rule: 'VM-exit controls are allowed', change: on(Field.exitControls, 1 << 12) },
  { rule: 'VM-entry controls are allowed', change: off(Field.entryControls, 1) },
  { rule: 'VM-entry controls are allowed', change: on(Field.entryControls, 1 << 10) },
  { rule: 'at most four CR3 targets', change: set(Field.cr3TargetCount, 5) },
  { rule: 'I/O bitmaps are pages', change: all(on(Field.primaryControls, 1 << 25), flip(Field.ioBitmapA, 8)) },
  { rule: 'I/O bitmaps are pages', change: all(on(Field.primaryControls, 1 << 25), flip(Field.ioBitmapB, beyond)) },
  { rule: 'the MSR bitmap is a page', change: all(on(Field.primaryControls, 1 << 28), flip(Field.msrBitmap, 1)) },
  { rule: 'virtual NMIs need NMI exiting', change: on(Field.pinControls, 1 << 5) },
  { rule: 'NMI-window exiting needs virtual NMIs', change: on(Field.primaryControls, 1 << 22) },
  { rule: 'VPID is not 0', change: set(Field.vpid, 0) },
  { rule: 'the EPT pointer is valid', change: flip(Field.eptPointer, 1) },
  { rule: 'the EPT pointer is valid', change: flip(Field.eptPointer, 8) },
  { rule: 'the EPT pointer is valid', change: flip(Field.eptPointer, 0x80) },
  { rule: 'the EPT pointer is valid', change: flip(Field.eptPointer, beyond) },
  { rule: 'an unrestricted guest needs EPT', change: off(Field.secondaryControls, 2) },
  { rule: 'saving the preemption timer needs the timer', change: on(Field.exitControls, 1 << 22) },
  { rule: 'exit MSR-store area', change: all(set(Field.exitMsrStoreCount, 1), set(Field.exitMsrStore, 8)) },
  { rule: 'exit MSR-load area', change: all(set(Field.exitMsrLoadCount, 1), set(Field.exitMsrLoad, beyond)) },
  {
    rule: 'entry MSR-load area',
    change: all(set(Field.entryMsrLoadCount, 2), set(Field.entryMsrLoad, (1n << 40n) - 16n)),
  },
  { rule: 'injection: reserved bits', change: all(inject(3, 6, undefined, 1), flip(Field.entryInterruption, 1 << 12)) },
  { rule: 'injection: type', change: inject(3, 1) },
  { rule: 'injection: type', change: inject(1, 7) },
  { rule: 'injection: an NMI has vector 2', change: inject(3, 2) },
  { rule: 'injection: exceptions have vectors below 32', change: inject(32, 3) },
  { rule: 'injection: error code exactly where the exception has one', change: inject(13, 3) },
  { rule: 'injection: error code exactly where the exception has one', change: inject(6, 3, 0) },
  { rule: 'injection: error code exactly where the exception has one', change: inject(13, 0, 0) },
  {
    rule: 'injection: error code exactly where the exception has one',
    change: inject(13, 3, 0),
    options: { bits: 16 },
  },
  { rule: 'injection: bits 31:16 of the error code', change: inject(13, 3, 0x1_0000) },
  { rule: 'injection: instruction length up to 15', change: inject(3, 6, undefined, 16) },
];

const toLegacy = all(off(Field.exitControls, 1 << 9), off(Field.entryControls, 1 << 9));
const host: readonly Case[] = [
  { rule: 'CR0 fixed bits', change: flip(Field.hostCr0, 0x20) },
  { rule: 'CR0 fixed bits', change: flip(Field.hostCr0, 1n << 32n) },
  { rule: 'CR4 fixed bits', change: flip(Field.hostCr4, 0x2000) },
  { rule: 'CR4 fixed bits', change: flip(Field.hostCr4, 1 << 23) },
  { rule: 'CR3 within the physical width', change: flip(Field.hostCr3, beyond) },
  ...[Field.hostFsBase, Field.hostGsBase, Field.hostTrBase, Field.hostGdtrBase, Field.hostIdtrBase].map(field => ({
    rule: 'addresses are canonical',
    change: set(field, odd),
  })),
  { rule: 'addresses are canonical', change: set(Field.hostSysenterEsp, odd) },
  { rule: 'addresses are canonical', change: set(Field.hostSysenterEip, 1n << 47n) },
  { rule: 'PAT', change: set(Field.hostPat, 2) },
  { rule: 'PAT', change: set(Field.hostPat, 8n << 32n) },
  { rule: 'EFER', change: flip(Field.hostEfer, 0x400) },
  { rule: 'EFER', change: flip(Field.hostEfer, 2) },
  ...[Field.hostEs, Field.hostCs, Field.hostSs, Field.hostDs, Field.hostFs, Field.hostGs, Field.hostTr].map(
    (field, n) => ({
      rule: 'selectors have RPL and TI 0',
      change: flip(field, 1 << (n % 3)),
    }),
  ),
  { rule: 'CS is not null', change: set(Field.hostCs, 0) },
  { rule: 'TR is not null', change: set(Field.hostTr, 0) },
  {
    rule: 'SS is not null outside of a 64-bit host',
    change: all(toLegacy, set(Field.hostSs, 0), flip(Field.hostEfer, 0x500)),
  },
  { rule: 'a host in IA-32e mode is a 64-bit host', change: all(toLegacy, flip(Field.hostEfer, 0x500)) },
  { rule: 'a 64-bit host needs PAE', change: flip(Field.hostCr4, 0x20) },
  { rule: 'RIP of a 64-bit host is canonical', change: set(Field.hostRip, odd) },
];
/** These need a host outside of IA-32e mode, which the first rule about modes does not let through. */
const legacyHost = [
  'no 64-bit host or guest from a legacy host',
  'no IA-32e mode guest without a 64-bit host',
  'PCIDs need a 64-bit host',
  'RIP of a 32-bit host',
];

const virtual8086: Change = guest => {
  restricted(guest);
  guest.set(Field.guestRflags, 0x2_0002).set(Field.guestCr0, 0x8000_0031);
  for (const name of ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const) guest.segment(name, 0x1000, 0xf3, 0xffff, 0x1_0000);
};
const b32 = { bits: 32 } as const;
const b16 = { bits: 16 } as const;
const pae: Change = all(set(Field.guestCr0, 0x8000_0031), set(Field.guestCr4, 0x2020));

const guests: readonly Case[] = [
  { rule: 'CR0 fixed bits', change: flip(Field.guestCr0, 0x20) },
  { rule: 'CR0 fixed bits', change: flip(Field.guestCr0, 1n << 32n) },
  { rule: 'CR0 fixed bits', change: restricted, options: b32 },
  { rule: 'paging needs protection', change: flip(Field.guestCr0, 1) },
  { rule: 'CR4 fixed bits', change: flip(Field.guestCr4, 0x2000) },
  { rule: 'CR4 fixed bits', change: flip(Field.guestCr4, 1 << 12) },
  { rule: 'DEBUGCTL', change: set(Field.guestDebugControl, 1 << 5) },
  { rule: 'IA-32e mode needs paging and PAE', change: flip(Field.guestCr4, 0x20) },
  { rule: 'IA-32e mode needs paging and PAE', change: set(Field.guestCr0, 0x33) },
  { rule: 'PCIDs need IA-32e mode', change: flip(Field.guestCr4, 1 << 17), options: b32 },
  { rule: 'CR3 within the physical width', change: flip(Field.guestCr3, beyond) },
  { rule: 'DR7', change: flip(Field.guestDr7, 1n << 32n) },
  { rule: 'SYSENTER addresses are canonical', change: set(Field.guestSysenterEsp, odd) },
  { rule: 'SYSENTER addresses are canonical', change: set(Field.guestSysenterEip, odd) },
  { rule: 'PAT', change: set(Field.guestPat, 3n << 56n) },
  { rule: 'EFER', change: flip(Field.guestEfer, 0x400) },
  { rule: 'EFER', change: flip(Field.guestEfer, 0x100) },
  { rule: 'EFER', change: flip(Field.guestEfer, 2) },
  { rule: 'TR is in the GDT', change: selector('tr', 0x2c) },
  { rule: 'LDTR is in the GDT', change: guest => guest.segment('ldtr', 4, 0x82, 0xff, 0) },
  { rule: 'SS and CS have one RPL', change: all(restricted, selector('ss', 0x11)) },
  { rule: 'segments of virtual-8086 mode', change: all(virtual8086, base('fs', 0x1_0010n)), options: b32 },
  { rule: 'segments of virtual-8086 mode', change: all(virtual8086, limit('cs', 0xfffe)), options: b32 },
  { rule: 'segments of virtual-8086 mode', change: all(virtual8086, rights('gs', 0x20)), options: b32 },
  { rule: 'TR, FS and GS bases are canonical', change: base('tr', odd) },
  { rule: 'TR, FS and GS bases are canonical', change: base('fs', 1n << 47n) },
  { rule: 'TR, FS and GS bases are canonical', change: base('gs', odd) },
  { rule: 'LDTR base is canonical', change: guest => guest.segment('ldtr', 0x30, 0x82, 0xff, odd) },
  { rule: 'CS base has 32 bits', change: base('cs', 1n << 32n) },
  { rule: 'SS, DS and ES bases have 32 bits', change: base('es', 1n << 32n) },
  { rule: 'CS type', change: rights('cs', 1) },
  { rule: 'CS type', change: all(restricted, kind('cs', 3)) },
  { rule: 'CS type', change: kind('cs', 7) },
  { rule: 'SS type', change: kind('ss', 1) },
  { rule: 'SS type', change: kind('ss', 0xb) },
  { rule: 'data segments are accessed and readable', change: kind('ds', 2) },
  { rule: 'data segments are accessed and readable', change: kind('gs', 9) },
  { rule: 'CS is no system segment', change: rights('cs', 0x10) },
  { rule: 'segments are no system segments', change: rights('fs', 0x10) },
  { rule: 'CS privilege', change: kind('cs', 0x6b) },
  { rule: 'CS privilege', change: kind('cs', 0x2f) },
  { rule: 'CS privilege', change: all(kind('cs', 0x23), kind('ss', 3)), options: b16 },
  { rule: 'SS privilege is its RPL', change: all(restricted, kind('ss', 0x23), kind('cs', 0x2b)) },
  { rule: 'SS privilege is 0 in real mode', change: all(kind('ss', 0x63), kind('cs', 0x6b)), options: b16 },
  { rule: 'data segments may be used at their RPL', change: all(restricted, selector('ds', 0x13)) },
  { rule: 'CS is present', change: rights('cs', 0x80) },
  { rule: 'segments are present', change: rights('es', 0x80) },
  { rule: 'CS reserved bits', change: rights('cs', 0x100) },
  { rule: 'CS reserved bits', change: rights('cs', 0x2_0000) },
  { rule: 'reserved bits', change: rights('ss', 0x800) },
  { rule: '64-bit code has D 0', change: rights('cs', 0x4000) },
  { rule: 'CS granularity', change: limit('cs', 0xf_fffe) },
  { rule: 'granularity', change: all(limit('ds', 0x10_0fff), rights('ds', 0x8000)) },
  { rule: 'granularity', change: limit('gs', 0xffff_fffe) },
  { rule: 'TR is a busy TSS', change: kind('tr', 9) },
  { rule: 'TR is a busy TSS', change: kind('tr', 3) },
  { rule: 'TR is a system segment', change: rights('tr', 0x10) },
  { rule: 'TR is present', change: rights('tr', 0x80) },
  { rule: 'TR reserved bits', change: rights('tr', 0x200) },
  { rule: 'TR granularity', change: rights('tr', 0x8000) },
  { rule: 'TR is usable', change: rights('tr', 0x1_0000) },
  { rule: 'LDTR is a table', change: guest => guest.segment('ldtr', 0x30, 0x83, 0xff, 0) },
  { rule: 'LDTR is a system segment', change: guest => guest.segment('ldtr', 0x30, 0x92, 0xff, 0) },
  { rule: 'LDTR is present', change: guest => guest.segment('ldtr', 0x30, 0x02, 0xff, 0) },
  { rule: 'LDTR reserved bits', change: guest => guest.segment('ldtr', 0x30, 0x482, 0xff, 0) },
  { rule: 'LDTR granularity', change: guest => guest.segment('ldtr', 0x30, 0x8082, 0xff, 0) },
  { rule: 'GDTR and IDTR bases are canonical', change: set(Field.guestGdtrBase, odd) },
  { rule: 'GDTR and IDTR bases are canonical', change: set(Field.guestIdtrBase, odd) },
  { rule: 'GDTR and IDTR limits have 16 bits', change: set(Field.guestIdtrLimit, 0x1_0000) },
  { rule: 'RIP', change: set(Field.guestRip, odd) },
  { rule: 'RIP', change: set(Field.guestRip, 1n << 32n), options: b32 },
  { rule: 'RFLAGS reserved bits', change: set(Field.guestRflags, 0) },
  { rule: 'RFLAGS reserved bits', change: set(Field.guestRflags, 0x8002) },
  { rule: 'RFLAGS reserved bits', change: set(Field.guestRflags, (1n << 22n) | 2n) },
  {
    rule: 'virtual-8086 mode is in protected mode outside of IA-32e mode',
    change: all(virtual8086, on(Field.secondaryControls, 1 << 7), set(Field.guestCr0, 0x30)),
    options: b16,
  },
  { rule: 'an injected external interrupt needs IF', change: inject(0x40, 0) },
  { rule: 'activity state', change: set(Field.guestActivity, 4) },
  {
    rule: 'HLT needs privilege level 0',
    change: all(set(Field.guestActivity, 1), kind('ss', 0x63), kind('cs', 0x6b)),
  },
  {
    rule: 'no inactive state in an interrupt shadow',
    change: all(set(Field.guestActivity, 1), set(Field.guestInterruptibility, 1), set(Field.guestRflags, 0x202)),
  },
  { rule: 'the injected event suits the activity state', change: all(set(Field.guestActivity, 1), inject(6, 3)) },
  { rule: 'the injected event suits the activity state', change: all(set(Field.guestActivity, 3), inject(2, 2)) },
  {
    rule: 'the injected event suits the activity state',
    change: all(set(Field.guestActivity, 2), inject(0x40, 0), set(Field.guestRflags, 0x202)),
  },
  { rule: 'interruptibility reserved bits', change: set(Field.guestInterruptibility, 0x20) },
  {
    rule: 'not both interrupt shadows',
    change: all(set(Field.guestInterruptibility, 3), set(Field.guestRflags, 0x202)),
  },
  { rule: 'the shadow of STI needs IF', change: set(Field.guestInterruptibility, 1) },
  {
    rule: 'no external interrupt into a shadow',
    change: all(set(Field.guestInterruptibility, 2), set(Field.guestRflags, 0x202), inject(0x40, 0)),
  },
  { rule: 'no NMI into the shadow of MOV SS', change: all(set(Field.guestInterruptibility, 2), inject(2, 2)) },
  { rule: 'no blocking by SMI outside of SMM', change: set(Field.guestInterruptibility, 4) },
  {
    rule: 'no NMI where virtual NMIs are blocked',
    change: all(on(Field.pinControls, 0x28), set(Field.guestInterruptibility, 8), inject(2, 2)),
  },
  { rule: 'pending debug exceptions: reserved bits', change: set(Field.guestPendingDebug, 0x10) },
  { rule: 'pending debug exceptions: reserved bits', change: set(Field.guestPendingDebug, 1 << 16) },
  {
    rule: 'pending debug exceptions: BS and TF',
    change: all(set(Field.guestInterruptibility, 2), set(Field.guestRflags, 0x102)),
  },
  {
    rule: 'pending debug exceptions: BS and TF',
    change: all(set(Field.guestActivity, 1), set(Field.guestPendingDebug, 0x4000)),
  },
  { rule: 'VMCS link pointer', change: set(Field.linkPointer, 0x800) },
  { rule: 'VMCS link pointer', change: guest => guest.set(Field.linkPointer, guest.vmcs) },
  { rule: 'VMCS link pointer', change: guest => guest.set(Field.linkPointer, guest.ram) },
  { rule: 'PDPTEs', change: all(pae, set(Field.guestPdpte0 + 4, 3)), options: b32 },
  { rule: 'PDPTEs', change: all(pae, set(Field.guestPdpte3, beyond | 1n)), options: b32 },
];

function brokenRule(guest: Guest, rules: readonly Rule[]): Rule | undefined {
  const { processor, vmx } = guest;
  const cr4 = Number(guest.cpu.rdmsr(0x489));
  const candidate = new Candidate(processor, vmx.operation.vmcs, allowedSecondary(processor.model.features), cr4);
  candidate.examine();
  return firstBroken(rules, candidate);
}

const titled = (
  kind: string,
  cases: readonly Case[],
  check: (t: import('ava').ExecutionContext, guest: Guest, rule: Rule) => void,
) =>
  cases.forEach(({ rule, change, options }, n) => {
    test(`${kind} ${n}: ${rule}`, t => {
      const guest = new Guest(options).program('hlt');
      change(guest);
      const rules = kind === 'control' ? controlRules : kind === 'host' ? hostRules : guestRules;
      t.is(brokenRule(guest, rules)?.rule, rule);
      check(t, guest, rules.find(each => each.rule === rule)!);
    });
  });

titled('control', controls, (t, guest) => {
  t.is(guest.enter(), VmxOutcome.failValid);
  t.is(guest.get32(Field.instructionError), 7);
});
titled('host', host, (t, guest) => {
  t.is(guest.enter(), VmxOutcome.failValid);
  t.is(guest.get32(Field.instructionError), 8);
});
titled('guest', guests, (t, guest, rule) => {
  const before = guest.get(Field.guestRflags);
  t.is(guest.enter(), VmxOutcome.succeed);
  t.is(guest.reason, 0x8000_0021);
  t.is(guest.qualification, BigInt(rule.qualification ?? 0));
  t.is(guest.get(Field.guestRflags), before, 'guest state is not saved');
  t.is(guest.processor.state.guest, 0);
});

test('rules about a host outside of IA-32e mode', t => {
  const guest = new Guest({ bits: 32 });
  const { state } = guest.processor;
  const broken = () => brokenRule(guest, hostRules)?.rule;
  toLegacy(guest);
  guest.set(Field.hostEfer, 0x801);
  state.efer &= ~0x500;
  t.is(broken(), legacyHost[3], 'the RIP of a 64-bit host');
  guest.set(Field.hostRip, 0x1000);
  t.is(broken(), undefined);
  const one = (rule: string, change: Change, undo: Change) => {
    change(guest);
    t.is(broken(), rule);
    undo(guest);
  };
  one(legacyHost[0], on(Field.entryControls, 1 << 9), off(Field.entryControls, 1 << 9));
  one(legacyHost[2], flip(Field.hostCr4, 1 << 17), flip(Field.hostCr4, 1 << 17));
  one(legacyHost[3], set(Field.hostRip, 1n << 32n), set(Field.hostRip, 0x1000));
  t.is(broken(), undefined);
});

test('every rule has a case', t => {
  const covered = (rules: readonly Rule[], cases: readonly Case[], others: readonly string[] = []) =>
    rules.map(({ rule }) => rule).filter(rule => !others.includes(rule) && !cases.some(each => each.rule === rule));
  t.deepEqual(covered(controlRules, controls), []);
  t.deepEqual(covered(hostRules, host, legacyHost), []);
  t.deepEqual(covered(guestRules, guests), []);
});

test('a failed entry leaves the launch state alone, and the event to inject', t => {
  const guest = new Guest().program('hlt').set(Field.guestActivity, 7).inject(0x30, 4, undefined, 2);
  t.is(guest.enter(), VmxOutcome.succeed);
  t.is(guest.reason, 0x8000_0021);
  t.true((guest.get32(Field.entryInterruption) & 0x8000_0000) !== 0);
  t.is(guest.cpu.vmresume(), VmxOutcome.failValid);
  t.is(guest.get32(Field.instructionError), 5);
});
