/** Features, maps, aliases, rights. */

import { MapAccess } from '#accelerators';
import { MachineError } from '#core';
import type { AddCase } from '../../checks/case.ts';
import { at, bareBoard, type Guest } from '../guest.ts';

const badCall = { code: 'bad-call' };

export function memory(test: AddCase, guest: Guest): void {
  const { machine, accelerator } = guest;

  test('features are data, and more than they allow is refused', t => {
    const { features } = accelerator;
    t.true(features.processorsPerMachine >= 1 && features.machines >= 1);
    t.true(features.memoryProtection && features.memoryAliasing && features.memoryUnmapping);
    using other = guest.create({ memory: 2 ** 20, processors: 1, cpu: machine.specification.cpu });
    for (const processors of [0, 1.5, features.processorsPerMachine + 1])
      t.throws(() => other.createMachine({ ...machine.specification, processors }), badCall, `${processors}`);
  });

  test('what its features deny is refused', t => {
    const { features } = accelerator;
    const unsupported = { instanceOf: MachineError, code: 'unsupported' };
    const deeds = [
      ['protection', () => machine.protect(0, 0x1000, MapAccess.all)],
      ['dirtyPages', () => machine.dirtyPages(0, 0x1000)],
      ['dirtyPages', () => machine.trackDirty(0, 0x1000, false)],
      ['step', () => guest.reset().long('nop').processor.step()],
    ] as const;
    for (const [feature, deed] of deeds) {
      if (features[feature]) t.notThrows(deed, feature);
      else t.throws(deed, unsupported, feature);
    }
    const breakpoints = (kind: 'code' | 'write', count: number): void =>
      machine.setBreakpoints(
        Array.from({ length: count }, (_, n) => ({ kind, address: BigInt(0x1000 + n), length: 1 }) as const),
      );
    if (Number.isFinite(features.codeBreakpoints))
      t.throws(() => breakpoints('code', features.codeBreakpoints + 1), badCall, 'codeBreakpoints');
    if (Number.isFinite(features.dataBreakpoints))
      t.throws(() => breakpoints('write', features.dataBreakpoints + 1), badCall, 'dataBreakpoints');
  });

  test('memory is there first, and processors come with the board, once', t => {
    using other = guest.create({ memory: 2 ** 20, processors: 1, cpu: machine.specification.cpu });
    using created = other.createMachine({ ...machine.specification, processors: 1 });
    const block = created.allocate(0x2000);
    created.map(0, block, 0, 0x2000, MapAccess.all);
    t.deepEqual(created.processors, []);
    const board = bareBoard();
    const [pins] = board.interrupts;
    t.throws(() => created.powerOn({ ...board, interrupts: [] }), badCall);
    t.throws(() => created.powerOn({ ...board, interrupts: [pins!, pins!] }), badCall);
    t.deepEqual(created.processors, [], 'what was refused left nothing');
    t.is(created.powerOn(board), created.processors);
    t.is(created.processors.length, 1);
    t.throws(() => created.powerOn(board), badCall);
    t.is(created.processors[0].getState('general').general.rip, 0xfff0n);
  });

  test('what cannot be mapped is refused and changes nothing', t => {
    const block = machine.allocate(0x2000);
    const top = 2 ** accelerator.features.guestPhysicalBits;
    const refused: readonly (readonly [gpa: number, offset: number, size: number, access: number])[] = [
      [0x30_0001, 0, 0x1000, 7],
      [0x30_0000, 0x800, 0x1000, 7],
      [0x30_0000, 0, 0x1800, 7],
      [0x30_0000, 0, 0, 7],
      [0x30_0000, 0, 0x3000, 7],
      [0x30_0000, 0x2000, 0x1000, 7],
      [-0x1000, 0, 0x1000, 7],
      [top, 0, 0x1000, 7],
      [top - 0x1000, 0, 0x2000, 7],
      [0x30_0000, 0, 0x1000, 0],
      [0x30_0000, 0, 0x1000, MapAccess.write],
      [0x30_0000, 0, 0x1000, 8],
      [0x9_f000, 0, 0x2000, 7],
      [0, 0, 0x1000, 7],
    ];
    for (const [gpa, offset, size, access] of refused) {
      t.throws(() => machine.map(gpa, block, offset, size, access), badCall, `${gpa} ${offset} ${size} ${access}`);
    }
    t.throws(() => machine.allocate(0x1001), badCall);
    t.throws(() => machine.allocate(0), badCall);
    t.throws(() => machine.unmap(0x30_0000, 0x1000), badCall);
    t.throws(() => machine.unmap(0x10_0000, 0x1000), badCall, 'part of a mapping');
    machine.map(0x30_0000, block, 0, 0x2000, MapAccess.all);
    machine.unmap(0x30_0000, 0x2000);
    machine.map(top - 0x1000, block, 0, 0x1000, MapAccess.all);
    machine.unmap(top - 0x1000, 0x1000);
    // Side by side is not one over the other.
    for (const [first, second] of [
      [0x30_0000, 0x30_1000],
      [0x30_1000, 0x30_0000],
    ] as const) {
      machine.map(first, block, 0, 0x1000, MapAccess.all);
      machine.map(second, block, 0x1000, 0x1000, MapAccess.all);
      t.throws(() => machine.unmap(Math.min(first, second), 0x2000), badCall, 'two mappings');
      machine.unmap(first, 0x1000);
      machine.unmap(second, 0x1000);
    }
  });

  test("unmapped memory is the board's, mapped memory is the guest's", t => {
    const block = machine.allocate(0x1000);
    guest.reset().long('again: mov eax, [rdi]\n hlt\n jmp again', { rdi: 0x40_0010 });
    guest.memory = () => 0x1234n;
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rax'), 0x1234n);
    new DataView(block.bytes.buffer, block.bytes.byteOffset).setUint32(0x10, 0x5678, true);
    for (let round = 0; round < 3; round++) {
      machine.map(0x40_0000, block, 0, 0x1000, MapAccess.all);
      guest.set({ rip: at.code });
      guest.processor.setState({ interrupts: { shadow: false, nmiBlocked: false, halted: false } });
      t.is(guest.run().reason, 'halt');
      t.is(guest.register('rax'), 0x5678n);
      machine.unmap(0x40_0000, 0x1000);
      guest.set({ rip: at.code });
      guest.processor.setState({ interrupts: { shadow: false, nmiBlocked: false, halted: false } });
      t.is(guest.run().reason, 'halt');
      t.is(guest.register('rax'), 0x1234n, 'no translation survives the unmapping');
    }
    t.is(guest.log.length, 4);
  });

  test('two address spaces, and what a change of privilege rules does to translations, in one stretch of code', t => {
    guest.reset().long(
      `again: mov cr3, rsi
       mov eax, [rdi]
       mov cr3, rbp
       mov ebx, [rdi]
       mov [rdi + 4], ebx
       mov cr3, rsi
       mov ecx, [rdi]
       mov [rdi + 4], ecx
       dec edx
       jnz again
       mov [r8], edx
       mov rax, cr0
       btr eax, 16
       mov cr0, rax
       mov [r8], edi
       bts eax, 16
       mov cr0, rax
       mov [r8], esi
       hlt`,
      { rsi: at.tables, rdi: at.data, rbp: 0x6_0000, rdx: 3, r8: 0x2_8000 },
    );
    // The same but for one page.
    const copies = [0, 0x1000, 0x2000, 0x6000];
    copies.forEach((from, n) => {
      guest.write(0x6_0000 + 0x1000 * n, guest.bytes.slice(at.tables + from, at.tables + from + 0x1000));
      if (n < 3) guest.put(0x6_0000 + 0x1000 * n, (0x6_1000 + 0x1000 * n) | 7);
    });
    guest.put(0x6_3000 + 8 * 0x20, 0x2_5000 | 7);
    guest.put(at.data, 1);
    guest.put(0x2_5000, 2);
    // A write that may not be is left out, and counted.
    guest.load(64, 'inc r9d\n add rsp, 8\n add qword ptr [rsp], 3\n iretq', at.handlers + 14 * 16);
    guest.page(0x28, 0x2_8000 | 5);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.deepEqual(
      ['rax', 'rbx', 'rcx'].map(register => guest.register(register) & 0xffn),
      [0x31n, 2n, 1n],
    );
    t.deepEqual([guest.get32(at.data + 4), guest.get32(0x2_5004)], [1, 2]);
    t.is(guest.get32(0x2_8000), at.data, 'the write without CR0.WP');
    t.is(guest.register('r9'), 2n);
  });

  test('SMAP opens and closes in the midst of a stretch of code', t => {
    for (const [open, close] of [
      ['stac', 'clac'],
      ['pushfq\n or dword ptr [rsp], 0x40000\n popfq', 'pushfq\n btr dword ptr [rsp], 18\n popfq'],
    ] as const) {
      guest.reset().long(
        `mov edx, 3
         again: ${open}\n rep stosb\n mov eax, [rdi]\n add dword ptr [rdi], 1\n dec edx\n jnz again
         ${close}\n mov ebx, [rdi]\n hlt`,
        { rdi: at.data },
      );
      for (let page = 0; page < 512; page++) guest.page(page, (page << 12) | (page === at.data >> 12 ? 7 : 3));
      const { controls } = guest.state;
      guest.processor.setState({ controls: { ...controls, cr4: controls.cr4 | 0x20_0000n } });
      // It goes on while it is open.
      t.deepEqual(guest.run(open === 'stac' ? 3 : 5), { reason: 'limit' });
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, 14, open);
      t.is(guest.register('rax'), 2n);
      t.is(guest.register('rbx'), 0n);
      t.is(guest.state.controls.cr2, BigInt(at.data));
      t.is(guest.get64(at.stack - 48), 1n, 'present');
    }
  });

  test('code is what it has become, where only its end or its beginning lies in the page that is written', t => {
    // A jump across pages whose second page has nothing but its last bytes.
    guest.reset().long('jmp 0x10ffe');
    guest.load(64, 'jmp 0x12000', 0x1_0ffe);
    guest.load(64, 'inc ebx\n mov byte ptr [0x11000], 0x11\n jmp 0x10ffe', 0x1_2000);
    t.is(guest.bytes[0x1_1000], 0x0f);
    guest.load(64, 'inc ecx\n hlt', 0x1_2200);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rbx'), 1n);
    t.is(guest.register('rcx'), 1n);

    // A store across pages of which the second has the code.
    guest.reset().long(
      `mov edx, 0x12000
       mov dword ptr [0x11ffe], 0x2ffeb00
       mov dword ptr [0x12002], 0xc3c3
       mov word ptr [0x12000], 0xc3ff
       call rdx
       mov dword ptr [0x11ffe], 0xc8ff0000
       call rdx
       mov dword ptr [0x11ffe], 0xc3ff0000
       call rdx
       hlt`,
      { rax: 0x10 },
    );
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rbx'), 2n);
    t.is(guest.register('rax'), 0xfn);
  });

  test('an access across 4 GiB is one of two pages', t => {
    guest.reset().long(
      `mov ecx, 3
       again: mov rax, [rdi]
       add qword ptr [rdi], 1
       mov rbx, [rdi]
       loop again
       hlt`,
      { rdi: 0xffff_fffc },
    );
    const { tables } = at;
    // The last page below is the last of RAM, the first above a page of its own.
    guest.put(tables + 0x5000 + 8 * 511, (tables + 0x6000) | 7, 0);
    guest.put(tables + 0x1000 + 8 * 4, 0x6_0000 | 7, 0);
    guest.put(0x6_0000, 0x6_1000 | 7, 0);
    guest.put(0x6_1000, 0x2_5000 | 7, 0);
    guest.put(0x1f_fffc, 0xffff_fffe);
    guest.put(0x2_5000, 0x1234);
    const below = guest.get32(0);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rbx'), 0x1235_0000_0001n);
    t.is(guest.get32(0x1f_fffc), 1);
    t.is(guest.get32(0x2_5000), 0x1235);
    t.is(guest.get32(0), below);
  });

  test('one block at two addresses is one memory, for code too', t => {
    const block = machine.allocate(0x1000);
    machine.map(0x30_0000, block, 0, 0x1000, MapAccess.all);
    machine.map(0x50_0000, block, 0, 0x1000, MapAccess.all);
    guest.reset().long(
      `mov dword ptr [0x300000], 0x00c3c0ff
       mov rbx, 0x500000
       xor eax, eax
       call rbx
       mov byte ptr [0x300001], 0xc8
       call rbx
       call rbx
       mov ecx, [0x500000]
       hlt`,
    );
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rax'), 0xffff_ffffn, 'inc eax once, then dec eax twice');
    t.is(guest.register('rcx'), 0x00c3_c8ffn);
    machine.unmap(0x30_0000, 0x1000);
    machine.unmap(0x50_0000, 0x1000);
  });

  test('read-only memory reads and runs, writes go to the board', t => {
    const block = machine.allocate(0x1000);
    block.bytes.set([0xb8, 1, 2, 3, 4, 0xc3]);
    machine.map(0x30_0000, block, 0, 0x1000, MapAccess.readExecute);
    guest.reset().long(
      `mov rbx, 0x300000
       call rbx
       mov ecx, [rbx + 1]
       mov dword ptr [rbx + 1], 5
       mov edx, [rbx + 1]
       add dword ptr [rbx + 1], 0x10
       call rbx
       hlt`,
    );
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rax'), 0x0403_0201n);
    t.is(guest.register('rdx'), 0x0403_0201n);
    t.deepEqual(guest.log, [
      ['write', 0x30_0001, 4, 5n],
      ['write', 0x30_0001, 4, 0x0403_0211n],
    ]);
    machine.unmap(0x30_0000, 0x1000);
  });

  test("the host's writes to code are seen", t => {
    guest.reset().long('start: inc eax\n out 0x80, al\n jmp start');
    let rounds = 0;
    guest.output = () => {
      if (++rounds === 3) guest.write(at.code, Uint8Array.of(0xff, 0xc3));
      if (rounds === 6) guest.write(at.code, Uint8Array.of(0xf4));
    };
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rax'), 3n);
    t.is(guest.register('rbx'), 3n);
  });
}
