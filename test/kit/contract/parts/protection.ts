/** Rights of pages: what `protect` takes away ends `run` before it happens, and happens once it is given back. */

import { MapAccess } from '#accelerators';
import { MachineError } from '#core';
import type { AddCase } from '../../checks/case.ts';
import type { Checks } from '../../checks/checks.ts';
import { at, type Guest } from '../guest.ts';

const { read, write, execute, readExecute, all } = MapAccess;
const exit = { onViolation: 'exit' } as const;
const page = 4096;

export function protection(test: AddCase, guest: Guest): void {
  const { machine } = guest;

  /** A test that leaves all of RAM open. */
  const opening = (title: string, body: (t: Checks) => void): void =>
    test(title, t => {
      try {
        body(t);
      } finally {
        machine.protect(0, at.hole, all);
      }
    });

  opening('protect refuses what is not mapped, not whole pages, and rights without reading', t => {
    const badCall = { instanceOf: MachineError, code: 'bad-call' };
    for (const [gpa, size, access] of [
      [at.data + 1, page, all],
      [at.data, 0, all],
      [at.data, 100, all],
      [at.hole, page, all],
      [at.hole - page, 2 * page, all],
      [-page, page, all],
      [at.data, page, write],
      [at.data, page, execute],
      [at.data, page, 8 | read],
      [Number.NaN, page, all],
    ] as const)
      t.throws(() => machine.protect(gpa, size, access, exit), badCall, `${gpa} ${size} ${access}`);
  });

  opening('a store to a page without write ends run, and nothing has happened', t => {
    guest.reset().long('mov [rdi], rax\n inc rbx\n hlt', { rdi: at.data + 0x18, rax: 0x1234 });
    machine.protect(at.data, page, readExecute, exit);
    for (let round = 0; round < 3; round++) {
      t.deepEqual(guest.run(), { reason: 'protection', gpa: at.data + 0x18, access: write });
      t.is(guest.rip, at.code);
      t.is(guest.get64(at.data + 0x18), 0n);
    }
    machine.protect(at.data, page, all);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.get64(at.data + 0x18), 0x1234n);
    t.is(guest.register('rbx'), 1n);
    t.deepEqual(guest.log, []);
  });

  opening('only the page is protected: its neighbours, and loads from it, are free', t => {
    guest.reset().long('mov [rdi - 8], rax\n mov [rdi + 0x1000], rax\n mov rbx, [rdi]\n hlt', { rdi: at.data, rax: 7 });
    guest.put(at.data, 9);
    machine.protect(at.data, page, readExecute, exit);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.deepEqual([guest.get64(at.data - 8), guest.get64(at.data + page), guest.register('rbx')], [7n, 7n, 9n]);
  });

  opening('a load from a page without rights ends run', t => {
    guest.reset().long('mov rax, [rdi]\n hlt', { rdi: at.data + 0x20 });
    guest.put(at.data + 0x20, 5);
    machine.protect(at.data, page, 0, exit);
    t.deepEqual(guest.run(), { reason: 'protection', gpa: at.data + 0x20, access: read });
    t.is(guest.register('rax'), 0n);
    machine.protect(at.data, page, read, exit);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rax'), 5n);
  });

  opening('a fetch from a page without execute ends run, with onViolation and without', t => {
    for (const options of [{}, exit]) {
      guest.reset().long('mov eax, 1\n jmp rdi', { rdi: at.data });
      guest.load(64, 'inc ebx\n hlt', at.data);
      machine.protect(at.data, page, read | write, options);
      t.deepEqual(guest.run(), { reason: 'protection', gpa: at.data, access: execute });
      t.is(guest.rip, at.data);
      t.is(guest.register('rax'), 1n);
      t.deepEqual(guest.run(), { reason: 'protection', gpa: at.data, access: execute });
      machine.protect(at.data, page, all);
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.register('rbx'), 1n);
    }
  });

  opening('code that runs already is stopped at the next instruction from its page', t => {
    guest.reset().long('again: inc ebx\n out 0x80, al\n inc ecx\n jmp again');
    t.deepEqual(guest.run(1000), { reason: 'limit' });
    let rounds = 0;
    guest.output = () => {
      if (++rounds === 3) machine.protect(at.code, page, read | write, exit);
    };
    t.like(guest.run(), { reason: 'protection', access: execute });
    t.is(rounds, 3);
    t.is(guest.register('rbx') - guest.register('rcx'), 1n);
    machine.protect(at.code, page, all);
    t.deepEqual(guest.run(1000), { reason: 'limit' });
  });

  opening('an instruction whose end lies in a page without execute is not begun', t => {
    guest.reset().long('jmp rdi', { rdi: at.data - 2 });
    guest.load(64, 'mov eax, 0x12345678\n hlt', at.data - 2);
    machine.protect(at.data, page, read | write, exit);
    t.deepEqual(guest.run(), { reason: 'protection', gpa: at.data, access: execute });
    t.is(guest.rip, at.data - 2);
    machine.protect(at.data, page, all);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rax'), 0x1234_5678n);
  });

  opening('without onViolation reads and writes go to the board', t => {
    guest.reset().long('mov [rdi], eax\n add dword ptr [rdi], 2\n mov ebx, [rdi]\n hlt', { rdi: at.data, rax: 7 });
    guest.put(at.data, 3);
    machine.protect(at.data, page, readExecute);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rbx'), 3n);
    t.deepEqual(guest.log, [
      ['write', at.data, 4, 7n],
      ['write', at.data, 4, 5n],
    ]);
    guest.reset().long('mov ebx, [rdi]\n mov [rdi + 4], ebx\n hlt', { rdi: at.data });
    guest.memory = () => 0x77n;
    machine.protect(at.data, page, 0);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rbx'), 0x77n);
    t.deepEqual(guest.log, [
      ['read', at.data, 4, 0x77n],
      ['write', at.data + 4, 4, 0x77n],
    ]);
  });

  opening('a store across two pages of which one is protected changes neither', t => {
    for (const [protectedPage, where] of [
      [at.data, at.data],
      [at.data - page, at.data - 4],
    ] as const) {
      guest.reset().long('mov [rdi], rax\n hlt', { rdi: at.data - 4, rax: 0x1111_1111_2222_2222n });
      machine.protect(protectedPage, page, readExecute, exit);
      t.deepEqual(guest.run(), { reason: 'protection', gpa: where, access: write });
      t.is(guest.get64(at.data - 4), 0n);
      machine.protect(protectedPage, page, all);
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.get64(at.data - 4), 0x1111_1111_2222_2222n);
    }
  });

  opening('a REP stops at the protected page and goes on once it is open', t => {
    guest.reset().long('rep stosq\n hlt', { rdi: at.data, rcx: 1024, rax: 0x55 });
    machine.protect(at.data + page, page, readExecute, exit);
    t.deepEqual(guest.run(), { reason: 'protection', gpa: at.data + page, access: write });
    t.deepEqual([guest.register('rcx'), guest.register('rdi')], [512n, BigInt(at.data + page)]);
    machine.protect(at.data + page, page, all);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.get64(at.data + 2 * page - 8), 0x55n);
  });

  opening('an instruction between a device and a protected page ends run before the device is written', t => {
    // The stack is protected, the operand a device's.
    guest.reset().long('push qword ptr [rdi]\n hlt', { rdi: at.device });
    guest.memory = () => 0x42n;
    machine.protect(at.stack - page, page, readExecute, exit);
    t.deepEqual(guest.run(), { reason: 'protection', gpa: at.stack - 8, access: write });
    t.is(guest.register('rsp'), BigInt(at.stack));
    machine.protect(at.stack - page, page, all);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.get64(at.stack - 8), 0x42n);

    guest.reset().long('movsq\n hlt', { rdi: at.device, rsi: at.data });
    machine.protect(at.data, page, 0, exit);
    t.deepEqual(guest.run(), { reason: 'protection', gpa: at.data, access: read });
    t.deepEqual(guest.log, []);
    machine.protect(at.data, page, all);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.log.length, 1);
  });

  opening('INS and OUTS meet protected pages before the port', t => {
    guest.reset().long('rep insb\n hlt', { rdi: at.data, rcx: 4, rdx: 0x300 });
    guest.input = () => 0x5a;
    machine.protect(at.data, page, readExecute, exit);
    t.deepEqual(guest.run(), { reason: 'protection', gpa: at.data, access: write });
    t.deepEqual(guest.log, []);
    machine.protect(at.data, page, all);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.get32(at.data), 0x5a5a_5a5a);

    guest.reset().long('outsb\n hlt', { rsi: at.data, rdx: 0x300 });
    machine.protect(at.data, page, 0, exit);
    t.deepEqual(guest.run(), { reason: 'protection', gpa: at.data, access: read });
    t.deepEqual(guest.log, []);
    machine.protect(at.data, page, all);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.log.length, 1);
  });

  opening('an interrupt whose stack, gate or code is protected is delivered once that is open', t => {
    for (const [where, rights, access] of [
      [at.stack - page, readExecute, write],
      [at.idt, 0, read],
      [at.gdt, 0, read],
    ] as const) {
      guest.reset().long('inc ebx\n again: jmp again', { rflags: 0x202 });
      machine.protect(where, page, rights, exit);
      guest.pin.raise(0x40);
      const met = guest.run();
      t.like(met, { reason: 'protection', access });
      t.is(met.reason === 'protection' && met.gpa >> 12, where >> 12);
      t.is(guest.run().reason, 'protection', 'again');
      machine.protect(where, page, all);
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, 0x40);
      t.deepEqual(guest.pin.taken, [0x40]);
    }
  });

  opening('an exception whose stack is protected is delivered once that is open', t => {
    guest.reset().long('inc ebx\n ud2');
    machine.protect(at.stack - page, page, readExecute, exit);
    for (let round = 0; round < 2; round++) t.like(guest.run(), { reason: 'protection', access: write });
    machine.protect(at.stack - page, page, all);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 6);
    t.is(guest.register('rbx'), 1n);
    t.is(guest.get64(at.stack - 40), BigInt(at.code + 2), 'the address that it saves');
  });

  opening('a page of page tables without rights ends run where it is walked', t => {
    guest.reset().long('mov rax, [rdi]\n mov [rdi + 8], rax\n hlt', { rdi: at.data });
    guest.put(at.data, 0x77);
    machine.protect(at.tables + 0x6000, page, 0, exit);
    const met = guest.run();
    t.is(met.reason, 'protection');
    // With nested paging a walk counts as a write.
    t.true(met.reason === 'protection' && met.access !== execute && met.gpa >> 12 === (at.tables + 0x6000) >> 12);
    machine.protect(at.tables + 0x6000, page, all);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.get64(at.data + 8), 0x77n);
  });

  opening('every page on its own, in any order, and all of them again', t => {
    const first = at.data;
    const pages = 96;
    guest.reset().long('mov [rdi], rax\n hlt', { rax: 1 });
    for (let n = 0; n < pages; n += 2) machine.protect(first + ((n * 37) % pages) * page, page, readExecute, exit);
    for (let n = 0; n < 32; n++) {
      guest.set({ rip: at.code, rdi: first + n * page });
      guest.processor.setState({ interrupts: { shadow: false, nmiBlocked: false, halted: false } });
      t.is(guest.run().reason, n % 2 ? 'halt' : 'protection', `${n}`);
    }
    machine.protect(0, at.hole, all);
    for (let n = 0; n < 32; n++) {
      guest.set({ rip: at.code, rdi: first + n * page });
      guest.processor.setState({ interrupts: { shadow: false, nmiBlocked: false, halted: false } });
      t.is(guest.run().reason, 'halt', `${n}`);
    }
  });

  opening('rights end with the mapping', t => {
    const block = machine.allocate(2 * page);
    guest.reset().long('mov [rdi], eax\n hlt', { rdi: 0x40_0000 });
    machine.map(0x40_0000, block, 0, 2 * page, all);
    machine.protect(0x40_0000, page, readExecute, exit);
    t.is(guest.run().reason, 'protection');
    machine.unmap(0x40_0000, 2 * page);
    machine.map(0x40_0000, block, 0, 2 * page, all);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.deepEqual(guest.log, []);
    machine.unmap(0x40_0000, 2 * page);
  });

  opening("what a mapping's own rights do not grant stays the board's, but for code", t => {
    const block = machine.allocate(page);
    machine.map(0x40_0000, block, 0, page, read | write);
    guest.reset().long('mov dword ptr [rdi], 0xf4\n jmp rdi', { rdi: 0x40_0000 });
    t.deepEqual(guest.run(), { reason: 'protection', gpa: 0x40_0000, access: execute });
    machine.protect(0x40_0000, page, all);
    t.deepEqual(guest.run(), { reason: 'halt' });
    machine.unmap(0x40_0000, page);
  });

  opening('DMA is not restricted', t => {
    guest.reset().long('mov eax, [rdi]\n hlt', { rdi: at.data });
    machine.protect(at.data, page, read, exit);
    guest.put(at.data, 0x99);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rax'), 0x99n);
  });
}
