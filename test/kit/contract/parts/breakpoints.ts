/** Breakpoints that the guest does not know of. */

import type { Breakpoint } from '#accelerators';
import type { AddCase } from '../../checks/case.ts';
import { at, type Guest } from '../guest.ts';

const code = (address: number | bigint): Breakpoint => ({ kind: 'code', address: BigInt(address), length: 1 });
const data = (kind: 'write' | 'access', address: number, length: 1 | 2 | 4 | 8): Breakpoint => ({
  kind,
  address: BigInt(address),
  length,
});

export function breakpoints(test: AddCase, guest: Guest): void {
  /** As new, with these breakpoints. */
  const fresh = (...list: readonly Breakpoint[]): Guest => {
    guest.machine.setBreakpoints([]);
    guest.reset();
    guest.machine.setBreakpoints(list);
    return guest;
  };
  /** What `run` meets, and where it stands then, until it ends otherwise. */
  const met = (): { readonly stops: [number, number][]; readonly end: string } => {
    const stops: [number, number][] = [];
    for (let n = 0; n < 50; n++) {
      const exit = guest.run();
      if (exit.reason !== 'breakpoint') return { stops, end: exit.reason };
      stops.push([Number(exit.breakpoint.address), guest.rip]);
    }
    return { stops, end: 'breakpoint' };
  };

  test('a breakpoint on code comes before its instruction, each time, in every mode', t => {
    fresh(code(at.code + 7)).long('mov ecx, 3\n nop\n nop\nagain: inc eax\n dec ecx\n jnz again\n hlt');
    t.is(guest.run().reason, 'breakpoint');
    t.is(guest.register('rax'), 0n);
    t.is(guest.rip, at.code + 7);
    t.is(guest.run().reason, 'breakpoint');
    t.is(guest.register('rax'), 1n);
    t.deepEqual(met(), { stops: [[at.code + 7, at.code + 7]], end: 'halt' });
    t.is(guest.register('rax'), 3n);
    t.is(guest.state.debug.dr6 & 0xe00fn, 0n);
    t.is(guest.state.debug.dr7, 0x400n);
    t.is(guest.state.general.rflags & 0x1_0000n, 0n);

    fresh(code(at.code + 5)).protected('mov eax, 1\n inc eax\n hlt');
    t.deepEqual(met(), { stops: [[at.code + 5, at.code + 5]], end: 'halt' });
    fresh(code(at.code + 3)).real('mov ax, 1\n inc ax\n hlt');
    t.deepEqual(met(), { stops: [[at.code + 3, 3]], end: 'halt' });
    guest.machine.setBreakpoints([]);
  });

  test('what was reported or stepped to is executed once, also where breakpoints are set anew', t => {
    const list = [code(at.code), code(at.code + 1), code(at.code + 2)];
    fresh(...list).long('nop\n nop\n nop\n nop\n hlt');
    t.is(guest.run().reason, 'breakpoint');
    t.is(guest.rip, at.code);
    guest.machine.setBreakpoints(list);
    guest.set({ rax: 1 });
    t.is(guest.run().reason, 'breakpoint');
    t.is(guest.rip, at.code + 1);
    t.is(guest.processor.step().reason, 'step');
    t.is(guest.rip, at.code + 2);
    guest.machine.setBreakpoints(list);
    t.is(guest.run().reason, 'halt');
    guest.set({ rip: at.code + 1 });
    guest.processor.setState({ interrupts: { shadow: false, nmiBlocked: false, halted: false } });
    t.is(guest.run().reason, 'breakpoint', 'moved there');
    guest.machine.setBreakpoints([]);
  });

  test('breakpoints on data of each length come after the instruction that touches them', t => {
    const where = at.data + 0x48;
    for (const length of [1, 2, 4, 8] as const) {
      for (const kind of ['write', 'access'] as const) {
        fresh(data(kind, where, length)).long(
          `mov [rbx-1], al\n mov eax, [rbx-4]\n mov al, [rbx+${length - 1}]\na: mov [rbx+${length - 1}], al\nb: mov [rbx+${length}], al\n mov [rbx-7], rax\nc: inc dword ptr [rbx]\nd: push rax\n hlt`,
          { rbx: where },
        );
        const { stops, end } = met();
        t.is(end, 'halt');
        t.is(stops.length, kind === 'access' ? 4 : 3, `${kind}, ${length}`);
        t.is(guest.state.debug.dr6 & 0xe00fn, 0n);
      }
    }
    guest.machine.setBreakpoints([]);
  });

  test('a data breakpoint finds the instruction done, and REP at the iteration that met it', t => {
    const where = at.data + 0x108;
    fresh(data('write', where, 4)).long(
      'mov dword ptr [rbx], 7\n nop\n mov rdi, rbx\n sub rdi, 8\n mov ecx, 5\n rep stosd\n hlt',
      {
        rbx: where,
      },
    );
    t.is(guest.run().reason, 'breakpoint');
    t.is(guest.rip, at.code + 6);
    t.is(guest.get32(where), 7);
    t.is(guest.run().reason, 'breakpoint');
    t.is(guest.register('rcx'), 2n);
    t.is(guest.register('rdi'), BigInt(where + 4));
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rcx'), 0n);
    guest.machine.setBreakpoints([]);
  });

  test("the guest's own debug registers are as it wrote them", t => {
    fresh(code(at.code + 2), data('access', at.data + 8, 8)).long(
      `nop\n nop\n nop
      lea rax, [rel there]\n mov dr0, rax\n mov rax, 0x123456789a\n mov dr3, rax
      mov eax, 0x402\n mov dr7, rax\n xor eax, eax\n mov dr6, rax
      mov r8, dr0\n mov r9, dr3\n mov r10, dr6\n mov r11, dr7\n mov r12, dr4\n mov rsp, dr5\n mov rbx, rsp
      mov rsp, ${at.stack}
      there: nop\n hlt`,
    );
    t.deepEqual(met(), { stops: [[at.code + 2, at.code + 2]], end: 'halt' });
    const there = guest.register('r8');
    t.is(guest.register('r9'), 0x12_3456_789an);
    t.is(guest.register('r10'), 0xffff_0ff0n);
    t.is(guest.register('r11'), 0x402n);
    t.is(guest.register('r12'), 0xffff_0ff0n);
    t.is(guest.register('rbx'), 0x402n);
    const { debug } = guest.state;
    t.is(debug.dr0, there);
    t.is(debug.dr3, 0x12_3456_789an);
    t.is(debug.dr7, 0x402n);
    guest.machine.setBreakpoints([]);
    t.deepEqual(guest.state.debug, debug);
    // Its own breakpoint counts again.
    guest.load(64, 'hlt', at.handlers + 16);
    guest.set({ rip: there });
    guest.processor.setState({ interrupts: { shadow: false, nmiBlocked: false, halted: false } });
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 1);
    t.is(guest.state.debug.dr6 & 0xe00fn, 1n);
  });

  test("debug exceptions of the guest's own are not ours", t => {
    // Single step, INT1, general detect.
    fresh(code(at.code + 0x800)).long(
      `pushfq\n or qword ptr [rsp], 0x100\n popfq\n nop\n pushfq\n and qword ptr [rsp], ~0x100\n popfq
      .byte 0xf1
      mov eax, 0x2400\n mov dr7, rax\n mov rdx, dr0\n hlt`,
      { rbp: at.data },
    );
    guest.load(
      64,
      'push rax\n mov rax, [rsp+8]\n mov [rbp], rax\n mov rax, dr6\n mov [rbp+8], rax\n xor eax, eax\n mov dr6, rax\n add rbp, 16\n pop rax\n iretq',
      at.handlers + 0x800,
    );
    guest.gate(1, at.handlers + 0x800);
    t.is(guest.run(1000).reason, 'halt');
    const seen = guest.bytes.slice(at.data, at.data + 0x80);
    const state = guest.state;
    guest.machine.setBreakpoints([]);
    t.is(guest.get64(at.data + 8) & 0xe00fn, 0x4000n);
    t.is(guest.get64(at.data + 0x38) & 0xe00fn, 0x4000n);
    t.is(guest.get64(at.data + 0x48) & 0xe00fn, 0n, 'INT1');
    t.is(guest.get64(at.data + 0x58) & 0xe00fn, 0x2000n, 'general detect');
    t.is(state.debug.dr7, 0x400n);
    t.is(seen.length, 0x80);
  });

  test("a data breakpoint and the guest's single step at once: both", t => {
    fresh(data('write', at.data, 8)).long('pushfq\n or qword ptr [rsp], 0x100\n popfq\n mov [rbx], rax\n nop', {
      rbx: at.data,
    });
    t.is(guest.run().reason, 'breakpoint');
    t.is(guest.rip, at.handlers + 16, 'the trap is delivered already');
    t.is(guest.get64(Number(guest.register('rsp'))), BigInt(at.code + 13));
    t.is(guest.state.debug.dr6 & 0xe00fn, 0x4000n);
    guest.machine.setBreakpoints([]);
  });

  test('breakpoints in handlers: of an interrupt, and of a fault of the instruction stepped', t => {
    fresh(code(at.handlers + 16 * 0x41), code(at.handlers + 16 * 6)).long('sti\n nop\n nop\n ud2');
    guest.load(64, 'iretq', at.handlers + 16 * 0x41);
    guest.pin.raise(0x41);
    t.is(guest.run().reason, 'breakpoint');
    t.is(guest.rip, at.handlers + 16 * 0x41);
    t.is(guest.processor.step().reason, 'step');
    t.is(guest.processor.step().reason, 'step');
    t.is(guest.rip, at.code + 3);
    t.is(guest.processor.step().reason, 'breakpoint');
    t.is(guest.rip, at.handlers + 16 * 6);
    t.is(guest.run().reason, 'halt');
    guest.machine.setBreakpoints([]);
  });

  test("a breakpoint stays where code is written, and where it is a device's operand", t => {
    fresh(code(at.code + 7)).long('mov byte ptr [rel next], 0x90\nnext: hlt\n mov eax, [rbx]\n hlt', {
      rbx: at.device,
    });
    t.deepEqual(met(), { stops: [[at.code + 7, at.code + 7]], end: 'halt' });
    t.is(guest.log.length, 1);
    t.is(guest.bytes[at.code + 7], 0x90);
    guest.machine.setBreakpoints([]);
  });

  test('events that push onto a watched stack are delivered, and IRET, which reads it, is told of', t => {
    for (const nmi of [false, true]) {
      fresh(data('access', at.stack - 40, 8)).long('sti\n nop\n nop\n nop\n cli\n hlt');
      guest.load(64, 'inc ebx\n iretq', at.handlers + 16 * 2);
      guest.load(64, 'inc ebx\n iretq', at.handlers + 16 * 0x41);
      for (let n = 0; n < 2; n++) {
        if (nmi) guest.pin.raiseNmi();
        else guest.pin.raise(0x41);
      }
      const { stops, end } = met();
      t.is(end, 'halt');
      t.is(guest.register('rbx'), 2n);
      t.true(stops.length >= 2, JSON.stringify(stops));
      t.is(guest.state.debug.dr6 & 0xe00fn, 0n);
      t.is(guest.register('rsp'), BigInt(at.stack));
    }
    guest.machine.setBreakpoints([]);
  });

  test('so are they where it is the guest that watches its stack', t => {
    fresh().long('mov rax, rsp\n sub rax, 40\n mov dr0, rax\n mov eax, 0xb0402\n mov dr7, rax\n sti\n nop\n nop\n hlt');
    guest.load(64, 'nop\n hlt', at.handlers + 16 * 0x41);
    guest.pin.raise(0x41);
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 1);
    t.is(
      guest.get64(Number(guest.register('rsp'))),
      BigInt(at.handlers + 16 * 0x41),
      'before the first instruction of the handler',
    );
    t.is(guest.state.debug.dr6 & 0xe00fn, 1n);
  });

  test('all processors have them', t => {
    const pair = guest.another({ processors: 2 });
    pair.long('nop\n nop\n inc eax\n hlt');
    pair.machine.processors[1].setState(pair.state);
    pair.machine.setBreakpoints([code(at.code + 2)]);
    pair.pace(1000);
    for (const processor of pair.machine.processors) t.is(processor.run().reason, 'breakpoint');
    for (const processor of pair.machine.processors) t.is(processor.run().reason, 'halt');
    for (const processor of pair.machine.processors)
      t.deepEqual(processor.getState('general').general.registers[0], 1n);
  });

  test('what is no breakpoint is refused by name', t => {
    const refused = (list: readonly object[]): void => {
      const error = t.throws(() => guest.machine.setBreakpoints(list as Breakpoint[]));
      t.is((error as Error & { code: string }).code, 'bad-call');
    };
    refused([{ kind: 'port', address: 0n, length: 1 }]);
    refused([{ kind: 'code', address: -1n, length: 1 }]);
    refused([{ kind: 'code', address: 0n, length: 4 }]);
    refused([{ kind: 'write', address: 2n, length: 4 }]);
    refused([{ kind: 'write', address: 0n, length: 3 }]);
    const { dataBreakpoints } = guest.accelerator.features;
    if (!Number.isFinite(dataBreakpoints)) return;
    refused(Array.from({ length: dataBreakpoints + 1 }, (_, n) => data('write', at.data + 8 * n, 8)));
  });
}
