/** DEBUGCTL through VM entries and exits (SDM vol. 3, sections 27.3.2.1, 28.1, 28.3.1 and 28.5.1). */
import test from 'ava';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import { Guest, Place } from './hypervisor.ts';

const exception = 0;
const hlt = 12;
const debugControl = 0x1d9;
const top = 0x1c9;
const debugControls = 1 << 2;
const step = 0x100;
const msrBitmaps = 1 << 28;
const read = `mov ecx, ${debugControl}\n rdmsr\n mov ebx, eax\n hlt`;

const create = (source: string) => new Guest().program(source).control(Field.primaryControls, msrBitmaps);

test('entries load it, exits save it and leave the host none', t => {
  const guest = create(`${read}\n mov eax, 1\n wrmsr\n hlt`).set(Field.guestDebugControl, 2);
  t.is(guest.run(), hlt);
  t.is(guest.register(3), 2n);
  t.is(guest.cpu.rdmsr(debugControl), 0n);
  t.is(guest.get(Field.guestDebugControl), 2n);
  t.is(guest.skip().run(), hlt);
  t.is(guest.get(Field.guestDebugControl), 1n);
  t.is(guest.cpu.rdmsr(debugControl), 0n);
});

test("entries that do not load it leave the guest the host's", t => {
  const guest = create(read).control(Field.entryControls, debugControls, false).set(Field.guestDebugControl, 1);
  guest.cpu.wrmsr(debugControl, 2n);
  t.is(guest.run(), hlt);
  t.is(guest.register(3), 2n);
  t.is(guest.get(Field.guestDebugControl), 2n);
  t.is(guest.cpu.rdmsr(debugControl), 0n);
});

test('exits that do not save it leave the field', t => {
  const guest = create(`mov ecx, ${debugControl}\n mov eax, 2\n xor edx, edx\n wrmsr\n hlt`);
  guest.control(Field.exitControls, debugControls, false).set(Field.guestDebugControl, 1);
  t.is(guest.run(), hlt);
  t.is(guest.get(Field.guestDebugControl), 1n);
  t.is(guest.cpu.rdmsr(debugControl), 0n);
});

test('a #DB that exits changes nothing of it: its qualification has the step', t => {
  const guest = create('nop\n nop\n jmp next\n nop\nnext: nop\n hlt').set(Field.exceptionBitmap, 2);
  guest.set(Field.guestDebugControl, 3).set(Field.guestRflags, step | 2);
  t.is(guest.run(), exception);
  t.is(guest.rip, Place.code + 5);
  t.is(guest.qualification, 0x4000n);
  t.is(guest.get(Field.guestDebugControl), 3n);
  t.is(guest.cpu.rdmsr(top), 1n);
  t.is(guest.cpu.rdmsr(0x6c1), BigInt(guest.rip));
});

test('a #DB that the guest takes ends it', t => {
  const guest = create('nop\n jmp next\n nop\nnext: nop\n hlt').handler(1, 'hlt');
  guest.set(Field.guestDebugControl, 3).set(Field.guestRflags, step | 2);
  t.is(guest.run(), hlt);
  t.is(guest.rip, Place.handlers + 16);
  t.is(guest.get(Field.guestDebugControl), 0n);
});

test('areas of MSRs have it', t => {
  const guest = create(read).control(Field.entryControls, debugControls, false);
  guest.set(Field.entryMsrLoad, guest.area).set(Field.entryMsrLoadCount, 1);
  guest.write64(guest.area, debugControl);
  guest.write64(guest.area + 8, 1);
  guest.set(Field.exitMsrStore, guest.area + 16).set(Field.exitMsrStoreCount, 1);
  guest.write64(guest.area + 16, debugControl);
  t.is(guest.run(), hlt);
  t.is(guest.register(3), 1n);
  t.is(guest.read64(guest.area + 24), 1n);
});
