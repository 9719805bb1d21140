import test, { type ExecutionContext } from 'ava';
import type { InterruptController } from '../../../../../core/board/bus/interrupt-controller.ts';
import { Control, Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { Guest, Place } from './hypervisor.ts';

const hlt = 0x78;
const valid = 0x8000_0000n;
const interruptFlag = 0x200;

/** Pins that a test pulls. */
class Pulled implements InterruptController {
  pending = false;
  nmiPending = false;
  taskPriority = 0;
  onChange: (() => void) | undefined = undefined;
  acknowledged = 0;

  constructor(private readonly vector = 0x55) {}

  acknowledge(): number {
    this.pending = false;
    this.acknowledged++;
    return this.vector;
  }
  acknowledgeNmi(): void {
    this.nmiPending = false;
  }
}

function pull(guest: Guest): Pulled {
  guest.cpu.clgi();
  const pins = new Pulled();
  guest.processor.connect(pins);
  return pins;
}

const pushed = (guest: Guest, slot: number): bigint => guest.read64(guest.at(Number(guest.get(Save.rsp))) + slot * 8);

// Injection.

interface Injection {
  readonly type: number;
  readonly vector: number;
  readonly error?: bigint;
  readonly delivered?: number;
}
function injects(t: ExecutionContext, { type, vector, error, delivered = vector }: Injection) {
  const guest = new Guest().handler(delivered, 'mov eax, 0x77\nhlt');
  const hasError = error !== undefined;
  guest.set(
    Control.eventInjection,
    valid | BigInt(vector | (type << 8) | (hasError ? 0x800 : 0)) | ((error ?? 0n) << 32n),
  );
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax), 0x77n);
  if (hasError) t.is(pushed(guest, 0), error);
  t.is(pushed(guest, hasError ? 1 : 0), BigInt(Place.code));
  t.is(guest.get(Control.eventInjection) & valid, 0n, 'V is cleared');
  t.is(guest.get(Control.exitInterruptInfo) & valid, 0n);
}
test('injects an external interrupt, whatever RFLAGS.IF', injects, { type: 0, vector: 0x30 });
test('injects an NMI, whatever the vector', injects, { type: 2, vector: 9, delivered: 2 });
test('injects #GP with an error code', injects, { type: 3, vector: 13, error: 0x1234n });
test('injects an error code of 32 bits', injects, { type: 3, vector: 13, error: 0xffff_fffen });
test('injects #UD', injects, { type: 3, vector: 6 });
test('injects #DB', injects, { type: 3, vector: 1 });

for (const [name, type, vector] of [
  ['INT n', 4, 0x80],
  ['INT3', 3, 3],
] as const)
  test(`injects ${name}: the return address is nRIP, and the gate's DPL is checked`, t => {
    const guest = new Guest().handler(vector, 'mov eax, 1\nhlt').handler(13, 'mov eax, 2\nhlt');
    guest.set(Control.eventInjection, valid | BigInt(vector | (type << 8)));
    guest.set(Control.nextRip, 0x8123);
    t.is(guest.run(), hlt);
    t.is(guest.get(Save.rax), 1n);
    t.is(pushed(guest, 0), 0x8123n);

    const user = new Guest().handler(vector, 'hlt').handler(13, 'mov eax, 2\nhlt');
    user.set(Control.eventInjection, valid | BigInt(vector | (type << 8)));
    user.set(Control.nextRip, 0x8123);
    user.set8(Save.cpl, 3);
    user.segment(Save.cs, 0x1b, 0xafb, -1, 0);
    user.segment(Save.ss, 0x1b, 0xcf3, -1, 0);
    user.write64(user.at(Place.tss) + 4, Place.stack);
    t.is(user.run(), hlt);
    t.is(user.get(Save.rax), 2n, '#GP');
    t.is(pushed(user, 0), BigInt(vector * 8 + 2));
    t.is(pushed(user, 1), BigInt(Place.code), 'at the instruction');
  });

test('an injected event that faults is reported in EXITINTINFO', t => {
  const guest = new Guest().intercept(0x4d);
  guest.segment(Save.idtr, 0, 0, 0x1ff, Place.idt);
  guest.set(Control.eventInjection, valid | 0x30n);
  t.is(guest.run(), 0x4d);
  t.is(guest.info1, BigInt(0x30 * 8 + 3));
  t.is(guest.get(Control.exitInterruptInfo), valid | 0x30n);
  t.is(guest.rip, Place.code);
});

test('an injected software interrupt that faults is type 4, at its instruction', t => {
  const guest = new Guest().intercept(0x4d);
  guest.segment(Save.idtr, 0, 0, 0x1ff, Place.idt);
  guest.set(Control.eventInjection, valid | 0x430n);
  guest.set(Control.nextRip, Place.code + 2);
  t.is(guest.run(), 0x4d);
  t.is(guest.get(Control.exitInterruptInfo), valid | 0x430n);
  t.is(guest.rip, Place.code);
});

test('INT n of the guest that faults is reported too', t => {
  const guest = new Guest().intercept(0x4d).program('int 0x30');
  guest.segment(Save.idtr, 0, 0, 0x1ff, Place.idt);
  t.is(guest.run(), 0x4d);
  t.is(guest.get(Control.exitInterruptInfo), valid | 0x430n);
  t.is(guest.rip, Place.code);
});

test('a nested page fault during delivery has the event, and is delivered again', t => {
  const guest = new Guest().handler(13, 'mov eax, 0x13\nhlt').program('hlt');
  const entry = guest.entry(Place.idt);
  const saved = guest.read64(entry);
  guest.write64(entry, 0);
  guest.set(Control.eventInjection, valid | 0xb0dn | (0x44n << 32n));
  t.is(guest.run(), 0x400);
  t.is(guest.info2, BigInt(Place.idt + 13 * 16));
  const info = guest.get(Control.exitInterruptInfo);
  t.is(info, valid | 0xb0dn | (0x44n << 32n));
  guest.write64(entry, saved);
  guest.set(Control.eventInjection, info);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax), 0x13n);
  t.is(pushed(guest, 0), 0x44n);
});

test('a double fault exit has no event', t => {
  const guest = new Guest().intercept(0x48).program('ud2');
  guest.set(Control.eventInjection, valid | 0xb0dn);
  guest.segment(Save.idtr, 0, 0, 0, Place.idt);
  t.is(guest.run(), 0x48);
  t.is(guest.get(Control.exitInterruptInfo) & valid, 0n);
});

test('a triple fault is an intercepted shutdown', t => {
  const guest = new Guest().program('ud2');
  guest.segment(Save.idtr, 0, 0, 0, Place.idt);
  t.is(guest.run(), 0x7f);
});

test('injection into real mode', t => {
  const guest = new Guest(16).handler(0x21, 'mov ax, 0x77\nhlt').program('hlt');
  guest.set(Control.eventInjection, valid | 0x21n);
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax) & 0xffffn, 0x77n);
});

// Virtual interrupts.

const virtual = (vector: number, priority: number, taskPriority = 0): bigint =>
  (1n << 24n) | (1n << 8n) | (BigInt(priority) << 16n) | BigInt(taskPriority) | (BigInt(vector) << 32n);

test('a virtual interrupt waits for IF and the shadow of STI', t => {
  const guest = new Guest().handler(0x41, 'hlt').program('nop\nsti\nnop\nnop\nhlt');
  guest.set(Control.virtualInterrupt, virtual(0x41, 4));
  t.is(guest.run(), hlt);
  t.is(pushed(guest, 0), BigInt(Place.code + 3));
  t.is(guest.get(Control.virtualInterrupt) & 0x100n, 0n, 'V_IRQ is cleared');
});

test('the window exit comes before delivery', t => {
  const guest = new Guest().intercept(0x64).handler(0x41, 'hlt').program('nop\nsti\nnop\nnop\nhlt');
  guest.set(Control.virtualInterrupt, virtual(0x41, 4));
  t.is(guest.run(), 0x64);
  t.is(guest.rip, Place.code + 3);
  t.is(guest.get(Control.virtualInterrupt) & 0x100n, 0x100n, 'V_IRQ stays');
});

test('popf opens the window', t => {
  const guest = new Guest().intercept(0x64).program('pushfq\nor dword ptr [rsp], 0x200\npopfq\nhlt');
  guest.set(Control.virtualInterrupt, virtual(0x41, 4));
  t.is(guest.run(), 0x64);
  t.is(guest.byte(guest.at(guest.rip)), 0xf4);
});

test('V_TPR holds it back until CR8 is lowered', t => {
  const guest = new Guest().handler(0x41, 'hlt').program('nop\nmov rax, cr8\nmov ebx, 3\nmov cr8, rbx\nnop\nhlt');
  guest.set(Save.rflags, 2 | interruptFlag);
  guest.set(Control.virtualInterrupt, virtual(0x41, 4, 4));
  t.is(guest.run(), hlt);
  t.is(guest.get(Save.rax), 4n);
  t.is(guest.get(Control.virtualInterrupt) & 0xffn, 3n);
  t.is(guest.byte(guest.at(Number(pushed(guest, 0)))), 0x90);
});

test('V_IGN_TPR', t => {
  const guest = new Guest().handler(0x41, 'hlt').program('nop\nhlt');
  guest.set(Save.rflags, 2 | interruptFlag);
  guest.set(Control.virtualInterrupt, virtual(0x41, 1, 15) | (1n << 20n));
  t.is(guest.run(), hlt);
  t.is(pushed(guest, 0), BigInt(Place.code));
});

test('the interrupt shadow of the VMCB counts', t => {
  const guest = new Guest().handler(0x41, 'hlt').program('nop\nnop\nhlt');
  guest.set(Save.rflags, 2 | interruptFlag);
  guest.set(Control.virtualInterrupt, virtual(0x41, 4));
  guest.set32(Control.interruptShadow, 1);
  t.is(guest.run(), hlt);
  t.is(pushed(guest, 0), BigInt(Place.code + 1));
  t.is(guest.get(Control.interruptShadow), 0n);
});

test('an exit in a shadow says so', t => {
  const guest = new Guest().program('sti\nhlt');
  t.is(guest.run(), hlt);
  t.is(guest.get(Control.interruptShadow), 1n);
});

test('a halted guest wakes for a virtual interrupt', t => {
  const guest = new Guest().intercept(hlt, false).handler(0x41, 'vmmcall').program('sti\nhlt\nvmmcall');
  guest.set(Control.virtualInterrupt, virtual(0x41, 4));
  t.is(guest.run(), 0x81);
  t.is(pushed(guest, 0), BigInt(Place.code + 2));
});

test('V_GIF holds virtual interrupts, and STGI of the guest lets them go', t => {
  const guest = new Guest().handler(0x41, 'hlt').program('nop\nstgi\nnop\nhlt');
  guest.set(Save.rflags, 2 | interruptFlag);
  guest.set(Control.virtualInterrupt, virtual(0x41, 4) | (1n << 25n));
  t.is(guest.run(), hlt);
  t.is(pushed(guest, 0), BigInt(Place.code + 4));
  t.is(guest.get(Control.virtualInterrupt) & 0x200n, 0x200n);
});

// Physical events.

test('a physical interrupt exits, stays pending, and is taken by the host after STGI', t => {
  const guest = new Guest().program('again: inc eax\njmp again');
  const pins = pull(guest);
  pins.pending = true;
  t.is(guest.run(), 0x60);
  t.is(guest.rip, Place.code);
  t.true(pins.pending);
});

test('with V_INTR_MASKING it exits in a shadow too', t => {
  const guest = new Guest().program('nop\nhlt');
  const pins = pull(guest);
  guest.set32(Control.interruptShadow, 1);
  pins.pending = true;
  t.is(guest.run(), 0x60);
  t.is(guest.rip, Place.code);
  t.is(guest.get(Control.interruptShadow), 1n);
});

test('without V_INTR_MASKING the guest can hold it back, by IF and by the shadow of STI', t => {
  const guest = new Guest().program('nop\nnop\nsti\nnop\nnop\nhlt');
  const pins = pull(guest);
  guest.set32(Control.virtualInterrupt, 0);
  pins.pending = true;
  t.is(guest.run(), 0x60);
  t.is(guest.rip, Place.code + 4);
});

test('without the intercept it is the guest that takes it', t => {
  const guest = new Guest().intercept(0x60, false).handler(0x55, 'hlt').program('nop\nhlt');
  const pins = pull(guest);
  pins.pending = true;
  t.is(guest.run(), hlt);
  t.is(pushed(guest, 0), BigInt(Place.code));
  t.is(pins.acknowledged, 1);
});

test('a timer ends a loop', t => {
  const guest = new Guest().program('xor eax, eax\nagain: inc eax\njmp again');
  guest.cpu.armTimer(1001);
  t.is(guest.run(), 0x60);
  t.is(guest.get(Save.rax), 500n);
});

test('NMI: intercepted, or delivered and blocked until IRET', t => {
  const guest = new Guest().intercept(0x61).handler(2, 'iretq').program('nop\nhlt');
  const pins = pull(guest);
  pins.nmiPending = true;
  t.is(guest.run(), 0x61);
  t.true(pins.nmiPending);
  guest.intercept(0x61, false).intercept(0x74);
  t.is(guest.run(), 0x74);
  t.false(pins.nmiPending);
  t.true(guest.processor.nmiBlocked);
  guest.intercept(0x74, false);
  t.is(guest.run(), hlt);
  t.false(guest.processor.nmiBlocked);
});

test('INIT: intercepted, or #SX if redirected', t => {
  const guest = new Guest().intercept(0x63).handler(30, 'hlt').program('nop\nvmmcall');
  guest.processor.signalInit();
  t.is(guest.run(), 0x63);
  t.true(guest.processor.initPending);
  guest.intercept(0x63, false);
  guest.cpu.wrmsr(0xc001_0114, 2n);
  t.is(guest.run(), hlt);
  t.is(pushed(guest, 0), 1n);
  t.false(guest.processor.initPending);
});

test('after an exit GIF is clear, and physical events are held until STGI', t => {
  const guest = new Guest().program('hlt');
  guest.cpu.vmrun(guest.vmcb);
  t.true(guest.processor.virtualization!.eventsHeld);
  guest.cpu.stgi();
  t.false(guest.processor.virtualization!.eventsHeld);
});
