/** HLT, interrupts, NMIs, injected exceptions, shutdown. */

import { assemble } from '#core';
import type { AddCase } from '../../checks/case.ts';
import { at, type Guest, selector } from '../guest.ts';

const wake = { shadow: false, nmiBlocked: false, halted: false };

export function events(test: AddCase, guest: Guest): void {
  const { pin } = guest;

  test('HLT waits for an interrupt that is let in', t => {
    guest.reset().long('hlt\n inc eax\n sti\n hlt\n inc ebx\n jmp $');
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.deepEqual(guest.run(), { reason: 'halt' }, 'and stays');
    t.true(guest.state.interrupts.halted);
    pin.raise(0x40);
    t.deepEqual(guest.run(), { reason: 'halt' }, 'IF is clear');
    t.is(guest.rip, at.code + 1);
    t.deepEqual(pin.taken, []);
    guest.processor.setState({ interrupts: wake });
    t.is(guest.run(3).reason, 'limit', 'inc, sti, hlt');
    t.deepEqual(pin.taken, []);
    t.deepEqual(guest.run(), { reason: 'halt' }, 'in the handler');
    t.is(guest.vector, 0x40);
    t.deepEqual(pin.taken, [0x40]);
    t.is(guest.get64(at.stack - 40), BigInt(at.code + 5), 'return behind the HLT');
  });

  test('an NMI wakes HLT with IF clear', t => {
    guest.reset().long('hlt\n inc eax\n jmp $');
    t.deepEqual(guest.run(), { reason: 'halt' });
    pin.raiseNmi();
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 2);
    t.true(guest.state.interrupts.nmiBlocked);
  });

  test('an interrupt waits for IF and for the end of the shadow', t => {
    guest.reset().long('inc eax\n inc eax\n sti\n inc eax\n inc eax\n hlt');
    pin.raise(0x31);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 0x31);
    t.is(guest.register('rax'), 3n);
    t.is(guest.get64(at.stack - 40), BigInt(at.code + 7));
    t.is(guest.get64(at.stack - 24) & 0x200n, 0x200n);
    t.is(guest.state.general.rflags & 0x200n, 0n);
  });

  test('MOV SS and POP SS hold an interrupt back for one instruction', t => {
    guest.reset().long('mov ecx, 0x10\n sti\n nop\n mov ss, ecx\n inc eax\n inc eax\n hlt');
    t.is(guest.run(3).reason, 'limit');
    t.is(guest.run(1).reason, 'limit');
    t.true(guest.state.interrupts.shadow);
    pin.raise(0x31);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 0x31);
    t.is(guest.register('rax'), 1n);
  });

  test("a shadow that was set counts as one's own", t => {
    guest.reset().long('inc eax\n inc eax\n hlt', { rflags: 0x202 });
    guest.processor.setState({ interrupts: { ...wake, shadow: true } });
    pin.raise(0x31);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rax'), 1n);
  });

  test('CLI and POPF decide in the middle of a slice', t => {
    guest.reset().long('pushfq\n or qword ptr [rsp], 0x200\n popfq\n inc eax\n hlt');
    pin.raise(0x55);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 0x55);
    t.is(guest.register('rax'), 0n, 'POPF has no shadow');
  });

  test('IRET lets the next one in', t => {
    guest.reset().long('sti\n again: inc eax\n jmp again');
    guest.load(64, 'inc ebx\n iretq', at.handlers + 16 * 0x41);
    pin.raise(0x41);
    pin.raise(0x41);
    pin.raise(0x60);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 0x60);
    t.is(guest.register('rbx'), 2n);
    t.deepEqual(pin.taken, [0x41, 0x41, 0x60]);
  });

  test('the task priority holds interrupts back, by MOV CR8 in both directions', t => {
    guest
      .reset()
      .long('mov eax, 4\n mov cr8, rax\n sti\n nop\n nop\n inc ebx\n mov eax, 3\n mov cr8, rax\n inc ebx\n hlt');
    t.is(guest.run(4).reason, 'limit');
    t.is(pin.taskPriority, 4);
    pin.raise(0x42);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 0x42);
    t.is(guest.register('rbx'), 1n, 'at once when the priority falls');
    t.is(guest.state.controls.cr8, 3n);
  });

  test('the board moves CR8', t => {
    guest.reset().long('mov [0xd0000080], eax\n mov rbx, cr8\n hlt');
    guest.pin.taskPriority = 9;
    t.is(guest.run(1).reason, 'limit');
    t.is(guest.state.controls.cr8, 9n);
    guest.pin.taskPriority = 5;
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rbx'), 5n);
  });

  test('an interrupt raised by a handler comes before the next instruction', t => {
    guest.reset().long('sti\n nop\n out 0x80, al\n inc eax\n hlt');
    guest.output = () => pin.raise(0x77);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 0x77);
    t.is(guest.register('rax'), 0n);
    t.is(guest.get64(at.stack - 40), BigInt(at.code + 4));
  });

  test('NMIs stay blocked until IRET, then the next comes', t => {
    guest.reset().long('inc eax\n jmp $');
    guest.load(64, 'inc ebx\n nop\n nop\n iretq', at.handlers + 32);
    pin.raiseNmi();
    t.is(guest.run(2).reason, 'limit');
    t.true(guest.state.interrupts.nmiBlocked);
    pin.raiseNmi();
    t.is(guest.run(1).reason, 'limit');
    t.is(guest.register('rbx'), 1n);
    t.is(guest.rip, at.handlers + 32 + 4, 'before IRET');
    t.is(guest.run(2).reason, 'limit');
    t.is(guest.register('rbx'), 2n, 'IRET, and inc of the next');
    t.is(guest.register('rsp'), BigInt(at.stack - 40), 'not nested in the first one');
    t.is(guest.get64(at.stack - 40), BigInt(at.code), 'taken where the first one came from');
    t.is(guest.run(5).reason, 'limit');
    t.false(guest.state.interrupts.nmiBlocked);
    t.is(guest.register('rax'), 1n);
    t.deepEqual(pin.taken, [2, 2]);
  });

  test('NMIs stay blocked though an interrupt waits as well', t => {
    guest.reset().long('inc eax\n jmp $');
    guest.load(64, 'inc ebx\n nop\n nop\n iretq', at.handlers + 32);
    pin.raiseNmi();
    t.is(guest.run(2).reason, 'limit');
    pin.raise(0x41);
    t.is(guest.run(1).reason, 'limit');
    t.true(guest.state.interrupts.nmiBlocked);
    pin.raiseNmi();
    t.is(guest.run(1).reason, 'limit');
    t.is(guest.rip, at.code, 'IRET first');
    t.is(guest.register('rbx'), 1n);
  });

  test("the guest's own single step of the IRET that an NMI waits for", t => {
    guest.reset().long('inc eax\n jmp $');
    guest.load(64, 'push 0x102\n popfq\n iretq', at.handlers + 32);
    pin.raiseNmi();
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 1);
    t.is(guest.get64(at.stack - 40), BigInt(at.code), 'behind the IRET');
    t.is(guest.state.debug.dr6, 0xffff_4ff0n);
    t.false(guest.state.interrupts.nmiBlocked);

    guest.reset().long('inc eax\n jmp $');
    guest.load(64, 'mov qword ptr [rsp+8], 0x1230\n push 0x102\n popfq\n iretq', at.handlers + 32);
    pin.raiseNmi();
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 13);
    t.is(guest.get64(at.stack - 96), 0x1230n);
    t.is(guest.get64(at.stack - 72) & 0x1_0100n, 0x1_0100n, 'it is still stepping');
  });

  test('a delivery that is the first to touch its pages keeps its error code, and an IRET its blocking', t => {
    const fault = guest.another({}).long('mov eax, 0x1230\n mov ds, eax');
    t.deepEqual(fault.run(), { reason: 'halt' });
    t.is(fault.vector, 13);
    t.is(fault.get64(at.stack - 48), 0x1230n);

    const nmi = guest.another({}).long('inc eax\n jmp $');
    nmi.load(64, 'mov esp, 0x27fd8\n iretq', at.handlers + 32);
    [at.code, selector.code, 2, at.stack, selector.data].forEach((word, n) => {
      nmi.put(0x2_7fd8 + 8 * n, word, 0);
    });
    nmi.pin.raiseNmi();
    t.deepEqual(nmi.run(1), { reason: 'limit' });
    nmi.pin.raiseNmi();
    t.deepEqual(nmi.run(1), { reason: 'limit' });
    t.is(nmi.rip, at.code);
    t.deepEqual(nmi.run(1), { reason: 'limit' });
    t.is(nmi.get64(at.stack - 40), BigInt(at.code), 'not nested in the first one');
  });

  test('the shadow of MOV SS ends with an instruction that is not executed in the guest', t => {
    for (const source of ['mov rdx, cr8', 'cpuid', 'invd', 'in al, 0x80', 'mov eax, [0xd0000000]']) {
      guest.reset().long(`mov ecx, 0x10\n mov ss, ecx\n ${source}\n hlt`, { rflags: 0x202 });
      t.is(guest.run(2).reason, 'limit');
      pin.raise(0x31);
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, 0x31, source);
      t.is(guest.get64(at.stack - 40), BigInt(at.code + 7 + assemble(64, source).bytes.length), source);
    }
  });

  for (const [what, handler, vector, error, cr2] of [
    ['a selector', 'mov qword ptr [rsp+8], 0x1230\n iretq', 13, 0x1230n, 0n],
    ['a page', 'mov esp, 0x90000\n iretq', 14, 0n, 0x9_0000n],
  ] as const)
    test(`an IRET that faults by ${what} while an NMI waits for it`, t => {
      guest.reset().long('jmp $');
      guest.page(0x90, 0);
      guest.load(64, handler, at.handlers + 32);
      pin.raiseNmi();
      t.deepEqual(guest.run(1), { reason: 'limit' });
      pin.raiseNmi();
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, vector);
      const frame = Number(guest.register('rsp'));
      t.is(guest.get64(frame), error);
      t.is(guest.get64(frame + 24) & 0x1_0302n, 0x1_0002n, 'no trap flag, which would be nobody’s');
      t.is(guest.state.controls.cr2, cr2);
      t.true(guest.state.interrupts.nmiBlocked);
      t.deepEqual(pin.taken, [2], 'the other one still waits');
    });

  /** What NMI handlers do, what it comes to, and where the second NMI finds its stack. */
  const faultingReturns = [
    ['a selector', 'mov qword ptr [rsp+8], 0x1230\n iretq', 13, undefined],
    ['a page', 'mov esp, 0x90000\n iretq', 14, 0x8_ffd0 - 40],
    ['a device', `mov esp, ${at.device + 0x800}\n iretq`, 13, 0],
  ] as const;
  const intel = guest.another({ cpu: 'intel' });

  for (const [what, handler, vector, frame] of faultingReturns) {
    const raiseTwo = (each: Guest) => {
      each.reset().long('jmp $');
      each.page(0x90, 0);
      each.load(64, handler, at.handlers + 32);
      each.pin.raiseNmi();
      each.run(1);
      each.pin.raiseNmi();
      return each.run();
    };
    test(`an IRET that faults by ${what} leaves NMIs blocked on AMD's`, t => {
      t.deepEqual(raiseTwo(guest), { reason: 'halt' });
      t.is(guest.vector, vector);
      t.true(guest.state.interrupts.nmiBlocked);
      t.deepEqual(pin.taken, [2]);
    });
    test(`an IRET that faults by ${what} unblocks NMIs on Intel's`, t => {
      t.deepEqual(raiseTwo(intel), { reason: 'halt' });
      t.is(intel.vector, vector);
      t.false(intel.state.interrupts.nmiBlocked);
      t.deepEqual(intel.pin.taken, [2, 2]);
      const second = frame ?? Number(intel.get64(Number(intel.register('rsp')) + 32));
      if (second !== 0) t.is(intel.get64(second), BigInt(at.handlers + vector * 16), 'before the handler has begun');
    });
  }

  for (const each of [guest, intel])
    test(`${each.options.cpu ?? 'amd'}: an IRET whose stack is a device lets NMIs in`, t => {
      each.reset().long('jmp $');
      each.load(64, `inc ebx\n mov esp, ${at.device}\n iretq`, at.handlers + 32);
      each.load(64, 'inc eax\n hlt', at.code + 0x80);
      each.memory = address => [at.code + 0x80, 8, 2, at.stack, 0x10].map(BigInt)[(address - at.device) / 8] ?? 0n;
      each.pin.raiseNmi();
      t.is(each.run(1).reason, 'limit');
      each.pin.raiseNmi();
      t.deepEqual(each.run(), { reason: 'halt' });
      t.deepEqual(each.pin.taken, [2, 2]);
      t.is(each.register('rbx'), 2n);
      t.is(each.register('rax'), 1n);
      t.false(each.state.interrupts.nmiBlocked);
    });

  for (const [what, where] of [
    ['in a hole', at.hole],
    ['in a device', at.device],
  ] as const) {
    test(`an event whose stack is ${what} is delivered, and what it pushes is lost`, t => {
      for (const [source, vector, pushed] of [
        ['ud2', 6, 40],
        ['mov eax, [0x90000]', 14, 48],
        ['sti\n nop\n jmp $', 0x31, 40],
        ['int 0x44', 0x44, 40],
      ] as const) {
        guest.reset().long(source, { rsp: where + 0x800 });
        guest.page(0x90, 0);
        pin.raise(0x31);
        t.deepEqual(guest.run(), { reason: 'halt' }, source);
        t.is(guest.vector, vector, source);
        t.is(guest.register('rsp'), BigInt(where + 0x800 - pushed), source);
        t.is(guest.state.general.rflags & 0x200n, 0n, source);
        t.is(guest.get64(where < 0x20_0000 ? where + 0x800 - pushed : at.data), 0n, source);
      }
      guest.reset().long('jmp $', { rsp: where + 0x800 });
      pin.raiseNmi();
      t.deepEqual(guest.run(), { reason: 'halt' }, 'NMI');
      t.is(guest.vector, 2);
      t.true(guest.state.interrupts.nmiBlocked);
    });

    test(`a user's fault on a stack ${what} takes the supervisor's tables`, t => {
      guest.reset().long('ud2', { rsp: at.userStack });
      guest.put(at.tss + 4, where + 0x800, 0);
      const { segments } = guest.state;
      const user = (value: number, attributes: number) => ({ ...segments.cs, selector: value, attributes });
      guest.processor.setState({
        segments: { ...segments, cs: user(selector.userCode, 0xafb), ss: user(selector.userData, 0xcf3) },
      });
      for (const page of [1, 2]) guest.page(page, (page << 12) | 3);
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, 6);
      t.is(guest.register('rsp'), BigInt(where + 0x800 - 40));
    });

    test(`an event whose table is ${what} shuts down`, t => {
      guest.reset().long('ud2');
      guest.processor.setState({ segments: { ...guest.state.segments, idtr: { limit: 0xfff, base: BigInt(where) } } });
      t.deepEqual(guest.run(), { reason: 'shutdown' });
    });
  }

  test("blocked NMIs that were set are one's own", t => {
    guest.reset().long('inc eax\n inc eax\n iretq\n hlt', { rsp: at.stack - 40 });
    guest.put(at.stack - 40, at.code + 8, 0, 8, 0, 2, 0, at.stack, 0, 0x10, 0);
    guest.load(64, 'hlt', at.code + 8);
    guest.processor.setState({ interrupts: { ...wake, nmiBlocked: true } });
    pin.raiseNmi();
    t.is(guest.run(2).reason, 'limit');
    t.deepEqual(pin.taken, []);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 2);
    t.is(guest.get64(at.stack - 40), BigInt(at.code + 8));
  });

  test('an NMI goes before an interrupt', t => {
    guest.reset().long('jmp $', { rflags: 0x202 });
    pin.raise(0x30);
    pin.raiseNmi();
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 2);
    t.deepEqual(pin.taken, [2]);
  });

  test('injected exceptions are delivered before the next instruction', t => {
    for (const [vector, errorCode] of [
      [6, undefined],
      [13, 0x18],
      [14, 2],
      [17, 0],
      [8, 0],
      [1, undefined],
      [16, undefined],
    ] as const) {
      guest.reset().long('inc eax\n hlt');
      guest.processor.inject(errorCode === undefined ? { vector } : { vector, errorCode });
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, vector);
      t.is(guest.register('rax'), 0n);
      const frame = at.stack - (errorCode === undefined ? 40 : 48);
      t.is(guest.register('rsp'), BigInt(frame));
      if (errorCode !== undefined) t.is(guest.get64(frame), BigInt(errorCode));
    }
  });

  test('an error code is pushed for the vectors that have one, and for no other', t => {
    // SDM vol. 3, table 7-1, and APM vol. 2, table 8-1. #CP (21), #VC (29) and #SX (30) are reserved where there is no CET, SEV-ES and SKINIT.
    const withErrorCode = [8, 10, 11, 12, 13, 14, 17];
    // #OF and #BR come of instructions that 64-bit code does not have: SVM refuses them there (APM vol. 2, section 15.20).
    for (const vector of [1, ...Array.from({ length: 26 }, (_, n) => n + 6)]) {
      guest.reset().long('inc eax\n hlt');
      guest.processor.inject({ vector, errorCode: 0x18 });
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, vector);
      const pushed = withErrorCode.includes(vector);
      t.is(guest.register('rsp'), BigInt(at.stack - (pushed ? 48 : 40)), `vector ${vector}`);
      if (pushed) t.is(guest.get64(at.stack - 48), 0x18n);
    }
  });

  test('an injected exception is part of the state until it is delivered, and goes along', t => {
    guest.reset().long('inc eax\n hlt');
    const before = guest.state;
    t.false('event' in before.interrupts);
    guest.processor.inject({ vector: 13, errorCode: 0x18 });
    t.deepEqual(guest.run(0), { reason: 'limit' }, 'no time to deliver it');
    const { interrupts } = guest.state;
    t.deepEqual(interrupts, { ...before.interrupts, event: { vector: 13, errorCode: 0x18 } });
    t.deepEqual(guest.processor.getState('general', 'interrupts').interrupts, interrupts);
    guest.processor.setState({ interrupts: before.interrupts });
    t.deepEqual(guest.state, before, 'taken back');
    guest.processor.setState({ interrupts });
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 13);
    t.is(guest.get64(at.stack - 48), 0x18n);
    t.is(guest.register('rax'), 0n);
    t.false('event' in guest.state.interrupts);
    t.throws(() => guest.processor.setState({ interrupts: { ...wake, event: { vector: 2 } } }), { code: 'bad-call' });
  });

  test('a cancellation comes before an injected exception, which stays', t => {
    guest.reset().long('inc eax\n hlt');
    guest.processor.inject({ vector: 6 });
    guest.processor.cancel();
    t.deepEqual(guest.run(), { reason: 'cancelled' });
    t.deepEqual(guest.state.interrupts.event, { vector: 6 });
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 6);
  });

  test('INIT and power-on drop what was injected', t => {
    for (const drop of ['init', 'reset'] as const) {
      guest.reset().long('hlt');
      guest.processor.inject({ vector: 6 });
      guest.processor[drop]();
      t.false('event' in guest.state.interrupts, drop);
    }
  });

  test('what is no injectable exception is refused', t => {
    guest.reset().long('hlt');
    for (const vector of [-1, 0, 2, 3, 32, 255, 1.5])
      t.throws(() => guest.processor.inject({ vector }), { code: 'bad-call' });
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, -1);
  });

  test('an injected exception without a handler is a double fault, then a triple fault', t => {
    guest.reset().long('hlt');
    guest.put(at.idt + 13 * 16, 0, 0, 0, 0);
    guest.processor.inject({ vector: 13, errorCode: 0 });
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 8);
    guest.reset().long('ud2');
    guest.processor.setState({ segments: { ...guest.state.segments, idtr: { limit: 0, base: 0n } } });
    t.deepEqual(guest.run(), { reason: 'shutdown' });
  });

  const divide = 'fninit\n push 0x37b\n fldcw [rsp]\n fld1\n fldz\n fdivp st1, st0\n';
  const continued = 'next: fwait\n fld1\n fstp qword ptr [rsp]\n fnstsw ax\n hlt';

  test('an x87 exception is #MF with CR0.NE', t => {
    guest.reset().long(divide + continued);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 16);
  });

  test("without CR0.NE an x87 exception is nobody's: IGNNE# is asserted", t => {
    for (const [off, mode] of [
      ['mov rax, cr0\n and al, 0xdf\n mov cr0, rax\n', 'written by the guest'],
      ['', 'set from outside'],
    ] as const) {
      guest.reset().long(off + divide + continued);
      const { controls } = guest.state;
      if (off === '') guest.processor.setState({ controls: { ...controls, cr0: controls.cr0 & ~0x20n } });
      const before = guest.accelerator.time.ticks;
      t.deepEqual(guest.run(), { reason: 'halt' }, mode);
      t.is(guest.vector, -1, mode);
      t.is(guest.register('rax') & 0x80n, 0x80n, mode);
      t.is(guest.get64(at.stack - 8), 0x3ff0_0000_0000_0000n, mode);
      t.is(guest.accelerator.time.ticks - before, off ? 14 : 11, mode);
    }
    const on = 'mov rax, cr0\n and al, 0xdf\n mov cr0, rax\n';
    guest.reset().long(`${on}${divide} fwait\n or al, 0x20\n mov cr0, rax\n${continued}`);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 16, 'with NE again');
  });

  const setCounter = 'inc ebx\n wrmsr\n next: inc ebx\n inc ebx\n jmp $';
  const counter = { rcx: 0x10, rdx: 7, rax: 5, rflags: 0x202 };

  test('who waits for the time-stamp counter hears of a write, and may interrupt before the next instruction', t => {
    guest.reset().long(setCounter, counter);
    const heard: unknown[] = [];
    guest.timestampChanged = processor => {
      heard.push(processor, guest.rip, guest.register('rbx'), guest.state.msrs.tsc);
      pin.raise(0x31);
    };
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 0x31);
    t.is(guest.register('rbx'), 1n);
    t.deepEqual(heard, [0, at.code + 4, 1n, 0x7_0000_0006n]);
  });

  test('after a write to the time-stamp counter the pacer is asked anew', t => {
    guest.reset().long(setCounter, counter);
    guest.timestampChanged = () => guest.pace(1);
    t.deepEqual(guest.run(), { reason: 'limit' });
    t.is(guest.register('rbx'), 2n);
  });

  test('a time-stamp counter that is set from outside is told of too', t => {
    guest.reset().long(setCounter, counter);
    let heard = 0;
    guest.timestampChanged = () => heard++;
    const { general, msrs } = guest.state;
    guest.processor.setState({ general });
    t.is(heard, 0);
    guest.processor.setState({ msrs });
    t.is(heard, 1);
    t.is(guest.run(3).reason, 'limit');
    t.is(heard, 2);
  });

  test('single steps over instructions that leave the guest', t => {
    const instructions = [
      'nop',
      'cpuid',
      'out 0x80, al',
      'in al, 0x80',
      'mov eax, [0xd0000000]',
      'add [0xd0000000], eax',
      'rdmsr',
    ];
    for (const instruction of instructions) {
      guest.reset().long(`${instruction}\n next: nop\n nop\n nop`, { rflags: 0x102 });
      guest.msr = () => 1n;
      t.deepEqual(guest.run(), { reason: 'halt' }, instruction);
      t.is(guest.vector, 1, instruction);
      const length = guest.get64(at.stack - 40) - BigInt(at.code);
      t.true(length > 0n && length < 9n, `${instruction}: ${length}`);
      t.is(guest.state.debug.dr6 & 0x4000n, 0x4000n, instruction);
    }
  });
}
