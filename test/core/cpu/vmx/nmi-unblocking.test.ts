/** IRET unblocks NMIs even where it faults, and the exit tells the hypervisor (SDM vol. 3, sections 28.2.2 and 28.2.1). */
import test from 'ava';
import { Field } from '../../../../core/cpu/vmx/fields.ts';
import { Guest, valid } from './hypervisor.ts';

const unblocking = 1 << 12;
const blockedByNmi = 8;
const virtualNmis = (1 << 3) | (1 << 5);
const generalProtection = 13;

/** A guest in an NMI handler that returns to a selector beyond its GDT. */
const guestThatFaults = (pin: number): Guest =>
  new Guest()
    .program('push 0x10\n push 0xa000\n pushfq\n push 0x1230\n push 0x9000\n iretq')
    .control(Field.pinControls, pin)
    .set(Field.guestInterruptibility, blockedByNmi)
    .set(Field.exceptionBitmap, 1 << generalProtection);

for (const [name, pin] of [
  ['virtual NMIs', virtualNmis],
  ['no NMI exiting', 0],
] as const)
  test(`#GP of an IRET: ${name}`, t => {
    const guest = guestThatFaults(pin);
    t.is(guest.run(), 0);
    t.is(guest.get32(Field.exitInterruption), (valid | generalProtection | 0xb00 | unblocking) >>> 0);
    t.is(guest.get32(Field.guestInterruptibility), 0);
  });

test('with NMI exiting and no virtual NMIs IRET unblocks nothing', t => {
  const guest = guestThatFaults(1 << 3);
  t.is(guest.run(), 0);
  t.is(guest.get32(Field.exitInterruption) & unblocking, 0);
  t.is(guest.get32(Field.guestInterruptibility), blockedByNmi);
});

test('an IRET that had nothing to unblock says nothing', t => {
  const guest = guestThatFaults(virtualNmis).set(Field.guestInterruptibility, 0);
  t.is(guest.run(), 0);
  t.is(guest.get32(Field.exitInterruption) & unblocking, 0);
});

test('nor does a fault after an IRET that went well', t => {
  const guest = new Guest()
    .program('push 0x10\n push 0xa000\n pushfq\n push 8\n push 0x9000\n iretq')
    .program('xor eax, eax\n mov ecx, 0x1230\n mov ds, cx', 0x9000)
    .control(Field.pinControls, virtualNmis)
    .set(Field.guestInterruptibility, blockedByNmi)
    .set(Field.exceptionBitmap, 1 << generalProtection);
  t.is(guest.run(), 0);
  t.is(guest.rip, 0x9007);
  t.is(guest.get32(Field.exitInterruption) & unblocking, 0);
  t.is(guest.get32(Field.guestInterruptibility), 0);
});

test('a fault that the guest takes itself leaves nothing behind for the next exit', t => {
  const guest = guestThatFaults(virtualNmis)
    .set(Field.exceptionBitmap, 1 << 6)
    .handler(generalProtection, 'ud2');
  t.is(guest.run(), 0);
  t.is(guest.get32(Field.exitInterruption), (valid | 0x300 | 6) >>> 0);
});

test('an EPT violation of an IRET has the bit in its qualification', t => {
  const guest = new Guest()
    .program('mov esp, 0xd000\n iretq')
    .control(Field.pinControls, virtualNmis)
    .set(Field.guestInterruptibility, blockedByNmi);
  guest.write64(guest.entry(0xd000), 0n);
  t.is(guest.run(), 48);
  t.is(guest.qualification, BigInt(0x181 | unblocking));
  t.is(guest.get32(Field.guestInterruptibility), 0);
});
