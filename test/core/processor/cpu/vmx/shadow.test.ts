/** Debug traps in the shadow of MOV SS, as the VMCS has them: interruptibility and pending debug exceptions (SDM vol. 3, section 25.4.2). */
import test from 'ava';
import { VmxOutcome } from '../../../../../core/processor/cpu/host-cpu.ts';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import { Guest, Place } from './hypervisor.ts';

const exception = 0;
const cpuid = 10;
const hlt = 12;
const entryFailed = 0x8000_0021;
const stackShadow = 2;
const step = 0x4000n;
const enabled = 0x1000n;
const trapFlag = 0x102;

const create = (source: string) => new Guest().program(source).set(Field.exceptionBitmap, 2).setRegister(1, 0x10);

test('TF at MOV SS: its trap is pending where the next instruction exits', t => {
  const guest = create('mov ss, ecx\n cpuid\n nop').set(Field.guestRflags, trapFlag);
  t.is(guest.run(), cpuid);
  t.is(guest.get32(Field.guestInterruptibility), stackShadow);
  t.is(guest.get(Field.guestPendingDebug), step);
  t.is(guest.run(), cpuid, 'and may be entered again as it is');
  guest.skip().set(Field.guestInterruptibility, 0);
  t.is(guest.run(), exception, 'where there is no shadow any more it comes at once');
  t.is(guest.rip, Place.code + 4);
  t.is(guest.qualification, step);
});

test('BTF leaves nothing of it pending', t => {
  const guest = create('mov ss, ecx\n cpuid').set(Field.guestRflags, trapFlag).set(Field.guestDebugControl, 2);
  t.is(guest.run(), cpuid);
  t.is(guest.get(Field.guestPendingDebug), 0n);
  t.is(guest.run(), cpuid);
});

test('after the next instruction there is one trap', t => {
  const guest = create('nop\n nop\n hlt').set(Field.guestRflags, trapFlag);
  guest.set(Field.guestInterruptibility, stackShadow).set(Field.guestPendingDebug, step);
  t.is(guest.run(), exception);
  t.is(guest.rip, Place.code + 1);
  t.is(guest.qualification, step);
  guest.set(Field.guestRflags, 2);
  t.is(guest.run(), hlt);
});

test('after INT n there is none: it has cleared TF', t => {
  const guest = create('int 0x42').handler(0x42, 'hlt').set(Field.guestRflags, trapFlag);
  guest.set(Field.guestInterruptibility, stackShadow).set(Field.guestPendingDebug, step);
  t.is(guest.run(), hlt);
});

test('entries insist on BS exactly where TF is set in a shadow', t => {
  for (const [flags, pending] of [
    [trapFlag, 0n],
    [2, step],
  ] as const) {
    const guest = create('nop\n hlt').set(Field.guestRflags, flags);
    guest.set(Field.guestInterruptibility, stackShadow).set(Field.guestPendingDebug, pending);
    t.is(guest.enter(), VmxOutcome.succeed);
    t.is(guest.reason, entryFailed);
  }
});

test('a breakpoint that MOV SS meets is kept over an exit of the next instruction', t => {
  const guest = create(`mov ss, [${Place.data}]\n cpuid\n nop\n hlt`).set(Field.guestDr7, 0x7_0402);
  guest.cpu.writeDebug(0, BigInt(Place.data));
  guest.write64(guest.at(Place.data), 0x10);
  t.is(guest.run(), cpuid);
  t.is(guest.get32(Field.guestInterruptibility), stackShadow);
  t.is(guest.get(Field.guestPendingDebug), enabled | 1n);
  const before = guest.skip().rip;
  guest.set(Field.guestInterruptibility, 0);
  t.is(guest.run(), exception);
  t.is(guest.qualification & 0x400fn, 1n);
  t.is(guest.rip, before);
});
