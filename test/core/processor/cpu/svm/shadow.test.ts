/** The interrupt shadow of a VMCB is one bit (APM vol. 2, section 15.21.5): which of the two it is follows from RFLAGS, as far as it can. */
import test from 'ava';
import { Control, Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { Guest, Place } from './hypervisor.ts';

const hlt = 0x78;
const debug = 0x41;
const cpuid = 0x72;

/** A breakpoint on the guest's first instruction, in a shadow. */
function broken(flags: number): number {
  const guest = new Guest().program('nop\n hlt').intercept(debug);
  guest.cpu.writeDebug(0, BigInt(Place.code));
  guest.set(Save.dr7, 0x402);
  guest.set(Save.rflags, flags);
  guest.set32(Control.interruptShadow, 1);
  return guest.run();
}

test('with IF clear it is that of MOV SS: no breakpoint on the instruction after it', t => {
  t.is(broken(2), hlt);
});
test('with IF set it is that of STI, which breakpoints do not heed', t => {
  t.is(broken(0x202), debug);
});

test('while TF is set it is that of MOV SS: STI would have been trapped', t => {
  const guest = new Guest().program('mov ss, ecx\n cpuid\n nop\n nop').intercept(debug).intercept(cpuid);
  guest.setRegister(1, 0x10);
  guest.set(Save.rflags, 0x302);
  t.is(guest.run(), cpuid);
  t.is(guest.get32(Control.interruptShadow) & 1, 1);
  guest.intercept(cpuid, false);
  t.is(guest.run(), debug);
  t.is(guest.rip, Place.code + 4);
  t.is(guest.get(Save.dr6) & 0x4000n, 0x4000n);
});
