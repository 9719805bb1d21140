/** Dirty pages: those that the guest and DMA have written since tracking began, no fewer and, apart from page tables, no more. */

import { MapAccess } from '#accelerators';
import { MachineError } from '#core';
import type { AddCase } from '../../checks/case.ts';
import type { Checks } from '../../checks/checks.ts';
import { at, type Guest } from '../guest.ts';
import { random } from '../random.ts';

const page = 4096;
/** Where the cases write; no page tables lie there. */
const first = 0x5_0000;
const size = 0x2_0000;

export function dirtyPages(test: AddCase, guest: Guest): void {
  const { machine } = guest;

  /** A test that leaves nothing tracked. */
  const tracking = (title: string, body: (t: Checks) => void): void =>
    test(title, t => {
      try {
        body(t);
      } finally {
        machine.trackDirty(0, at.hole, false);
        machine.protect(0, at.hole, MapAccess.all);
      }
    });
  const begin = (source: string, registers: Readonly<Record<string, bigint | number>>): void => {
    guest.reset().long(source, registers);
    machine.trackDirty(first, size, true);
  };
  const dirty = (clear = false): number[] => [...machine.dirtyPages(first, size, { clear })].map(n => n - first / page);
  const rerun = (registers: Readonly<Record<string, bigint | number>>): void => {
    guest.set({ rip: at.code, ...registers });
    guest.processor.setState({ interrupts: { shadow: false, nmiBlocked: false, halted: false } });
    guest.run();
  };

  tracking('tracking refuses what is no range of pages, or nothing that is mapped', t => {
    const badCall = { instanceOf: MachineError, code: 'bad-call' };
    for (const [gpa, length] of [
      [1, page],
      [0, 100],
      [-page, page],
      [at.hole, page],
      [first, 0],
    ] as const) {
      t.throws(() => machine.trackDirty(gpa, length, true), badCall);
      t.throws(() => machine.dirtyPages(gpa, length), badCall);
    }
    t.deepEqual([...machine.dirtyPages(0, at.hole)], [], 'nothing is tracked');
  });

  tracking('stores of every kind are noted, loads and fetches are not', t => {
    begin(
      `mov [rdi], al
       mov [rdi + 0x1ffe], rax
       lock inc dword ptr [rdi + 0x4000]
       xchg [rdi + 0x5008], rcx
       movdqu [rdi + 0x6010], xmm0
       fxsave [rdi + 0x7000]
       fnstcw [rdi + 0x8000]
       lea rsp, [rdi + 0xa000]
       push rax
       mov rbx, [rdi + 0xb000]
       lea rdx, [rdi + 0xc000]
       call rdx
       lea rdi, [rdi + 0xe800]
       mov ecx, 0x200
       rep stosq
       hlt`,
      { rdi: first },
    );
    // RET: it is fetched, and pushed to by the CALL on page 9.
    guest.load(64, 'ret', first + 0xc000);
    t.deepEqual(dirty(true), [0xc], 'the loader');
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.deepEqual(dirty(), [0, 1, 2, 4, 5, 6, 7, 8, 9, 0xe, 0xf]);
    t.deepEqual(dirty(), [0, 1, 2, 4, 5, 6, 7, 8, 9, 0xe, 0xf], 'asked again');
  });

  tracking('a page that was cleared is noted again, however hot its store is', t => {
    begin('again: mov [rdi], ecx\n loop again\n hlt', { rdi: first, rcx: 1000 });
    t.deepEqual(guest.run(), { reason: 'halt' });
    for (let round = 0; round < 5; round++) {
      t.deepEqual(dirty(true), [0]);
      t.deepEqual(dirty(), []);
      rerun({ rdi: first, rcx: 1000 });
    }
    t.deepEqual(dirty(true), [0]);
    rerun({ rdi: first + 3 * page, rcx: 5 });
    t.deepEqual(dirty(), [3]);
  });

  tracking('a page is cleared in the midst of a run', t => {
    begin('again: mov [rdi], ecx\n out 0x80, al\n mov [rdi + 0x1000], ecx\n loop again\n hlt', { rdi: first, rcx: 4 });
    const seen: number[][] = [];
    guest.output = () => seen.push(dirty(true));
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.deepEqual(seen, [[0], [0, 1], [0, 1], [0, 1]]);
    t.deepEqual(dirty(), [1]);
  });

  tracking('only the pages asked for are cleared, and only tracked ones are given', t => {
    begin('mov [rdi], eax\n mov [rdi + 0x1000], eax\n mov [rdi - 0x1000], eax\n hlt', { rdi: first });
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.deepEqual([...machine.dirtyPages(first, page, { clear: true })], [first / page]);
    t.deepEqual(dirty(), [1]);
    t.deepEqual([...machine.dirtyPages(first - page, 2 * page)], []);
    // Tracked again, it keeps what is noted; no longer tracked, it forgets.
    machine.trackDirty(first - page, size, true);
    t.deepEqual([...machine.dirtyPages(0, at.hole)], [first / page + 1]);
    machine.trackDirty(first + page, page, false);
    t.deepEqual([...machine.dirtyPages(0, at.hole)], []);
    machine.trackDirty(first + page, page, true);
    t.deepEqual(dirty(), [], 'clean from the beginning');
    rerun({ rdi: first });
    t.deepEqual(
      [...machine.dirtyPages(0, at.hole)],
      [-1, 0, 1].map(n => first / page + n),
    );
  });

  tracking('DMA counts, in part of a page and over many', t => {
    begin('hlt', {});
    guest.block.written(first + 0x10, 4);
    guest.block.written(first + 3 * page - 1, page + 2);
    t.deepEqual(dirty(true), [0, 2, 3, 4]);
    guest.block.written(first + page, 0);
    t.deepEqual(dirty(), []);
    guest.put(first + 5 * page, 1);
    t.deepEqual(dirty(), [5]);
  });

  tracking(
    'what is emulated for the guest counts: strings of ports, stores beside a device, descriptors, interrupts',
    t => {
      begin(
        `rep insb
       mov rsi, r8
       mov rdi, r9
       movsq
       push qword ptr [r8]
       hlt`,
        { rdi: first + 0xffe, rcx: 4, rdx: 0x300, r8: at.device, r9: first + 3 * page, rsp: first + 5 * page },
      );
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.deepEqual(dirty(), [0, 1, 3, 4]);

      begin('int3', { rsp: first + 7 * page, rflags: 0x202 });
      dirty(true);
      guest.pin.raise(0x41);
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.deepEqual(dirty(), [6]);
    },
  );

  tracking('code that writes over itself', t => {
    begin('jmp rdi', { rdi: first });
    guest.load(64, 'mov byte ptr [rdi + 0x10], 0xf4\n jmp there\n align 16\n there: nop\n nop\n hlt', first);
    dirty(true);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.rip, first + 0x11);
    t.deepEqual(dirty(), [0]);
  });

  tracking('page tables: accessed and dirty bits are writes', t => {
    guest.reset().long('mov eax, [rdi]\n hlt', { rdi: first });
    const table = at.tables + 0x6000;
    machine.trackDirty(at.tables, 0x8000, true);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.get32(table + (first / page) * 8) & 0x60, 0x20);
    t.true(machine.dirtyPages(at.tables, 0x8000).includes(table / page));
  });

  tracking('one memory at two addresses is dirty at both', t => {
    const block = machine.allocate(4 * page);
    machine.map(0x40_0000, block, 0, 4 * page, MapAccess.all);
    machine.map(0x50_0000, block, page, 2 * page, MapAccess.all);
    try {
      guest.reset().long('mov [rdi], eax\n hlt', { rdi: 0x50_0008 });
      machine.trackDirty(0x40_0000, 4 * page, true);
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.deepEqual([...machine.dirtyPages(0x40_0000, 4 * page)], [0x401]);
      t.deepEqual([...machine.dirtyPages(0x50_0000, 2 * page)], [0x500]);
      // What is noted outlives a mapping, and another one shows it.
      machine.unmap(0x50_0000, 2 * page);
      machine.unmap(0x40_0000, 4 * page);
      machine.map(0x60_0000, block, 0, 4 * page, MapAccess.all);
      t.deepEqual([...machine.dirtyPages(0x60_0000, 4 * page, { clear: true })], [0x601]);
      rerun({ rdi: 0x60_3000 });
      t.deepEqual([...machine.dirtyPages(0x60_0000, 4 * page)], [0x603]);
      machine.trackDirty(0x60_0000, 4 * page, false);
      machine.unmap(0x60_0000, 4 * page);
    } finally {
      for (const [gpa, length] of [
        [0x40_0000, 4],
        [0x50_0000, 2],
        [0x60_0000, 4],
      ] as const)
        try {
          machine.unmap(gpa, length * page);
        } catch {
          // It is gone.
        }
    }
  });

  tracking('a write that a page does not grant is none', t => {
    begin('mov [rdi], eax\n hlt', { rdi: first });
    machine.protect(first, page, MapAccess.readExecute, { onViolation: 'exit' });
    t.like(guest.run(), { reason: 'protection' });
    t.deepEqual(dirty(), []);
    machine.protect(first, page, MapAccess.all);
    t.deepEqual(dirty(), []);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.deepEqual(dirty(), [0]);
  });

  tracking('random stores, against a list of what was written', t => {
    const next = random(0xd127);
    const source = 'again: mov rdi, [rsi]\n mov [rdi], r8b\n add rsi, 8\n loop again\n hlt';
    begin(source, { rcx: 1, rsi: at.data });
    let expected = new Set<number>();
    for (let round = 0; round < 40; round++) {
      const count = 1 + (next() % 30);
      for (let n = 0; n < count; n++) {
        const offset = next() % size;
        expected.add(Math.floor(offset / page));
        guest.put(at.data + 8 * n, first + offset, 0);
      }
      rerun({ rcx: count, rsi: at.data });
      if (next() % 3 === 0) {
        const offset = next() % (size - 100);
        guest.block.written(first + offset, 100);
        expected.add(Math.floor(offset / page)).add(Math.floor((offset + 99) / page));
      }
      const clear = next() % 2 === 0;
      t.deepEqual(
        dirty(clear),
        [...expected].sort((left, right) => left - right),
        `${round}`,
      );
      if (clear) expected = new Set();
    }
  });

  tracking('nothing is noted once tracking has ended', t => {
    begin('mov [rdi], eax\n hlt', { rdi: first });
    machine.trackDirty(first, size, false);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.deepEqual(dirty(), []);
  });
}
