/** DEBUGCTL where LBR virtualization is not offered: VMRUN and #VMEXIT leave it and its records alone (APM vol. 2, section 15.23). */
import test from 'ava';
import { Control, Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { Guest, Place } from './hypervisor.ts';

const hlt = 0x78;
const msr = 0x7c;
const debug = 0x41;
const debugControl = 0x1d9;
const lastBranchTo = 0x1dc;
/** VMCB.DBGCTL. */
const field = 0x670;
const step = 0x100;

test("the guest finds the host's DEBUGCTL, and the host what the guest left", t => {
  const guest = new Guest().program(`mov ecx, ${debugControl}\n rdmsr\n mov ebx, eax\n jmp next\nnext: hlt`);
  guest.cpu.wrmsr(debugControl, 1n);
  guest.set(field, 2);
  t.is(guest.run(), hlt);
  t.is(guest.register(3), 1n);
  t.is(guest.cpu.rdmsr(debugControl), 1n);
  t.is(guest.cpu.rdmsr(lastBranchTo), BigInt(guest.rip));
  t.is(guest.get(field), 2n, 'its place in the VMCB is not used');
});

test('what the guest sets stays', t => {
  const guest = new Guest().program(`mov ecx, ${debugControl}\n mov eax, 2\n xor edx, edx\n wrmsr\n hlt`);
  t.is(guest.run(), hlt);
  t.is(guest.cpu.rdmsr(debugControl), 2n);
});

test('the MSR permission map has it', t => {
  const guest = new Guest().program(`mov ecx, ${debugControl}\n rdmsr\n wrmsr`).intercept(msr);
  guest.write(guest.msrpm + (debugControl >> 2), [2 << ((debugControl & 3) * 2)]);
  t.is(guest.run(), msr);
  t.is(guest.info1, 1n);
});

test('an intercepted #DB shows DEBUGCTL as its handler would see it', t => {
  const guest = new Guest().program('nop\n nop\n jmp next\n nop\nnext: nop\n hlt').intercept(debug);
  guest.cpu.wrmsr(debugControl, 3n);
  guest.set(Save.rflags, step | 2);
  t.is(guest.run(), debug);
  t.is(guest.rip, Place.code + 5);
  t.is(guest.get(Save.dr6) & 0x4000n, 0x4000n);
  t.is(guest.cpu.rdmsr(debugControl), 0n);
  t.is(guest.cpu.rdmsr(lastBranchTo), BigInt(guest.rip));
});

test('an injected #DB is delivered and changes nothing of it', t => {
  const guest = new Guest().handler(1, 'hlt').program('hlt');
  guest.cpu.wrmsr(debugControl, 3n);
  guest.set(Control.eventInjection, 0x8000_0301n);
  t.is(guest.run(), hlt);
  t.is(guest.rip, Place.handlers + 16);
  t.is(guest.cpu.rdmsr(debugControl), 3n);
  t.is(guest.cpu.rdmsr(lastBranchTo), 0n, 'and is no record');
});
