/** Running: limits to the instruction, cancellation, time. */

import { assemble } from '#core';
import type { AddCase } from '../../checks/case.ts';
import { at, type Guest } from '../guest.ts';

export function control(test: AddCase, guest: Guest): void {
  const { accelerator } = guest;
  const ticks = (): number => accelerator.time.ticks;

  test('runs exactly as many instructions as the pacer allows', t => {
    guest.reset().long(`${'nop\n'.repeat(300)} jmp $`);
    let rip: number = at.code;
    for (const count of [1, 1, 2, 7, 64, 100]) {
      const before = ticks();
      t.deepEqual(guest.run(count), { reason: 'limit' });
      t.is(ticks() - before, count);
      t.is(guest.rip, (rip += count));
    }
    t.deepEqual(guest.run(0), { reason: 'limit' });
    t.is(guest.rip, rip);
  });

  test('instructions that exit count as one, wherever the limit falls', t => {
    // Twelve instructions a round, most of which leave the guest.
    const source = `again: cpuid
      mov ecx, 0x1234
      out 0x80, al
      in eax, 0x80
      rdmsr
      wrmsr
      mov eax, [0xd0000000]
      lock inc dword ptr [0xd0000000]
      mov ss, esi
      sti
      cli
      jmp again`;
    const whole = () => {
      guest.reset().long(source, { rsi: 0x10 });
      guest.msr = () => 5n;
      guest.memory = () => 7n;
    };
    whole();
    const rips: number[] = [];
    for (let n = 0; n < 12; n++) {
      const before = ticks();
      rips.push(guest.rip);
      t.deepEqual(guest.run(1), { reason: 'limit' });
      t.is(ticks() - before, 1, `${n}`);
    }
    t.is(new Set(rips).size, 12);
    t.is(guest.rip, at.code);
    for (let count = 1; count < 30; count++) {
      whole();
      t.deepEqual(guest.run(count), { reason: 'limit' });
      t.is(guest.rip, rips[count % 12], `${count}`);
    }
  });

  test('a single-step trap belongs to its instruction, wherever the limit falls', t => {
    for (const [source, registers = {}] of [
      ['nop'],
      ['hlt'],
      ['cpuid'],
      ['invd'],
      ['in al, 0x80'],
      ['out 0x80, al'],
      ['outsb'],
      ['ins byte ptr es:[rdi], dx'],
      ['rdmsr'],
      ['wrmsr'],
      ['mov eax, [0xd0000000]'],
      ['lock inc dword ptr [0xd0000000]'],
      ['mov cr8, rdx'],
      ['mov cr4, rbx', { rbx: 0x630 }],
    ] as const) {
      guest.reset().long(`${source}\n hlt`, { rflags: 0x102, rdx: 3, rsi: at.data, rdi: at.data, ...registers });
      guest.msr = () => 5n;
      const length = assemble(64, source).bytes.length;
      const before = ticks();
      t.deepEqual(guest.run(1), { reason: 'limit' }, source);
      t.is(ticks() - before, 1, source);
      t.is(guest.rip, at.handlers + 16, source);
      t.is(guest.get64(at.stack - 40), BigInt(at.code + length), source);
      t.is(guest.state.debug.dr6, 0xffff_4ff0n, source);
      t.is(guest.get64(at.stack - 24) & ~0x8d4n, 0x102n, 'no RF of a trap');
    }
  });

  test('a single step traps each iteration of a repeated instruction', t => {
    guest.reset().long('mov [rdi], al\n rep stosb\n jmp $', { rflags: 0x102, rdi: at.data, rcx: 5 });
    guest.load(64, 'inc ebx\n cmp ebx, 4\n je $ + 4\n iretq\n hlt', at.handlers + 16);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rcx'), 2n);
    t.is(guest.get64(at.stack - 40), BigInt(at.code + 2));
  });

  test('MOV SS holds back the step and a breakpoint on what follows; a breakpoint for writing lets reads pass', t => {
    guest.reset().long('mov ss, ecx\n inc ebx\n inc ebx\n hlt', { rflags: 0x102, rcx: 0x10 });
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 1);
    t.is(guest.register('rbx'), 1n);
    t.is(guest.get64(at.stack - 40), BigInt(at.code + 4));

    guest.reset().long('mov ss, ecx\n inc ebx\n inc ebx\n hlt', { rcx: 0x10 });
    const { debug } = guest.state;
    guest.processor.setState({ debug: { ...debug, dr0: BigInt(at.code + 2), dr1: BigInt(at.code + 4), dr7: 0x405n } });
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 1);
    t.is(guest.register('rbx'), 1n, 'the second met');
    t.is(guest.state.debug.dr6, 0xffff_0ff2n);

    guest.reset().long('mov eax, [0x20000]\n inc ebx\n mov [0x20000], eax\n inc ebx\n hlt');
    guest.processor.setState({ debug: { ...debug, dr0: BigInt(at.data), dr7: 0xd_0401n } });
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 1);
    t.is(guest.register('rbx'), 1n);
    t.is(guest.state.debug.dr6, 0xffff_0ff1n);
  });

  test("a trap's delivery that is the first to touch its pages ends with the slice", t => {
    const fresh = guest.another({}).long('nop\n hlt', { rflags: 0x102 });
    fresh.load(64, 'inc esi\n inc esi\n hlt', at.handlers + 16);
    t.deepEqual(fresh.run(1), { reason: 'limit' });
    t.is(fresh.rip, at.handlers + 16);
    t.is(fresh.accelerator.time.ticks, 1);
  });

  test("a device's MOV SS holds the single step back, and a moved state keeps it", t => {
    guest.reset().long('mov ss, [0xd0000000]\n inc ebx\n inc ebx\n hlt', { rflags: 0x102 });
    guest.memory = () => 0x10n;
    t.deepEqual(guest.run(1), { reason: 'limit' });
    t.is(guest.rip, at.code + 8);
    const { state } = guest;
    t.true(state.interrupts.shadow);
    for (const moved of [false, true]) {
      if (moved) guest.processor.setState(state);
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, 1);
      t.is(guest.register('rbx'), 1n);
    }
  });

  test("a step that MOV SS holds back is not another life's", t => {
    const idle = guest.reset().long('inc ebx\n inc ebx\n hlt').state;
    guest.set({ rflags: 0x102 });
    guest.load(64, 'mov ss, [0x20000]\n inc ebx\n hlt');
    guest.put(at.data, 0x10);
    // The step, and a data breakpoint that has been met.
    guest.processor.setState({ debug: { ...idle.debug, dr0: BigInt(at.data), dr7: 0x7_0401n } });
    t.deepEqual(guest.run(1), { reason: 'limit' });
    guest.load(64, 'inc ebx\n inc ebx\n hlt');
    guest.processor.setState(idle);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rbx'), 2n);
    t.is(guest.vector, -1);
  });

  test('breakpoints around an instruction that a device completes are no obstacle', t => {
    guest.reset().long('mov esi, 0xd0000000\n movsb\n movsb\n inc ebx\n hlt', { rdi: at.data });
    guest.memory = () => 0x77n;
    const { debug } = guest.state;
    guest.processor.setState({
      debug: { ...debug, dr0: BigInt(at.code + 0x100), dr1: BigInt(at.data), dr7: 0x10_0405n },
    });
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, -1);
    t.is(guest.get32(at.data), 0x7777);
    t.is(guest.register('rbx'), 1n);
  });

  test('RF ends with the instruction, wherever that is executed', t => {
    for (const source of ['nop', 'out 0x80, al', 'cpuid', 'rdmsr', 'mov [0xd0000000], eax', 'invd']) {
      guest.reset().long(`${source}\n hlt`, { rflags: 0x1_0002 });
      guest.msr = () => 5n;
      const { debug } = guest.state;
      guest.processor.setState({ debug: { ...debug, dr0: BigInt(at.code), dr7: 0x401n } });
      t.deepEqual(guest.run(1), { reason: 'limit' });
      t.is(guest.state.general.rflags, 2n, source);
      guest.set({ rip: at.code });
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, 1, source);
    }
  });

  test('a repeated string instruction is one, and may be left in between', t => {
    guest.reset().long('rep stosb\n inc ebx\n hlt', { rdi: at.data, rcx: 0x3000, rax: 0x5a });
    const before = ticks();
    t.is(guest.run(1).reason, 'limit');
    t.is(ticks() - before, 1);
    t.is(guest.register('rcx'), 0n);
    t.is(guest.rip, at.code + 2);
    guest.reset().long('rep outsb\n hlt', { rsi: at.data, rcx: 100, rdx: 0x55 });
    const start = ticks();
    t.is(guest.run().reason, 'halt');
    t.is(ticks() - start, 2);
    t.is(guest.log.length, 100);
  });

  test('a cancellation ends the next run', t => {
    guest.reset().long('jmp $');
    guest.processor.cancel();
    const before = ticks();
    t.deepEqual(guest.run(), { reason: 'cancelled' });
    t.is(ticks(), before);
    t.deepEqual(guest.run(10), { reason: 'limit' });
  });

  test('a cancellation from a handler ends the run after the instruction', t => {
    guest.reset().long('out 0x80, al\n mov [0xd0000000], al\n inc eax\n jmp $');
    guest.output = () => guest.processor.cancel();
    t.deepEqual(guest.run(), { reason: 'cancelled' });
    t.is(guest.rip, at.code + 2);
    t.is(guest.log.length, 1);
    t.deepEqual(guest.run(3), { reason: 'limit' });
    t.is(guest.register('rax'), 1n);
  });

  test("the time-stamp counter is the computer's time", t => {
    const source =
      'rdtsc\n shl rdx, 32\n or rax, rdx\n mov rbx, rax\n cpuid\n rdtsc\n shl rdx, 32\n or rax, rdx\n out 0x80, al\n hlt';
    guest.reset().long(source);
    guest.processor.setState({ msrs: { ...guest.state.msrs, tsc: 0x1_ffff_fff0n } });
    const before = ticks();
    t.is(guest.run(4).reason, 'limit');
    t.is(guest.register('rbx'), 0x1_ffff_fff0n, 'as it was set');
    t.is(guest.state.msrs.tsc, 0x1_ffff_fff4n);
    accelerator.time.skip(1000);
    t.is(guest.state.msrs.tsc, 0x1_ffff_fff4n + 1000n);
    t.is(guest.run().reason, 'halt');
    t.is(ticks() - before, 1010);
    t.is(guest.register('rax'), 0x1_ffff_fff0n + 1005n);
  });

  test('INVD and WBINVD have nothing to lose', t => {
    guest.reset().long('invd\n wbinvd\n inc eax\n hlt');
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rax'), 1n);
  });
}
