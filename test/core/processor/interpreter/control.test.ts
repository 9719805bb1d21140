/** Control flow, budgets, aborts and memory of generated code, on the interpreter and with everything compiled. */
import test, { type ExecutionContext } from 'ava';
import { assemble } from '../../../../core/processor/decode/assembler/assembler.ts';
import { gprOffset, Segment, segmentBase, segmentLimit, state } from '../../../../core/processor/state/layout.ts';
import { Leave } from '../../../../core/processor/state/leave.ts';
import { CodeSize, modeOf } from '../../../../core/processor/state/mode.ts';
import { FlatHost } from '../../../support/flat-host.ts';

type Registers = Partial<Record<'rax' | 'rcx' | 'rdx' | 'rbx' | 'rsp' | 'rbp' | 'rsi' | 'rdi', number | bigint>>;
const names = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const;

const start = 0x1000;

function prepare(host: FlatHost, source: string, registers: Registers = {}, origin = start): FlatHost {
  host.load(origin, assemble(64, source, { origin }).bytes);
  host.set64(state.rip.offset, BigInt(origin));
  for (const name of names) host.set64(gprOffset(names.indexOf(name)), BigInt(registers[name] ?? 0));
  if (registers.rsp === undefined) host.set64(gprOffset(4), 0x8000n);
  if (host.jit) host.compile();
  return host;
}

/** Each test runs with the interpreter alone, and with its code compiled beforehand. */
const onBoth = (title: string, body: (t: ExecutionContext, create: () => FlatHost) => void): void => {
  test(`${title} (interpreter)`, t => body(t, () => new FlatHost()));
  test(`${title} (jit)`, t => body(t, () => new FlatHost(undefined, {}, { jit: true, shortest: 0 })));
};

const reg = (host: FlatHost, name: (typeof names)[number]) => host.register(names.indexOf(name));
const rip = (host: FlatHost) => Number(host.get64(state.rip.offset));

const counting = 'again: inc rax\n add rbx, rax\n cmp rax, 1000000\n jne again\n hlt';

onBoth('a budget is used to the last instruction', (t, create) => {
  const host = prepare(create(), counting);
  let retired = 0;
  for (const budget of [1, 2, 3, 4, 5, 7, 100, 1, 1, 999]) {
    t.is(host.run(budget), Leave.budget);
    t.is(host.get32(state.budget.offset), 0);
    retired += budget;
    t.is(reg(host, 'rax'), BigInt(Math.floor((retired + 3) / 4)));
    const lengths = [3, 3, 6, 2];
    t.is(rip(host), start + lengths.slice(0, retired % 4).reduce((sum, length) => sum + length, 0));
  }
});

onBoth('a budget of nothing does nothing, and does not even fetch', (t, create) => {
  const host = prepare(create(), 'nop');
  host.set64(state.rip.offset, 0xdead_0000n);
  t.is(host.run(0), Leave.budget);
  t.is(rip(host), 0xdead_0000);
});

onBoth('a fault leaves everything as it was before its instruction', (t, create) => {
  const source = 'mov eax, 5\n sub rcx, 1\n push rdx\n add [rdi], rax\n mov eax, 7';
  const host = prepare(create(), source, { rdi: 0x7fff_0000, rdx: 9 });
  t.is(host.run(100), Leave.fault);
  t.is(host.get32(state.faultVector.offset), 14);
  t.is(host.get64(state.faultAddress.offset), 0x7fff_0000n);
  t.is(rip(host), start + 5 + 4 + 1);
  t.is(host.get32(state.budget.offset), 97);
  t.is(reg(host, 'rax'), 5n);
  t.is(reg(host, 'rsp'), 0x7ff8n);
  t.is(reg(host, 'rcx'), 0xffff_ffff_ffff_ffffn);
  t.is(host.flags & 0x8d5, 0x95, 'CF PF AF SF of 0 - 1');
});

onBoth('a push that faults does not move the stack pointer', (t, create) => {
  const host = prepare(create(), 'push rax', { rsp: 0x10_0000_0000n });
  t.is(host.run(10), Leave.fault);
  t.is(reg(host, 'rsp'), 0x10_0000_0000n);
  t.is(host.get64(state.faultAddress.offset), 0xf_ffff_fff8n);
});

onBoth('calls, returns and indirect jumps within and across pages', (t, create) => {
  const source = `
    mov ecx, 100
  again:
    call near_by
    call far_away
    mov rdx, after
    jmp rdx
    ud2
  after:
    dec ecx
    jnz again
    hlt
  near_by:
    inc rax
    ret
    align 4096
  far_away:
    add rbx, rax
    call deeper
    ret
  deeper:
    lea rsi, [rsi + 2]
    ret`;
  const host = prepare(create(), source);
  host.run(100 * 13 + 1);
  t.is(reg(host, 'rax'), 100n);
  t.is(reg(host, 'rbx'), 5050n);
  t.is(reg(host, 'rsi'), 200n);
  t.is(reg(host, 'rsp'), 0x8000n);
  t.is(host.get32(state.budget.offset), 0);
});

onBoth('an instruction that crosses into the next page', (t, create) => {
  const host = create();
  // 48 b8 imm64: three bytes before the end of the page, seven after it.
  prepare(host, 'mov rax, 0x1122334455667788\n inc rbx\n jmp 0x1ffd', {}, 0x1ffd);
  host.run(3);
  t.is(reg(host, 'rax'), 0x1122_3344_5566_7788n);
  t.is(reg(host, 'rbx'), 1n);
  // Its second half changes.
  host.load(0x2006, Uint8Array.of(0x99));
  host.run(3);
  t.is(reg(host, 'rax'), 0x9922_3344_5566_7788n);
  t.is(reg(host, 'rbx'), 2n);
});

onBoth('a page that crossing code is in changes under a loop', (t, create) => {
  const host = create();
  prepare(host, 'again: mov rax, 0x1122334455667788\n add rbx, rax\n jmp again', {}, 0x1ff8);
  host.run(3000);
  const before = reg(host, 'rbx');
  host.load(0x2000, Uint8Array.of(0));
  t.true(host.counts.lookups < 20);
  host.run(2);
  t.is(reg(host, 'rax'), 0x1100_3344_5566_7788n);
  t.is(reg(host, 'rbx'), BigInt.asUintN(64, before + 0x1100_3344_5566_7788n));
});

onBoth('an instruction that crosses into a page that is not there', (t, create) => {
  const host = create();
  const address = host.size - 2;
  host.load(address, Uint8Array.of(0x48, 0xb8));
  host.set64(state.rip.offset, BigInt(address));
  t.is(host.run(10), Leave.fault);
  t.is(host.get64(state.faultAddress.offset), BigInt(host.size));
  t.is(rip(host), address);
});

onBoth('data that crosses a page', (t, create) => {
  const source = 'mov rax, [rdi]\n add rax, 1\n mov [rdi], rax\n add dword ptr [rdi + 1], 0x100\n mov rbx, [rdi]';
  const host = prepare(create(), source, { rdi: 0x5ffd });
  host.load(0x5ffd, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4));
  host.run(5);
  t.is(reg(host, 'rax'), 0x0403_0202_0000_0000n);
  t.is(reg(host, 'rbx'), 0x0403_0202_0001_0000n);
  t.is(host.counts.crossings >= 4, true);
});

onBoth('code that writes over what follows it', (t, create) => {
  // The immediate of `mov eax` is written by the instruction before it.
  const source =
    'again: inc ecx\n mov [rip + target + 1 - after], ecx\n after:\n target: mov eax, 0\n cmp ecx, 50\n jne again\n hlt';
  const host = prepare(create(), source.replace('rip + target + 1 - after', 'rip + 1'));
  t.is(host.runOn(250), Leave.budget);
  t.is(reg(host, 'rax'), 50n);
  t.is(reg(host, 'rcx'), 50n);
});

onBoth('data beside code in one page does not forget the code', (t, create) => {
  const host = prepare(create(), 'again: inc dword ptr [0x1800]\n dec ecx\n jnz again\n hlt', { rcx: 1000 });
  t.is(host.runOn(3000), Leave.budget);
  t.is(host.view.getUint32(host.ram + 0x1800, true), 1000);
  t.true(host.counts.lookups < 10);
});

onBoth('DMA into code is seen', (t, create) => {
  const host = prepare(create(), 'again: mov eax, 1\n jmp again');
  host.run(2000);
  host.load(start + 1, Uint8Array.of(2));
  host.run(2);
  t.is(reg(host, 'rax'), 2n);
});

onBoth('undefined bytes raise #UD, too many prefixes #GP', (t, create) => {
  const host = create();
  host.load(start, Uint8Array.of(0x90, 0x0f, 0x0b));
  host.load(0x3000, Uint8Array.of(...new Array(16).fill(0x66), 0x90));
  host.set64(state.rip.offset, BigInt(start));
  t.is(host.run(10), Leave.fault);
  t.deepEqual([host.get32(state.faultVector.offset), host.get32(state.faultError.offset)], [6, -1]);
  t.is(rip(host), start + 1);
  host.set64(state.rip.offset, 0x3000n);
  t.is(host.run(10), Leave.fault);
  t.deepEqual([host.get32(state.faultVector.offset), host.get32(state.faultError.offset)], [13, 0]);
});

onBoth('REP MOVS copies as byte by byte would, where it overlaps too', (t, create) => {
  const host = create();
  for (const [from, to, count] of [
    [0x4000, 0x6123, 9000],
    [0x4000, 0x4001, 5000],
    [0x4003, 0x4000, 5000],
    [0x4ff0, 0x5008, 100],
    [0x4000, 0x6000, 1],
    [0x4000, 0x6000, 0],
  ] as const)
    for (const [instruction, size] of [
      ['movsb', 1],
      ['movsw', 2],
      ['movsq', 8],
    ] as const) {
      host.bytes.fill(0, host.ram + 0x4000, host.ram + 0x2_4000);
      prepare(host, `rep ${instruction}\n nop`, { rsi: from, rdi: to, rcx: count });
      const data = Uint8Array.from({ length: 0x1_0000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
      host.load(0x4000, data);
      const bytes = Number(count) * size;
      const expected = new Uint8Array(0x2_0000);
      expected.set(data, 0x4000);
      for (let i = 0; i < bytes; i += size) expected.set(expected.slice(from + i, from + i + size), to + i);
      t.is(host.runOn(2), Leave.budget);
      t.is(reg(host, 'rcx'), 0n);
      t.is(reg(host, 'rsi'), BigInt(from + bytes));
      t.is(reg(host, 'rdi'), BigInt(to + bytes));
      const found = host.bytes.subarray(host.ram, host.ram + 0x2_0000);
      t.is(
        found.findIndex((byte, index) => index >= 0x4000 && byte !== expected[index]),
        -1,
      );
    }
});

/** Elements, all alike but for one, or none; with rCX as strlen has it, too. */
onBoth('REPE and REPNE stop at the element that decides, whatever pages are in between', (t, create) => {
  const host = create();
  const [from, to] = [0x4003, 0x1_4ffe];
  const suffixes = ['b', 'w', 'd', 'q'];
  for (const name of ['cmps', 'scas'])
    for (const prefix of ['repe', 'repne'])
      for (const size of [1, 2, 4, 8])
        for (const [differs, count] of [
          [0, 5n],
          [1, 5n],
          [700, 3000n],
          [3000, 3000n],
          [2999, -1n],
          [300, 1n],
        ] as const) {
          const equal = prefix === 'repe';
          const element = new Uint8Array(size).fill(0x41);
          const other = new Uint8Array(size).fill(0x41).fill(0x42, size - 1);
          for (let index = 0; index < 3001; index++) {
            host.bytes.set(element, host.ram + from + index * size);
            host.bytes.set((index === differs) === equal ? other : element, host.ram + to + index * size);
          }
          const rax = 0x4141_4141_4141_4141n;
          const suffix = suffixes[Math.log2(size)];
          prepare(host, `${prefix} ${name}${suffix}\n nop`, { rax, rsi: from, rdi: to, rcx: count });
          const done = count === -1n || BigInt(differs) < count ? differs + 1 : Number(count);
          const what = `${prefix} ${name}${suffix}, ${differs} of ${count}`;
          t.is(host.runOn(2), Leave.budget, what);
          t.is(reg(host, 'rcx'), BigInt.asUintN(64, count - BigInt(done)), what);
          t.is(reg(host, 'rdi'), BigInt(to + done * size), what);
          t.is(reg(host, 'rsi'), BigInt(from + (name === 'cmps' ? done * size : 0)), what);
          const isOther = (done - 1 === differs) === equal;
          t.is((host.flags & 0x40) !== 0, !isOther, what);
          t.is((host.flags & 1) !== 0, isOther, what);
        }
});

onBoth('a page that is missing behind other elements finds the flags of the last one', (t, create) => {
  const host = create();
  host.bytes.fill(7, host.ram + host.size - 0x3000, host.ram + host.size);
  host.bytes[host.ram + host.size - 1] = 11;
  prepare(host, 'repne scasb', { rax: 9, rdi: host.size - 5000, rcx: 6000 });
  host.flags = 2 | 0x40;
  t.is(host.runOn(1), Leave.fault);
  t.is(reg(host, 'rcx'), 1000n);
  t.is(reg(host, 'rdi'), BigInt(host.size));
  t.is(host.flags & 0x41, 1);
});

onBoth('REP STOS fills, and stops where memory does', (t, create) => {
  const host = prepare(create(), 'rep stosd', { rax: 0x0102_0304, rdi: 0x4002, rcx: 3000 });
  host.runOn(1);
  t.is(host.view.getUint32(host.ram + 0x4002 + 2999 * 4, true), 0x0102_0304);
  t.is(host.view.getUint32(host.ram + 0x4002 + 3000 * 4, true), 0);
  prepare(host, 'rep stosb', { rax: 0x55, rdi: host.size - 5000, rcx: 6000 });
  t.is(host.runOn(1), Leave.fault);
  t.is(reg(host, 'rcx'), 1000n);
  t.is(reg(host, 'rdi'), BigInt(host.size));
  t.is(rip(host), start);
  t.is(host.get32(state.budget.offset), 1);
});

onBoth('REP runs backwards with DF', (t, create) => {
  const host = prepare(create(), 'std\n rep movsb', { rsi: 0x4fff, rdi: 0x5fff, rcx: 0x1000 });
  host.load(
    0x4000,
    Uint8Array.from({ length: 0x1000 }, (_, index) => index & 0xff),
  );
  host.runOn(2);
  t.is(reg(host, 'rsi'), 0x3fffn);
  t.deepEqual(
    host.bytes.slice(host.ram + 0x5000, host.ram + 0x6000),
    host.bytes.slice(host.ram + 0x4000, host.ram + 0x5000),
  );
});

onBoth('a REP that takes long lets the host breathe, and has not retired', (t, create) => {
  const host = prepare(create(), 'rep lodsb\n nop', { rsi: 0, rcx: 120_000 });
  t.is(host.run(10), Leave.spin);
  t.is(rip(host), start);
  t.is(host.get32(state.budget.offset), 10);
  t.true(reg(host, 'rcx') > 50_000n && reg(host, 'rcx') < 120_000n);
  t.is(host.runOn(2), Leave.budget);
  t.is(reg(host, 'rcx'), 0n);
});

onBoth('FS and GS have bases in 64-bit mode, the others have none', (t, create) => {
  const host = prepare(
    create(),
    'mov rax, fs:[rdi + 8]\n mov rbx, ds:[rdi + 8]\n lea rcx, fs:[rdi + 8]\n mov edx, gs:[edi + 8]',
    {
      rdi: 0x4000,
    },
  );
  host.set64(segmentBase(Segment.fs).offset, 0x1000n);
  host.set64(segmentBase(Segment.gs).offset, 0x2000n);
  host.set64(segmentBase(Segment.ds).offset, 0x3000n);
  for (const [address, byte] of [
    [0x4008, 1],
    [0x5008, 2],
    [0x6008, 3],
  ] as const)
    host.load(address, Uint8Array.of(byte));
  host.run(4);
  t.deepEqual(
    (['rax', 'rbx', 'rcx', 'rdx'] as const).map(name => reg(host, name)),
    [2n, 1n, 0x4008n, 3n],
  );
});

test('16-bit code runs in its segment, up to its limit', t => {
  const host = new FlatHost();
  host.mode = modeOf(CodeSize.bits16, false, true, false);
  host.set64(segmentBase(Segment.cs).offset, 0x1_2340n);
  host.set32(segmentLimit(Segment.cs).offset, 0x0fff);
  host.load(0x1_2340, assemble(16, 'mov cx, 3\n again: inc ax\n loop again\n jmp 0xffe').bytes);
  host.load(0x1_2340 + 0xffe, Uint8Array.of(0x90, 0x90, 0x90));
  host.set64(state.rip.offset, 0n);
  t.is(host.run(100), Leave.fault);
  t.is(host.get32(state.faultVector.offset), 13);
  t.is(host.register(0) & 0xffffn, 3n);
  t.is(rip(host), 0x1000);
  t.is(host.get32(state.budget.offset), 100 - 10);
});

test('a loop gets hot, is compiled, and comes to the same end', t => {
  const host = prepare(new FlatHost(undefined, {}, { jit: true }), counting);
  t.is(host.run(3_000_000), Leave.budget);
  t.is(host.run(999_999), Leave.budget);
  t.true(host.jit!.compiled > 0);
  t.is(reg(host, 'rax'), 1_000_000n);
  t.is(reg(host, 'rbx'), 500_000_500_000n);
});

test('when the arena is full everything is decoded anew', t => {
  for (const jit of [false, true]) {
    const host = new FlatHost(0x80_0000, {}, { jit, shortest: 0, arena: 0x8_0000 });
    // Each page: inc rax; jmp to the next.
    const pages = 60;
    for (let page = 0; page < pages; page++) {
      const origin = 0x1_0000 + page * 0x1000;
      const next = 0x1_0000 + ((page + 1) % pages) * 0x1000;
      host.load(origin, assemble(64, `inc rax\n jmp ${next}`, { origin }).bytes);
    }
    host.set64(state.rip.offset, 0x1_0000n);
    host.run(pages * 2 * 30);
    t.is(host.register(0), BigInt(pages * 30));
    t.true(host.cache.flushes > 3);
  }
});
