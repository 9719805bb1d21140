import test from 'ava';
import { Control, Save } from '../../../../core/cpu/svm/vmcb.ts';
import { Guest, Place } from './hypervisor.ts';

const invalid = -1;
const hlt = 0x78;

/** One field made wrong: the guest is not entered, and its state area is left alone. */
const mutations: readonly (readonly [name: string, mutate: (guest: Guest) => void])[] = [
  ['EFER.SVME clear', g => g.set(Save.efer, 0xd01)],
  ['EFER bit 1', g => g.set(Save.efer, 0x1d03)],
  ['EFER bit 63', g => g.set(Save.efer, (1n << 63n) | 0x1d01n)],
  ['CR0.NW without CD', g => g.set(Save.cr0, 0xa001_0033n)],
  ['CR0 bit 32', g => g.set(Save.cr0, 0x1_8001_0033n)],
  ['CR3 bit 52', g => g.set(Save.cr3, (1n << 52n) | 0x1000n)],
  ['CR3 beyond the physical width', g => g.set(Save.cr3, (1n << 40n) | 0x1000n)],
  ['CR4 bit 15', g => g.set(Save.cr4, 0x86a0)],
  ['CR4.VMXE', g => g.set(Save.cr4, 0x26a0)],
  ['CR4 bit 32', g => g.set(Save.cr4, 0x1_0000_06a0n)],
  ['DR6 bit 32', g => g.set(Save.dr6, 0x1_ffff_0ff0n)],
  ['DR7 bit 32', g => g.set(Save.dr7, 0x1_0000_0400n)],
  ['long mode without PAE', g => g.set(Save.cr4, 0x680)],
  ['long mode without PE', g => g.set(Save.cr0, 0x8001_0032n)],
  ['CS.L and CS.D', g => g.segment(Save.cs, 8, 0xe9b, 0xffff_ffff, 0)],
  ['VMRUN not intercepted', g => g.intercept(0x80, false)],
  ['IOPM beyond memory', g => g.set(Control.iopmBase, 1n << 40n)],
  ['the end of IOPM beyond memory', g => g.set(Control.iopmBase, (1n << 40n) - 0x2000n)],
  ['MSRPM beyond memory', g => g.set(Control.msrpmBase, 1n << 40n)],
  ['the end of MSRPM beyond memory', g => g.set(Control.msrpmBase, (1n << 40n) - 0x1000n)],
  ['ASID 0', g => g.set32(Control.asid, 0)],
  ['ASID too large', g => g.set32(Control.asid, 0x8000)],
  ['nested CR3 beyond memory', g => g.set(Control.nestedRoot, 1n << 40n)],
  ['PAT type 2', g => g.set(Save.pat, 0x0007_0406_0002_0406n)],
  ['PAT type 3 in the upper half', g => g.set(Save.pat, 0x0307_0406_0007_0406n)],
  ['PAT type 8', g => g.set(Save.pat, 0x0007_0406_0007_0408n)],
  ['event type 1', g => g.set(Control.eventInjection, 0x8000_0120n)],
  ['event type 5', g => g.set(Control.eventInjection, 0x8000_0520n)],
  ['exception 2', g => g.set(Control.eventInjection, 0x8000_0302n)],
  ['exception 32', g => g.set(Control.eventInjection, 0x8000_0320n)],
  ['#OF in 64-bit code', g => g.set(Control.eventInjection, 0x8000_0304n)],
  ['#BR in 64-bit code', g => g.set(Control.eventInjection, 0x8000_0305n)],
];

for (const [name, mutate] of mutations)
  test(`invalid: ${name}`, t => {
    const guest = new Guest().program('hlt');
    t.is(guest.run(), hlt, 'is entered as it is');
    guest.set(Save.rax, 0x1234);
    mutate(guest);
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
