import test from 'ava';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import { Reason } from '../../../../../core/processor/cpu/vmx/reasons.ts';
import { Guest, hostRip, Place } from './hypervisor.ts';

for (const bits of [16, 32, 64] as const)
  test(`a guest in ${bits}-bit mode runs to HLT, twice`, t => {
    const guest = new Guest({ bits }).program('mov eax, 5\n add eax, ebx\n hlt\n inc eax\n hlt');
    guest.setRegister(3, 7);
    t.is(guest.run(), Reason.hlt);
    t.is(guest.register(0), 12n);
    t.is(guest.length, 1);
    t.is(guest.processor.state.guest, 0);
    t.is(guest.processor.state.get({ offset: 0x80, width: 64 }), hostRip);
    guest.skip();
    t.is(guest.run(), Reason.hlt);
    t.is(guest.register(0), 13n);
    t.true(guest.rip > Place.code);
    t.is(guest.get32(Field.guestActivity), 0);
  });

test('without EPT the guest walks its own tables in physical memory', t => {
  const guest = new Guest({ nested: false }).program('mov eax, [0xc000]\n mov [0xc008], eax\n hlt');
  guest.write64(guest.at(Place.data), 0x1234);
  t.is(guest.run(), Reason.hlt);
  t.is(guest.readGuest(Place.data + 8), 0x1234n);
});

test('guest state goes in and comes out unchanged', t => {
  const guest = new Guest().program('hlt');
  const fields = Object.entries(Field).filter(([name]) => name.startsWith('guest') && !name.includes('Physical'));
  guest.set(Field.guestSysenterEsp, 0xffff_8000_1234_5678n).set(Field.guestSysenterEip, 0x1234_5678_9abcn);
  guest.set(Field.guestSysenterCs, 0x10).set(Field.guestDr7, 0x400).set(Field.guestRflags, 0x246);
  guest.segment('fs', 0x10, 0xc093, 0xffff_ffff, 0xffff_8123_4567_8000n);
  guest.segment('gs', 0x13, 0x1_0000, 0, 0xffff_9123_4567_8000n);
  const before = fields.map(([name, field]) => [name, guest.get(field)]);
  t.is(guest.run(), Reason.hlt);
  t.deepEqual(
    fields.map(([name, field]) => [name, guest.get(field)]),
    before,
  );
});

test('the host stands as its area says', t => {
  const guest = new Guest().program('mov eax, 0x28\n mov ds, ax\n hlt');
  guest.set(Field.hostFsBase, 0x1122_3344n).set(Field.hostGsBase, 0xffff_8000_0000_0000n).set(Field.hostDs, 0x10);
  guest.set(Field.hostGdtrBase, 0x77000).set(Field.hostSysenterEip, 0x55n);
  guest.program('hlt').run();
  const { state } = guest.processor;
  t.is(state.selector(1), 8);
  t.is(state.attributes(1), 0xa9b);
  t.is(state.selector(3), 0x10);
  t.is(state.attributes(3), 0xc93);
  t.is(state.selector(0), 0);
  t.is(state.attributes(0), 0, 'a null selector cannot be used');
  t.is(state.baseLow(4), 0x1122_3344);
  t.is(state.baseHigh(5), 0xffff_8000 | 0);
  t.is(state.limit(6), 0xffff);
  t.is(state.baseLow(6), 0x77000);
  t.is(state.flags, 2);
  t.is(guest.cpu.readDebug(7), 0x400n);
  t.is(guest.cpu.rdmsr(0x176), 0x55n);
});

test('EFER and PAT without their controls: LMA follows the mode, the rest is shared', t => {
  const guest = new Guest().program('mov ecx, 0xc0000080\n rdmsr\n hlt');
  guest.control(Field.exitControls, 0xf << 18, false).control(Field.entryControls, 3 << 14, false);
  guest.control(Field.primaryControls, 1 << 28);
  const before = guest.cpu.rdmsr(0xc000_0080);
  t.is(guest.run(), Reason.hlt);
  t.is(guest.register(0), before);
  t.is(guest.cpu.rdmsr(0xc000_0080), before);
});

test('a 32-bit guest of a 64-bit host has LMA and LME clear without loading EFER', t => {
  const guest = new Guest({ bits: 32 }).program('mov ecx, 0xc0000080\n rdmsr\n hlt');
  guest.control(Field.entryControls, 1 << 15, false).control(Field.primaryControls, 1 << 28);
  t.is(guest.run(), Reason.hlt);
  t.is(guest.register(0) & 0x400n, 0n);
  t.is(guest.cpu.rdmsr(0xc000_0080) & 0x500n, 0x500n);
});

test('TSC offset and its end', t => {
  const guest = new Guest().program('rdtsc\n hlt').control(Field.primaryControls, 1 << 3);
  guest.set(Field.tscOffset, 0x7_0000_0000n);
  const before = guest.cpu.readTimestampCounter();
  t.is(guest.run(), Reason.hlt);
  t.is(guest.register(2), 7n);
  t.true(guest.cpu.readTimestampCounter() - before < 1000);
});

test('entry control bit 9 follows EFER.LMA out of the guest', t => {
  const guest = new Guest({ bits: 32 });
  t.is(guest.get32(Field.entryControls) & (1 << 9), 0);
  const { tables } = Place;
  guest.write64(guest.at(tables), BigInt(tables + 0x1000) | 7n);
  guest.write64(guest.at(tables + 0x1000), BigInt(tables + 0x2000) | 7n);
  guest.write64(guest.at(tables + 0x2000), 0x87n);
  guest.control(Field.primaryControls, 1 << 28);
  guest.program(`mov eax, ${tables}\n mov cr3, eax\n mov eax, 0x20a0\n mov cr4, eax
    mov ecx, 0xc0000080\n rdmsr\n or eax, 0x100\n wrmsr\n mov eax, 0x80000031\n mov cr0, eax\n hlt`);
  guest.control(Field.primaryControls, (1 << 15) | (1 << 16), false);
  t.is(guest.run(), Reason.hlt);
  t.is(guest.get32(Field.entryControls) & (1 << 9), 1 << 9);
  t.is(guest.get32(Field.guestEfer) & 0x500, 0x500);
});
