import test from 'ava';
import { Candidate, rules } from '../../../../../core/processor/cpu/svm/consistency.ts';
import type { Svm } from '../../../../../core/processor/cpu/svm/svm.ts';
import { Control, Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { Segment } from '../../../../../core/processor/state/layout.ts';
import { Guest, Place } from './hypervisor.ts';

const invalid = -1;
const hlt = 0x78;

/** What VMRUN would find wrong. */
function brokenRules({ host, processor, vmcb }: Guest): readonly string[] {
  const candidate = new Candidate(processor);
  candidate.words = host.memory.words;
  candidate.at = host.memory.offset(vmcb) >> 2;
  return rules.filter(({ broken }) => broken(candidate)).map(({ name }) => name);
}

/** One field made wrong: the guest is not entered, and its state area is left alone. */
const mutations: readonly (readonly [rule: string, name: string, mutate: (guest: Guest) => void])[] = [
  ['EFER.SVME is clear', 'EFER.SVME clear', g => g.set(Save.efer, 0xd01)],
  ['reserved bits of EFER', 'EFER bit 1', g => g.set(Save.efer, 0x1d03)],
  ['reserved bits of EFER', 'EFER bit 63', g => g.set(Save.efer, (1n << 63n) | 0x1d01n)],
  ['CR0.NW without CR0.CD', 'CR0.NW without CD', g => g.set(Save.cr0, 0xa001_0033n)],
  ['CR0 bits 63:32', 'CR0 bit 32', g => g.set(Save.cr0, 0x1_8001_0033n)],
  ['reserved bits of CR3', 'CR3 bit 52', g => g.set(Save.cr3, (1n << 52n) | 0x1000n)],
  ['reserved bits of CR3', 'CR3 beyond the physical width', g => g.set(Save.cr3, (1n << 40n) | 0x1000n)],
  ['reserved bits of CR4', 'CR4 bit 15', g => g.set(Save.cr4, 0x86a0)],
  ['reserved bits of CR4', 'CR4.VMXE', g => g.set(Save.cr4, 0x26a0)],
  ['reserved bits of CR4', 'CR4 bit 32', g => g.set(Save.cr4, 0x1_0000_06a0n)],
  ['DR6 bits 63:32', 'DR6 bit 32', g => g.set(Save.dr6, 0x1_ffff_0ff0n)],
  ['DR7 bits 63:32', 'DR7 bit 32', g => g.set(Save.dr7, 0x1_0000_0400n)],
  ['long mode without CR4.PAE', 'long mode without PAE', g => g.set(Save.cr4, 0x680)],
  ['long mode without CR0.PE', 'long mode without PE', g => g.set(Save.cr0, 0x8001_0032n)],
  ['long mode with CS.L and CS.D', 'CS.L and CS.D', g => g.segment(Save.cs, 8, 0xe9b, 0xffff_ffff, 0)],
  ['VMRUN is not intercepted', 'VMRUN not intercepted', g => g.intercept(0x80, false)],
  ['IOPM beyond memory', 'IOPM beyond memory', g => g.set(Control.iopmBase, 1n << 40n)],
  ['IOPM beyond memory', 'the end of IOPM beyond memory', g => g.set(Control.iopmBase, (1n << 40n) - 0x2000n)],
  ['MSRPM beyond memory', 'MSRPM beyond memory', g => g.set(Control.msrpmBase, 1n << 40n)],
  ['MSRPM beyond memory', 'the end of MSRPM beyond memory', g => g.set(Control.msrpmBase, (1n << 40n) - 0x1000n)],
  ['ASID 0, or one that there is not', 'ASID 0', g => g.set32(Control.asid, 0)],
  ['ASID 0, or one that there is not', 'ASID too large', g => g.set32(Control.asid, 0x8000)],
  ['reserved bits of the nested CR3', 'nested CR3 beyond memory', g => g.set(Control.nestedRoot, 1n << 40n)],
  ['memory type in the guest PAT', 'PAT type 2', g => g.set(Save.pat, 0x0007_0406_0002_0406n)],
  ['memory type in the guest PAT', 'PAT type 3 in the upper half', g => g.set(Save.pat, 0x0307_0406_0007_0406n)],
  ['memory type in the guest PAT', 'PAT type 8', g => g.set(Save.pat, 0x0007_0406_0007_0408n)],
  ['illegal event injection', 'event type 1', g => g.set(Control.eventInjection, 0x8000_0120n)],
  ['illegal event injection', 'event type 5', g => g.set(Control.eventInjection, 0x8000_0520n)],
  ['illegal event injection', 'exception 2', g => g.set(Control.eventInjection, 0x8000_0302n)],
  ['illegal event injection', 'exception 32', g => g.set(Control.eventInjection, 0x8000_0320n)],
  ['illegal event injection', '#OF in 64-bit code', g => g.set(Control.eventInjection, 0x8000_0304n)],
  ['illegal event injection', '#BR in 64-bit code', g => g.set(Control.eventInjection, 0x8000_0305n)],
];

for (const [rule, name, mutate] of mutations)
  test(`invalid: ${name}`, t => {
    const guest = new Guest().program('hlt');
    t.is(guest.run(), hlt, 'is entered as it is');
    guest.set(Save.rax, 0x1234);
    mutate(guest);
    t.deepEqual(brokenRules(guest), [rule]);
    const before = guest.host.memory.bytes.slice(
      guest.host.memory.offset(guest.vmcb + 0x400),
      guest.host.memory.offset(guest.vmcb + 0x1000),
    );
    t.is(guest.run(), invalid);
    t.is(guest.exitCode, 0xffff_ffff_ffff_ffffn);
    // VMSAVE wrote the same again.
    const after = guest.host.memory.bytes.slice(
      guest.host.memory.offset(guest.vmcb + 0x400),
      guest.host.memory.offset(guest.vmcb + 0x1000),
    );
    t.deepEqual(after, before);
    t.is(guest.processor.state.guest, 0);
  });

/** Nobody's VMRUN but that of a host without paging, which none of ours is. */
const unpagedHost = 'nested paging in a host without paging';

test('every rule has a case', t => {
  const covered = new Set([unpagedHost, ...mutations.map(([rule]) => rule)]);
  t.deepEqual(
    rules.map(({ name }) => name).filter(name => !covered.has(name)),
    [],
  );
});

test(unpagedHost, t => {
  const guest = new Guest().program('hlt');
  const { processor } = guest;
  guest.cpu.clgi();
  const { state } = processor;
  // The host in protected mode, as it stands between two instructions.
  state.efer &= ~0x500;
  state.cr0 &= 0x7fff_ffff;
  state.setSegment(Segment.cs, 8, 0xc9b, -1, 0, 0);
  processor.derive();
  const svm = processor.virtualization as Svm;
  svm.enter(guest.vmcb, 0);
  t.true(svm.switchWorld());
  t.is(guest.exitCode, 0xffff_ffff_ffff_ffffn);
  guest.set(Control.nestedControl, 0);
  guest.set(Save.cr0, 0x33);
  svm.enter(guest.vmcb, 0);
  t.false(svm.switchWorld(), "without nested paging it is nobody's business");
});

const allowed: readonly (readonly [name: string, mutate: (guest: Guest) => void])[] = [
  ['low reserved bits of CR3', g => g.set(Save.cr3, Place.tables | 0xfe7)],
  ['reserved bits of RFLAGS', g => g.set(Save.rflags, 0xffff_ffff_ffc0_8028n)],
  ['ASID of the highest number', g => g.set32(Control.asid, 0x7fff)],
  ['an invalid event that is not valid', g => g.set(Control.eventInjection, 0x720)],
  [
    'CS.L with EFER.LME and without paging',
    g => {
      g.segment(Save.cs, 8, 0x89b, 0xffff_ffff, 0);
      g.set(Save.cr0, 0x33);
    },
  ],
  [
    'bases that are not canonical',
    g => {
      g.segment(Save.fs, 0, 0xc93, -1, 0x8000_0000_0000n);
      g.segment(Save.gdtr, 0xffff, 0xffff, 0x3f, 0x8000_0000_0000n);
    },
  ],
  [
    'segments without attributes',
    g => {
      for (const save of [Save.es, Save.ss, Save.ds]) g.segment(save, 0, 0, 0, 0);
    },
  ],
  [
    'a bad PAT without nested paging',
    g => {
      g.set(Control.nestedControl, 0);
      g.set(Save.pat, 0x0202_0202n);
      g.set(Save.cr0, 0x33);
      g.set(Save.rip, g.at(Place.code));
      g.segment(Save.cs, 8, 0xc9b, 0xffff_ffff, 0);
    },
  ],
];
for (const [name, mutate] of allowed)
  test(`valid: ${name}`, t => {
    const guest = new Guest().program('hlt');
    mutate(guest);
    t.is(guest.run(), hlt);
  });

test('real mode with paging is legal', t => {
  const guest = new Guest(16).program('mov ax, 5\nhlt');
  guest.write64(guest.at(Place.tables), 0x83n);
  guest.set(Save.cr0, 0x8000_0010n);
  guest.set(Save.cr3, Place.tables);
  guest.set(Save.cr4, 0x10);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax), 5n);
});
