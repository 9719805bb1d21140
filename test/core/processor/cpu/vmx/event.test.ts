/** Injection, exceptions, interrupts, windows, the monitor trap and the preemption timer. */
import test from 'ava';
import type { InterruptController } from '../../../../../core/board/bus/interrupt-controller.ts';
import { VmxOutcome } from '../../../../../core/processor/cpu/host-cpu.ts';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import { Guest, Place, valid } from './hypervisor.ts';

const hlt = 12;

class Lines implements InterruptController {
  vector = -1;
  nmiPending = false;
  taskPriority = 0;
  onChange: (() => void) | undefined = undefined;
  get pending(): boolean {
    return this.vector >= 0;
  }
  acknowledge(): number {
    const { vector } = this;
    this.vector = -1;
    return vector;
  }
  acknowledgeNmi(): void {
    this.nmiPending = false;
  }
}

function withLines(guest: Guest): Lines {
  const lines = new Lines();
  // Any instruction makes the processor stand in its host, with a controller of its own.
  guest.cpu.rdmsr(0x480);
  guest.processor.connect(lines);
  return lines;
}

const info = (vector: number, type: number, error = false) =>
  (vector | (type << 8) | (error ? 0x800 : 0) | valid) >>> 0;
const interruption = (guest: Guest) => guest.get32(Field.exitInterruption);
const vectoring = (guest: Guest) => guest.get32(Field.vectoringInfo);

// Injection.

for (const [name, vector, type, error, length] of [
  ['external interrupt', 0x40, 0, undefined, 0],
  ['NMI', 2, 2, undefined, 0],
  ['exception without error code', 6, 3, undefined, 0],
  ['exception with error code', 13, 3, 0x18, 0],
  ['INT n', 0x41, 4, undefined, 2],
  ['INT1', 1, 5, undefined, 1],
  ['INT3', 3, 6, undefined, 1],
] as const)
  for (const bits of [16, 32, 64] as const) {
    if (bits === 16 && error !== undefined) continue;
    test(`injects ${name} in ${bits}-bit mode`, t => {
      const guest = new Guest({ bits }).program('nop\n nop\n nop\n hlt');
      const stack = bits === 64 ? 'mov rbx, rsp' : bits === 32 ? 'mov ebx, esp' : 'mov bx, sp';
      guest.handler(vector, `${stack}\n hlt`).set(Field.guestRflags, 0x202);
      guest.inject(vector, type, error, length);
      t.is(guest.run(), hlt);
      t.is(guest.get32(Field.entryInterruption) & valid, 0, 'the valid bit is cleared');
      const rsp = Number(guest.register(3) & 0xffffn);
      const size = bits / 8;
      const word = (n: number) => Number(BigInt.asUintN(bits, guest.readGuest(rsp + n * size)));
      const frame = error === undefined ? 0 : 1;
      if (error !== undefined) t.is(word(0), error);
      t.is(word(frame), Place.code + length, 'return address');
      t.is(word(frame + 2) & 0x1_0000, type === 3 && bits !== 16 ? 0x1_0000 : 0, 'RF of a fault');
      t.is(guest.get32(Field.guestInterruptibility), type === 2 ? 8 : 0);
      t.is(vectoring(guest), 0);
    });
  }

test('a fault while an event is injected: IDT-vectoring information, RIP as it was', t => {
  for (const [type, vector, error, length] of [
    [0, 0x40, undefined, undefined],
    [3, 12, 4, undefined],
    [4, 0x41, undefined, 2],
  ] as const) {
    const guest = new Guest().program('nop\n nop\n hlt').set(Field.guestRflags, 0x202);
    guest.set(Field.exceptionBitmap, (1 << 11) | (1 << 8));
    // The gate is not present.
    guest.handler(vector, 'hlt').write(guest.at(Place.idt + vector * 16 + 5), [0x0e]);
    guest.inject(vector, type, error, length);
    t.is(guest.run(), 0);
    if (type === 3) {
      t.is(interruption(guest), info(8, 3, true), 'contributory after contributory: #DF');
      t.is(vectoring(guest), 0, 'which is no part of the delivery');
      continue;
    }
    t.is(interruption(guest), info(11, 3, true));
    t.is(guest.get32(Field.exitErrorCode), vector * 8 + 2 + (type === 0 ? 1 : 0));
    t.is(vectoring(guest), info(vector, type));
    t.is(guest.rip, Place.code);
    if (length) t.is(guest.length, length);
    guest.program('ud2').set(Field.exceptionBitmap, 1 << 6);
    t.is(guest.run(), 0);
    t.is(vectoring(guest), 0, 'over with the exit');
  }
});

test('an injected event is not subject to the exception bitmap', t => {
  const guest = new Guest().program('hlt').handler(6, 'hlt').set(Field.exceptionBitmap, -1).inject(6, 3);
  t.is(guest.run(), hlt);
  t.is(guest.rip, Place.handlers + 6 * 16);
});

test('an event injected into a halted guest wakes it', t => {
  const guest = new Guest().program('hlt').handler(0x40, 'mov eax, 1\n hlt').set(Field.guestRflags, 0x202);
  guest.set(Field.guestActivity, 1).inject(0x40, 0);
  t.is(guest.run(), hlt);
  t.is(guest.register(0), 1n);
  t.is(guest.get32(Field.guestActivity), 0);
});

// Exceptions.

const faults: readonly (readonly [
  name: string,
  source: string,
  vector: number,
  error: number | undefined,
  length: number,
])[] = [
  ['#DE', 'xor eax, eax\n div eax', 0, undefined, 2],
  ['#UD', 'ud2', 6, undefined, 0],
  ['#NM', 'mov rax, cr0\n or eax, 8\n mov cr0, rax\n fnop', 7, undefined, 0],
  ['#NP', 'mov ax, 0x30\n mov ds, ax', 11, 0x30, 0],
  ['#SS', 'mov rbp, [rsi + 8]\n mov eax, [rbp]', 12, 0, 0],
  ['#GP', 'mov ax, 0x123\n mov ds, ax', 13, 0x120, 0],
];
for (const [name, source, vector, error] of faults)
  test(`${name} exits by the exception bitmap`, t => {
    const guest = new Guest().program(`mov esi, 0xc000\n${source}\nhlt`).set(Field.exceptionBitmap, 1 << vector);
    guest.write64(guest.at(Place.gdt + 0x30), 0x00cf_1300_0000_ffffn);
    guest.write64(guest.at(Place.data + 8), 1n << 63n);
    t.is(guest.run(), 0);
    t.is(interruption(guest), info(vector, 3, error !== undefined));
    if (error !== undefined) t.is(guest.get32(Field.exitErrorCode), error);
    t.is(guest.qualification, 0n);
    t.is(guest.get32(Field.guestRflags) & 0x1_0000, 0x1_0000, 'RF');
    const free = new Guest().program(`mov esi, 0xc000\n${source}\nhlt`).handler(vector, 'hlt');
    free.write64(free.at(Place.gdt + 0x30), 0x00cf_1300_0000_ffffn);
    free.write64(free.at(Place.data + 8), 1n << 63n);
    t.is(free.run(), hlt);
    t.is(free.rip, Place.handlers + vector * 16);
  });

test('in real mode exceptions have no error code', t => {
  const guest = new Guest({ bits: 16 }).program('mov eax, [bx]\n hlt').setRegister(3, 0xffff);
  guest.set(Field.exceptionBitmap, 1 << 13);
  t.is(guest.run(), 0);
  t.is(interruption(guest), info(13, 3));
});

test('#PF: address in the qualification, CR2 as it was, mask and match', t => {
  const run = (bitmap: number, mask: number, match: number) => {
    const guest = new Guest().program('mov eax, [0x400000]\n hlt').handler(14, 'hlt');
    guest.set(Field.exceptionBitmap, bitmap).set(Field.pageFaultMask, mask).set(Field.pageFaultMatch, match);
    const reason = guest.run();
    return { guest, reason };
  };
  const { guest } = run(1 << 14, 0, 0);
  t.is(interruption(guest), info(14, 3, true));
  t.is(guest.get32(Field.exitErrorCode), 0);
  t.is(guest.qualification, 0x40_0000n);
  t.is(guest.cpu.readControl(2), 0n);
  t.is(run(1 << 14, 1, 1).reason, hlt, 'set, no match');
  t.is(run(0, 1, 1).reason, 0, 'clear, no match');
  t.is(run(0, 0, 0).reason, hlt, 'clear, match');
});

test('INT3 and INTO exit by the bitmap with their length; INT n does not', t => {
  const guest = new Guest().program('int3\n hlt').set(Field.exceptionBitmap, -1);
  t.is(guest.run(), 0);
  t.is(interruption(guest), info(3, 6));
  t.is(guest.length, 1);
  t.is(guest.rip, Place.code);
  const one = new Guest().program('db 0xf1\n hlt').set(Field.exceptionBitmap, 1 << 1);
  t.is(one.run(), 0);
  t.is(interruption(one), info(1, 5));
  const n = new Guest()
    .program('int 3\n db 0xcd, 3\n hlt')
    .handler(3, 'hlt')
    .set(Field.exceptionBitmap, 1 << 3);
  n.program('db 0xcd, 3\n hlt');
  t.is(n.run(), hlt);
});

test('#DB: conditions in the qualification, DR6 as it was', t => {
  const guest = new Guest().program('pushfq\n or dword [rsp], 0x100\n popfq\n nop\n nop\n hlt');
  guest.set(Field.exceptionBitmap, 1 << 1);
  t.is(guest.run(), 0);
  t.is(interruption(guest), info(1, 3));
  t.is(guest.qualification, 0x4000n);
  t.is(guest.cpu.readDebug(6), 0xffff_0ff0n);
  t.is(guest.get(Field.guestPendingDebug), 0n);
});

test('a fault during the delivery of another event carries the event along', t => {
  const guest = new Guest().program('int 0x30\n hlt').set(Field.exceptionBitmap, 1 << 11);
  guest.handler(0x30, 'hlt').write(guest.at(Place.idt + 0x30 * 16 + 5), [0x0e]);
  t.is(guest.run(), 0);
  t.is(vectoring(guest), info(0x30, 4));
  t.is(guest.length, 2);
  t.is(guest.rip, Place.code);
});

test('triple fault', t => {
  const guest = new Guest().program('ud2').set(Field.guestIdtrLimit, 0);
  t.is(guest.run(), 2);
  t.is(guest.qualification, 0n);
  t.is(vectoring(guest), 0);
  t.is(guest.rip, Place.code);
});

// External interrupts.

test('an external interrupt exits whatever IF says, and stays pending unless acknowledged', t => {
  const guest = new Guest().program('jmp $').control(Field.pinControls, 1);
  const lines = withLines(guest);
  lines.vector = 0x55;
  t.is(guest.run(), 1);
  t.is(interruption(guest), 0);
  t.is(lines.vector, 0x55);
  guest.control(Field.exitControls, 1 << 15);
  t.is(guest.run(), 1);
  t.is(interruption(guest), info(0x55, 0));
  t.is(lines.vector, -1);
});

test('without the control it is delivered to the guest, when IF allows it', t => {
  const guest = new Guest()
    .program('xor eax, eax\n inc eax\n sti\n inc eax\n inc eax\n hlt')
    .handler(0x55, 'mov ebx, eax\n hlt');
  const lines = withLines(guest);
  lines.vector = 0x55;
  t.is(guest.run(), hlt);
  t.is(guest.register(3), 2n, 'after the shadow of STI');
});

test('interrupt window: after STI and its shadow', t => {
  const guest = new Guest().program('nop\n sti\n nop\n nop\n hlt').control(Field.primaryControls, 4);
  t.is(guest.run(), 7);
  t.is(guest.rip, Place.code + 3);
  t.is(guest.get32(Field.guestInterruptibility), 0);
  t.is(guest.run(), 7, 'and again at once');
});

test('interrupt window in a halted guest', t => {
  const guest = new Guest().program('hlt').control(Field.primaryControls, 4).set(Field.guestRflags, 0x202);
  guest.set(Field.guestActivity, 1);
  t.is(guest.run(), 7);
  t.is(guest.get32(Field.guestActivity), 1, 'it has not woken');
});

test('MOV SS blocks until after the next instruction', t => {
  const guest = new Guest().program('mov ss, eax\n nop\n nop\n hlt').control(Field.primaryControls, 4 | (1 << 7));
  guest.setRegister(0, 0x10).set(Field.guestRflags, 2).set(Field.guestInterruptibility, 2);
  guest.program('nop\n nop\n hlt').set(Field.guestRflags, 0x202);
  t.is(guest.run(), 7);
  t.is(guest.rip, Place.code + 1);
});

test('HLT without HLT exiting sleeps until an interrupt', t => {
  const guest = new Guest()
    .program('sti\n hlt\n jmp $')
    .control(Field.primaryControls, 1 << 7, false)
    .control(Field.pinControls, 1);
  guest.cpu.armTimer(1000);
  t.is(guest.run(), 1);
  t.is(guest.rip, Place.code + 2);
  t.is(guest.get32(Field.guestActivity), 1);
});

// NMIs.

test('an NMI exits and is blocked in the host', t => {
  const guest = new Guest().program('jmp $').control(Field.pinControls, 8);
  const lines = withLines(guest);
  lines.nmiPending = true;
  t.is(guest.run(), 0);
  t.is(interruption(guest), info(2, 2));
  t.false(lines.nmiPending);
  t.true(guest.processor.nmiBlocked);
});

test('without NMI exiting it is delivered to the guest', t => {
  const guest = new Guest().program('jmp $').handler(2, 'hlt');
  const lines = withLines(guest);
  lines.nmiPending = true;
  t.is(guest.run(), hlt);
  t.false(lines.nmiPending);
  t.is(guest.rip, Place.handlers + 32);
  t.is(guest.get32(Field.guestInterruptibility), 8);
});

test('virtual NMIs: injection blocks, IRET opens the window', t => {
  const guest = new Guest().program('nop\n hlt').handler(2, 'mov eax, 1\n iretq').control(Field.pinControls, 0x28);
  guest.control(Field.primaryControls, 1 << 22).inject(2, 2);
  t.is(guest.run(), 8);
  t.is(guest.register(0), 1n);
  t.is(guest.rip, Place.code);
  t.is(guest.get32(Field.guestInterruptibility), 0);
  guest.set(Field.guestInterruptibility, 8).control(Field.primaryControls, 1 << 22);
  t.is(guest.run(), hlt, 'blocked: no window');
});

test('an IRET that faults has unblocked virtual NMIs, and its exit says so', t => {
  const unblocking = 1n << 12n;
  const made = (blocked: boolean, dialect: 'amd' | 'intel' = 'intel') =>
    new Guest({ dialect })
      .program('iretq')
      .handler(13, 'ud2')
      .control(Field.pinControls, 0x28)
      .set(Field.guestInterruptibility, blocked ? 8 : 0);
  const exception = info(13, 3, true);

  for (const [blocked, bit, dialect] of [
    [true, unblocking, 'intel'],
    [false, 0n, 'intel'],
    [true, 0n, 'amd'],
  ] as const) {
    const guest = made(blocked, dialect).set(Field.exceptionBitmap, 1 << 13);
    t.is(guest.run(), 0);
    t.is(BigInt(interruption(guest)), BigInt(exception) | bit);
    t.is(guest.get32(Field.guestInterruptibility), blocked && bit === 0n ? 8 : 0);

    const walked = made(blocked, dialect);
    walked.write64(walked.entry(Place.stack), 0);
    t.is(walked.run(), 48);
    t.is(walked.qualification & unblocking, bit);
  }

  const window = made(true).control(Field.primaryControls, 1 << 22);
  t.is(window.run(), 8);
  t.is(window.rip, Place.handlers + 13 * 16);
  const later = made(true).set(Field.exceptionBitmap, 1 << 6);
  t.is(later.run(), 0);
  t.is(interruption(later), info(6, 3), 'of another instruction nothing is said');
});

// Monitor trap flag.

test('monitor trap flag: one instruction each', t => {
  const guest = new Guest().program('nop\n mov eax, 1\n int 0x30\n hlt').handler(0x30, 'nop\n hlt');
  guest.control(Field.primaryControls, 1 << 27);
  const seen = [];
  for (let n = 0; n < 4; n++) {
    t.is(guest.run(), 37);
    seen.push(guest.rip);
  }
  t.deepEqual(seen, [Place.code + 1, Place.code + 6, Place.handlers + 0x300, Place.handlers + 0x301]);
  t.is(guest.run(), hlt);
});

test('monitor trap after a fault and after injection: before the handler', t => {
  const guest = new Guest()
    .program('ud2')
    .handler(6, 'hlt')
    .handler(0x40, 'hlt')
    .control(Field.primaryControls, 1 << 27);
  t.is(guest.run(), 37);
  t.is(guest.rip, Place.handlers + 6 * 16);
  guest.set(Field.guestRflags, 0x202).inject(0x40, 0);
  t.is(guest.run(), 37);
  t.is(guest.rip, Place.handlers + 0x400);
});

test('a pending monitor trap is injected with type 7', t => {
  const guest = new Guest().program('nop\n hlt').inject(0, 7);
  t.is(guest.run(), 37);
  t.is(guest.rip, Place.code);
});

test('the monitor trap comes before a debug trap, which stays pending', t => {
  const guest = new Guest()
    .program('nop\n nop\n hlt')
    .control(Field.primaryControls, 1 << 27)
    .set(Field.guestRflags, 0x102);
  t.is(guest.run(), 37);
  t.is(guest.rip, Place.code + 1);
  t.is(guest.get(Field.guestPendingDebug), 0x4000n);
  guest.control(Field.primaryControls, 1 << 27, false).set(Field.exceptionBitmap, 2);
  t.is(guest.run(), 0);
  t.is(interruption(guest), info(1, 3));
  t.is(guest.rip, Place.code + 1);
});

// Preemption timer.

test('preemption timer: exactly so many ticks, and what is left', t => {
  const guest = new Guest()
    .program('inc eax\n jmp $ - 2')
    .control(Field.pinControls, 1 << 6)
    .control(Field.exitControls, 1 << 22);
  guest.set(Field.preemptionTimer, 1001);
  t.is(guest.run(), 52);
  t.is(guest.register(0), 501n);
  t.is(guest.get32(Field.preemptionTimer), 0);
  t.is(guest.run(), 52, 'at once');
  t.is(guest.register(0), 501n);
  guest.set(Field.preemptionTimer, 100).set(Field.guestRip, Place.code).program('nop\n nop\n cpuid');
  t.is(guest.run(), 10);
  t.is(guest.get32(Field.preemptionTimer), 98);
});

test('preemption timer of 0: after injection, before the first instruction', t => {
  const guest = new Guest()
    .program('hlt')
    .handler(0x40, 'inc eax\n hlt')
    .control(Field.pinControls, 1 << 6);
  guest.set(Field.preemptionTimer, 0).set(Field.guestRflags, 0x202).inject(0x40, 0);
  t.is(guest.run(), 52);
  t.is(guest.rip, Place.handlers + 0x400);
});

test('the preemption timer wakes a halted guest', t => {
  const guest = new Guest()
    .program('hlt')
    .control(Field.primaryControls, 1 << 7, false)
    .control(Field.pinControls, 1 << 6);
  guest.set(Field.preemptionTimer, 5000);
  const before = guest.host.time.ticks;
  t.is(guest.run(), 52);
  t.is(guest.get32(Field.guestActivity), 1);
  t.true(guest.host.time.ticks - before >= 5000);
});

test('for who runs the processor a sleeping guest is busy while its preemption timer runs', t => {
  for (const activity of [1, 2]) {
    const guest = new Guest()
      .program('hlt')
      .control(Field.pinControls, 1 << 6)
      .set(Field.guestActivity, activity);
    const { processor, vmx } = guest;
    guest.set(Field.preemptionTimer, 5000).cpu.readControl(0);
    t.is(vmx.world.request(false), VmxOutcome.succeed);
    vmx.switchWorld();
    const before = processor.retired;
    t.is(processor.run(2000).reason, 'budget');
    t.is(processor.retired - before, 2000);
    processor.stopsAtVmExit = true;
    t.is(processor.run(10_000).reason, 'vmexit');
    t.is(processor.retired - before, 5000);
    t.is(guest.reason, 52);
    t.is(guest.get32(Field.guestActivity), activity);
  }
});

// INIT, SIPI, activity states.

test('INIT exits and changes nothing', t => {
  const guest = new Guest().program('jmp $').setRegister(0, 7);
  guest.cpu.rdmsr(0x480);
  guest.processor.signalInit();
  t.is(guest.run(), 3);
  t.is(guest.register(0), 7n);
  t.is(guest.rip, Place.code);
});

test('SIPI in wait-for-SIPI', t => {
  const guest = new Guest().program('jmp $').set(Field.guestActivity, 3);
  guest.processor.signalStartup(0x9a);
  t.is(guest.run(), 4);
  t.is(guest.qualification, 0x9an);
  t.is(guest.get32(Field.guestActivity), 3);
});

test('a shut down guest sleeps until an NMI', t => {
  const guest = new Guest().program('jmp $').set(Field.guestActivity, 2).control(Field.pinControls, 9);
  const lines = withLines(guest);
  lines.vector = 0x40;
  lines.nmiPending = true;
  t.is(guest.run(), 0);
  t.is(interruption(guest), info(2, 2));
  t.is(guest.get32(Field.guestActivity), 2);
});

// Task switches.

test('task switches exit: JMP, CALL, a gate in the IDT, IRET', t => {
  const make = (source: string) => {
    const guest = new Guest({ bits: 32 }).program(source);
    guest.write64(guest.at(Place.gdt + 0x30), 0x0000_8900_7000_0067n);
    return guest;
  };
  const jump = make('jmp 0x30:0');
  t.is(jump.run(), 9);
  t.is(jump.qualification, 0x8000_0030n);
  t.is(jump.length, 7);
  const call = make('call 0x30:0');
  t.is(call.run(), 9);
  t.is(call.qualification, 0x30n);
  const iret = make('iretd').set(Field.guestRflags, 0x4002);
  iret.write64(iret.at(Place.gdt + 0x30), 0x0000_8b00_7000_0067n);
  iret.write64(iret.at(Place.tss), 0x30);
  t.is(iret.run(), 9);
  t.is(iret.qualification, 0x4000_0030n);
  const gate = make('int 0x20');
  gate.write64(gate.at(Place.idt + 0x20 * 8), 0x0000_8500_0030_0000n);
  t.is(gate.run(), 9);
  t.is(gate.qualification, 0xc000_0030n);
  t.is(vectoring(gate), info(0x20, 4));
  t.is(gate.length, 2);
  t.is(gate.rip, Place.code);
});

test('an entry with MOV-SS blocking in the host is refused', t => {
  const guest = new Guest().program('hlt');
  guest.processor.state.interruptShadow = 2;
  t.is(guest.enter(), VmxOutcome.failValid);
  t.is(guest.get32(Field.instructionError), 26);
});
