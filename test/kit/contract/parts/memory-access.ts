/** Memory that is no RAM, by every kind of instruction that can reach it. */
import type { AddCase } from '../../checks/case.ts';
import { type Access, at, type Guest, selector } from '../guest.ts';

interface Case {
  readonly code: string;
  /** What the device reads as: 8 bytes, the same at every address, shifted by the address. */
  readonly reads?: bigint;
  readonly registers?: Readonly<Record<string, bigint | number>>;
  /** kind, offset from the device's base, size, value. */
  readonly accesses: readonly (readonly ['read' | 'write', number, number, bigint])[];
  readonly after?: Readonly<Record<string, bigint>>;
  readonly flags?: bigint;
}

const d = at.device;
const value = 0x8877_6655_4433_2211n;

/** RDI points to the device, RSI to RAM that holds 01 02 03 … */
const cases: Readonly<Record<string, Case>> = {
  'mov r8': { code: 'mov al, [rdi + 3]', accesses: [['read', 3, 1, 0x11n]], after: { rax: 0x11n } },
  'mov r16': { code: 'mov ax, [rdi + 2]', accesses: [['read', 2, 2, 0x2211n]] },
  'mov r32': {
    code: 'mov eax, [rdi]',
    registers: { rax: -1n },
    accesses: [['read', 0, 4, 0x4433_2211n]],
    after: { rax: 0x4433_2211n },
  },
  'mov r64': { code: 'mov r9, [rdi]', accesses: [['read', 0, 8, value]], after: { r9: value } },
  'mov to memory': { code: 'mov [rdi + 8], rax', registers: { rax: 0x1234 }, accesses: [['write', 8, 8, 0x1234n]] },
  'mov imm': { code: 'mov word ptr [rdi], 0x1234', accesses: [['write', 0, 2, 0x1234n]] },
  'mov moffs': { code: 'mov eax, [0xd0000004]', accesses: [['read', 4, 4, 0x4433_2211n]] },
  movzx: { code: 'movzx rax, byte ptr [rdi]', accesses: [['read', 0, 1, 0x11n]], after: { rax: 0x11n } },
  movsx: {
    code: 'movsx rax, word ptr [rdi]',
    reads: 0x8001n,
    accesses: [['read', 0, 2, 0x8001n]],
    after: { rax: 0xffff_ffff_ffff_8001n },
  },
  movsxd: {
    code: 'movsxd rax, dword ptr [rdi]',
    reads: 0x8000_0001n,
    accesses: [['read', 0, 4, 0x8000_0001n]],
    after: { rax: 0xffff_ffff_8000_0001n },
  },
  'add to register': {
    code: 'add eax, [rdi]',
    registers: { rax: 1 },
    accesses: [['read', 0, 4, 0x4433_2211n]],
    after: { rax: 0x4433_2212n },
  },
  'add to memory': {
    code: 'add dword ptr [rdi], 0x10',
    accesses: [
      ['read', 0, 4, 0x4433_2211n],
      ['write', 0, 4, 0x4433_2221n],
    ],
  },
  'adc, carry in': {
    code: 'stc\n adc byte ptr [rdi], 1',
    accesses: [
      ['read', 0, 1, 0x11n],
      ['write', 0, 1, 0x13n],
    ],
  },
  'or locked': {
    code: 'lock or [rdi], ax',
    registers: { rax: 0x8000 },
    accesses: [
      ['read', 0, 2, 0x2211n],
      ['write', 0, 2, 0xa211n],
    ],
  },
  cmp: { code: 'cmp [rdi], al', registers: { rax: 0x11 }, accesses: [['read', 0, 1, 0x11n]], flags: 0x46n },
  test: { code: 'test dword ptr [rdi], 0x88cc0000', accesses: [['read', 0, 4, 0x4433_2211n]], flags: 0x46n },
  'inc, dec, not, neg': {
    code: 'inc byte ptr [rdi]\n dec byte ptr [rdi]\n not byte ptr [rdi]\n neg byte ptr [rdi]',
    accesses: [0x12n, 0x10n, 0xeen, 0xefn].flatMap(
      result =>
        [
          ['read', 0, 1, 0x11n],
          ['write', 0, 1, result],
        ] as const,
    ),
  },
  shl: {
    code: 'shl dword ptr [rdi], 4',
    accesses: [
      ['read', 0, 4, 0x4433_2211n],
      ['write', 0, 4, 0x4332_2110n],
    ],
  },
  shld: {
    code: 'shld [rdi], eax, 8',
    registers: { rax: 0xab00_0000 },
    accesses: [
      ['read', 0, 4, 0x4433_2211n],
      ['write', 0, 4, 0x3322_11abn],
    ],
  },
  imul: { code: 'imul eax, [rdi], 2', accesses: [['read', 0, 4, 0x4433_2211n]], after: { rax: 0x8866_4422n } },
  mul: { code: 'mul byte ptr [rdi]', registers: { rax: 2 }, accesses: [['read', 0, 1, 0x11n]], after: { rax: 0x22n } },
  div: {
    code: 'div byte ptr [rdi]',
    registers: { rax: 0x23 },
    accesses: [['read', 0, 1, 0x11n]],
    after: { rax: 0x0102n },
  },
  xchg: {
    code: 'xchg [rdi], eax',
    registers: { rax: 5 },
    accesses: [
      ['read', 0, 4, 0x4433_2211n],
      ['write', 0, 4, 5n],
    ],
    after: { rax: 0x4433_2211n },
  },
  'cmpxchg, equal': {
    code: 'lock cmpxchg [rdi], ebx',
    registers: { rax: 0x4433_2211, rbx: 7 },
    accesses: [
      ['read', 0, 4, 0x4433_2211n],
      ['write', 0, 4, 7n],
    ],
    flags: 0x46n,
  },
  'cmpxchg, different': {
    code: 'cmpxchg [rdi], ebx',
    registers: { rax: 1, rbx: 7 },
    accesses: [
      ['read', 0, 4, 0x4433_2211n],
      ['write', 0, 4, 0x4433_2211n],
    ],
    after: { rax: 0x4433_2211n },
  },
  cmpxchg8b: {
    code: 'lock cmpxchg8b [rdi]',
    registers: { rax: 0x4433_2211, rdx: 0x8877_6655n, rbx: 1, rcx: 2 },
    accesses: [
      ['read', 0, 8, value],
      ['write', 0, 8, 0x2_0000_0001n],
    ],
  },
  xadd: {
    code: 'lock xadd [rdi], eax',
    registers: { rax: 1 },
    accesses: [
      ['read', 0, 4, 0x4433_2211n],
      ['write', 0, 4, 0x4433_2212n],
    ],
    after: { rax: 0x4433_2211n },
  },
  bt: { code: 'bt dword ptr [rdi], 4', accesses: [['read', 0, 4, 0x4433_2211n]], flags: 0x3n },
  'bts, far': {
    code: 'bts [rdi], eax',
    registers: { rax: 33 },
    accesses: [
      ['read', 4, 4, 0x4433_2211n],
      ['write', 4, 4, 0x4433_2213n],
    ],
    flags: 0x2n,
  },
  'btr, btc': {
    code: 'btr dword ptr [rdi], 0\n btc dword ptr [rdi], 1',
    accesses: [
      ['read', 0, 4, 0x4433_2211n],
      ['write', 0, 4, 0x4433_2210n],
      ['read', 0, 4, 0x4433_2211n],
      ['write', 0, 4, 0x4433_2213n],
    ],
  },
  bsf: { code: 'bsf eax, [rdi]', accesses: [['read', 0, 4, 0x4433_2211n]], after: { rax: 0n } },
  setcc: { code: 'stc\n setc [rdi]', accesses: [['write', 0, 1, 1n]] },
  cmovcc: { code: 'clc\n cmovc eax, [rdi]', accesses: [['read', 0, 4, 0x4433_2211n]] },
  push: { code: 'push qword ptr [rdi]\n pop rax', accesses: [['read', 0, 8, value]], after: { rax: value } },
  pop: { code: 'push 5\n pop qword ptr [rdi]', accesses: [['write', 0, 8, 5n]] },
  'push to it': {
    code: 'lea rsp, [rdi + 16]\n push rbx',
    registers: { rbx: 3 },
    accesses: [['write', 8, 8, 3n]],
    after: { rsp: BigInt(d + 8) },
  },
  'pop from it': {
    code: 'mov rsp, rdi\n pop rbx',
    accesses: [['read', 0, 8, value]],
    after: { rbx: value, rsp: BigInt(d + 8) },
  },
  'call through it': {
    code: `mov eax, 1\n call [rdi]`,
    reads: BigInt(at.code + 0x100),
    accesses: [['read', 0, 8, BigInt(at.code + 0x100)]],
  },
  'movs in': { code: 'xchg rsi, rdi\n movsd', accesses: [['read', 0, 4, 0x4433_2211n]], after: { rsi: BigInt(d + 4) } },
  'movs out': { code: 'movsw', accesses: [['write', 0, 2, 0x0201n]] },
  'rep movs': {
    code: 'mov ecx, 3\n rep movsb',
    accesses: [
      ['write', 0, 1, 1n],
      ['write', 1, 1, 2n],
      ['write', 2, 1, 3n],
    ],
    after: { rcx: 0n, rdi: BigInt(d + 3) },
  },
  'movs device to device': {
    code: 'lea rsi, [rdi + 0x10]\n movsd',
    accesses: [
      ['read', 0x10, 4, 0x4433_2211n],
      ['write', 0, 4, 0x4433_2211n],
    ],
  },
  'rep stos backwards': {
    code: 'std\n mov ecx, 2\n rep stosd\n cld',
    registers: { rax: 9 },
    accesses: [
      ['write', 0, 4, 9n],
      ['write', -4, 4, 9n],
    ],
    after: { rdi: BigInt(d - 8) },
  },
  lods: { code: 'mov rsi, rdi\n lodsw', accesses: [['read', 0, 2, 0x2211n]], after: { rax: 0x2211n } },
  'repe cmps': {
    code: 'mov ecx, 4\n repe cmpsb',
    reads: 0x01n,
    accesses: [
      ['read', 0, 1, 1n],
      ['read', 1, 1, 1n],
    ],
    after: { rcx: 2n },
  },
  'repne scas': {
    code: 'mov ecx, 3\n mov al, 0x22\n repne scasb',
    accesses: [
      ['read', 0, 1, 0x11n],
      ['read', 1, 1, 0x11n],
      ['read', 2, 1, 0x11n],
    ],
    after: { rcx: 0n },
  },
  movdqu: {
    code: 'movdqu xmm1, [rdi]\n movq rax, xmm1\n movdqu [rdi + 0x20], xmm1',
    accesses: [
      ['read', 0, 8, value],
      ['read', 8, 8, value],
      ['write', 0x20, 8, value],
      ['write', 0x28, 8, value],
    ],
    after: { rax: value },
  },
  'movss, movsd': {
    code: 'movss xmm1, [rdi]\n movss [rdi + 4], xmm1\n movq xmm2, qword ptr [rdi]\n movlps [rdi + 8], xmm2',
    accesses: [
      ['read', 0, 4, 0x4433_2211n],
      ['write', 4, 4, 0x4433_2211n],
      ['read', 0, 8, value],
      ['write', 8, 8, value],
    ],
  },
  'paddd from it': {
    code: 'pxor xmm0, xmm0\n paddd xmm0, [rdi]\n movd eax, xmm0',
    accesses: [
      ['read', 0, 8, value],
      ['read', 8, 8, value],
    ],
    after: { rax: 0x4433_2211n },
  },
  'fld, fstp': {
    code: 'fninit\n fld qword ptr [rdi]\n fstp qword ptr [rdi + 8]',
    reads: 0x4000_0000_0000_0000n,
    accesses: [
      ['read', 0, 8, 0x4000_0000_0000_0000n],
      ['write', 8, 8, 0x4000_0000_0000_0000n],
    ],
  },
  'fild, fistp': {
    code: 'fninit\n fild dword ptr [rdi]\n fistp dword ptr [rdi + 4]',
    reads: 7n,
    accesses: [
      ['read', 0, 4, 7n],
      ['write', 4, 4, 7n],
    ],
  },
  'fnstcw, ldmxcsr': {
    code: 'fninit\n fnstcw [rdi]\n ldmxcsr [rdi + 4]',
    reads: 0x1f80n,
    accesses: [
      ['write', 0, 2, 0x37fn],
      ['read', 4, 4, 0x1f80n],
    ],
  },
  unaligned: {
    code: 'mov eax, [rdi + 1]\n mov [rdi + 7], ax',
    reads: 0x11n,
    accesses: [
      ['read', 1, 4, 0x11n],
      ['write', 7, 2, 0x11n],
    ],
  },
  'across pages': {
    code: 'mov rax, [rdi + 0xffc]\n mov [rdi + 0xffe], eax',
    reads: 0x4433_2211n,
    accesses: [
      ['read', 0xffc, 4, 0x4433_2211n],
      ['read', 0x1000, 4, 0x4433_2211n],
      ['write', 0xffe, 2, 0x2211n],
      ['write', 0x1000, 2, 0x4433n],
    ],
    after: { rax: 0x4433_2211_4433_2211n },
  },
};

export function memoryAccess(test: AddCase, guest: Guest): void {
  const offsets = (log: readonly Access[]) => log.map(([kind, where, size, data]) => [kind, where - d, size, data]);

  for (const [title, { code, reads = value, registers = {}, accesses, after = {}, flags }] of Object.entries(cases)) {
    test(`MMIO: ${title}`, t => {
      guest.reset().long(`${code}\n pushfq\n pop r15\n hlt`, { rdi: d, rsi: at.data, ...registers });
      guest.load(64, 'hlt', at.code + 0x100);
      for (let n = 0; n < 256; n++) guest.bytes[at.data + n] = n + 1;
      guest.memory = () => reads;
      if (title.includes('to it') || title.includes('from it')) guest.load(64, `${code}\n hlt`);
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, -1);
      t.deepEqual(offsets(guest.log), accesses as never);
      for (const [register, expected] of Object.entries(after)) t.is(guest.register(register), expected, register);
      if (flags !== undefined) t.is(guest.register('r15') & 0x8d7n, flags | 2n);
    });
  }

  test('MMIO: in 32-bit and real mode, through segments', t => {
    guest.reset().protected('mov eax, fs:[ebx + 4]\n add byte ptr [0xa0010], 1\n hlt', { rbx: 0x100 });
    const { segments } = guest.state;
    guest.processor.setState({ segments: { ...segments, fs: { ...segments.fs, base: 0xa_0000n } } });
    guest.memory = () => 0x1234n;
    t.is(guest.run().reason, 'halt');
    t.deepEqual(guest.log, [
      ['read', 0xa_0104, 4, 0x1234n],
      ['read', 0xa_0010, 1, 0x34n],
      ['write', 0xa_0010, 1, 0x35n],
    ]);

    guest.reset().real('mov ax, 0xb800\n mov es, ax\n mov di, 2\n mov ax, 0x0741\n stosw\n mov bx, es:[0]\n hlt');
    guest.memory = () => 0x5566n;
    t.is(guest.run().reason, 'halt');
    t.deepEqual(guest.log, [
      ['write', 0xb_8002, 2, 0x741n],
      ['read', 0xb_8000, 2, 0x5566n],
    ]);
    t.is(guest.register('rbx'), 0x5566n);
  });

  test('MMIO: code that lies across pages', t => {
    guest.reset().long();
    const start = at.code + 0xffd;
    guest.load(64, 'mov dword ptr [rdi + 0x100], 0x12345678\n hlt', start);
    guest.page(0x11, 0x1_5000 | 7);
    guest.bytes.copyWithin(0x1_5000, 0x1_1000, 0x1_1040);
    guest.bytes.fill(0xcc, 0x1_1000, 0x1_1040);
    guest.set({ rip: start, rdi: d });
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, -1);
    t.deepEqual(guest.log, [['write', d + 0x100, 4, 0x1234_5678n]]);
  });

  test('MMIO: what the guest may not do is its fault', t => {
    guest.reset().long('movsb', { rsi: d, rdi: at.data });
    guest.page(0x20, 0x2_0000 | 5);
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 14);
    t.is(guest.state.controls.cr2, BigInt(at.data));
    t.is(guest.get64(at.stack - 48), 3n);
    t.is(guest.get64(at.stack - 40), BigInt(at.code));
    t.is(guest.register('rsi'), BigInt(d), 'nothing has moved');

    guest.reset().long('div dword ptr [rdi]', { rdi: d });
    guest.memory = () => 0n;
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 0);

    guest.reset().long('movaps xmm0, [rdi + 8]', { rdi: d });
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 13);

    // The device's first page is there, the second is not.
    guest.reset().long('mov [rdi], rax', { rdi: 0x1f_fffc });
    guest.put(at.tables + 0x2000 + 8, 0, 0);
    guest.page(0x1ff, d | 7);
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 14);
    t.is(guest.state.controls.cr2, 0x20_0000n);
    t.deepEqual(
      guest.log.filter(([kind]) => kind === 'write'),
      [],
    );
  });

  test('MMIO: an interrupt raised by the device comes next', t => {
    guest.reset().long('sti\n nop\n mov eax, [rdi]\n inc ebx\n hlt', { rdi: d });
    guest.memory = () => {
      guest.pin.raise(0x50);
      return 0n;
    };
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 0x50);
    t.is(guest.register('rbx'), 0n);
  });

  test('MMIO: page tables, stacks and descriptor tables in it never throw', t => {
    for (const source of [
      'mov cr3, rdi',
      'mov rsp, rdi\n int3',
      'lidt [rsi]\n int3',
      'lgdt [rsi]\n mov ds, ebx',
      'jmp rdi',
      'fxsave [rdi]',
      'fxrstor [rdi]',
      'xsave [rdi]',
    ]) {
      guest.reset().long(`${source}\n hlt`, { rdi: d, rsi: at.data, rbx: 8 });
      guest.put(at.data, 0x0000_ffff | (d << 16), d >>> 16, 0);
      t.notThrows(() => guest.run(1000), source);
    }
  });

  const user = () => {
    const { segments } = guest.state;
    guest.processor.setState({
      segments: {
        ...segments,
        cs: { ...segments.cs, selector: selector.userCode, attributes: 0xafb },
        ss: { ...segments.cs, selector: selector.userData, attributes: 0xcf3 },
      },
    });
  };

  test("MMIO: CR0.WP is no user's, and translations leave their marks", t => {
    for (const [level, vector] of [
      ['user', 14],
      ['supervisor', -1],
    ] as const) {
      guest.reset().long('movsb\n hlt', { rsi: d, rdi: at.data, rsp: at.userStack });
      guest.memory = () => 0x5an;
      guest.page(0x20, 0x2_0000 | 5);
      const { controls } = guest.state;
      guest.processor.setState({ controls: { ...controls, cr0: controls.cr0 & ~0x1_0000n } });
      if (level === 'user') user();
      t.is(guest.run().reason, 'halt');
      t.is(guest.vector, vector, level);
      if (level === 'user') t.is(guest.get64(at.stack - 48), 7n);
      else t.is(guest.bytes[at.data], 0x5a);
    }
    const { tables } = at;
    const marks = [tables, tables + 0x1000, tables + 0x2000, tables + 0x6000 + 8 * 0x20].map(
      entry => guest.get32(entry) & 0x60,
    );
    t.deepEqual(marks, [0x20, 0x20, 0x20, 0x60]);
  });

  test('an address that is not canonical is #SS on the stack, #GP elsewhere', t => {
    for (const [source, vector] of [
      ['mov ebx, [rdi + rax]', 13],
      ['mov [rdi + rax], ebx', 13],
      ['mov ebx, [rbp + rax]', 12],
      ['add [rsp + rax], ebx', 12],
      ['mov rsp, rax\n push rbx', 12],
      ['mov rsp, rax\n pop rbx', 12],
      ['mov rsp, rax\n call $ + 5', 12],
      ['mov rsp, rax\n ret', 12],
    ] as const) {
      guest.reset().long(`inc edx\n ${source}\n hlt`, { rax: 0x8000_0000_0000_0000n, rdi: at.data, rbp: at.data });
      guest.gate(12, at.handlers + 16 * 12, { stack: 1 });
      guest.gate(13, at.handlers + 16 * 13, { stack: 1 });
      guest.put(at.tss + 0x24, at.stack, 0);
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, vector, source);
      t.is(guest.get64(at.stack - 48), 0n);
      t.is(guest.register('rdx'), 1n);
    }
  });

  test('an address is of the registers as they were before the instruction changed them', t => {
    for (const [source, register, stored] of [
      ['xchg [rdi + rcx * 8], rcx', 'rcx', 1n],
      ['xchg [rcx * 8 + 0x20000], ecx', 'rcx', 1n],
      ['xadd [rdi + rcx * 8], rcx', 'rcx', 0x31n],
      ['lock xadd [rcx + rdi + 7], rcx', 'rcx', 0x31n],
      ['mov rcx, [rdi + rcx * 8]', 'rcx', 0x30n],
      ['movzx ecx, byte ptr [rdi + rcx * 8]', 'rcx', 0x30n],
      ['lea rcx, [rdi + rcx * 8]\n mov rcx, [rcx]', 'rcx', 0x30n],
      ['mov rdi, [rdi + rcx * 8]', 'rdi', 0x30n],
      ['xchg [rdi + rcx * 8], rdi', 'rdi', BigInt(at.data)],
      ['push qword ptr [rdi + rcx * 8]\n pop rcx', 'rcx', 0x30n],
      ['mov rsp, rdi\n pop [rsp]\n mov rcx, 0x30', 'rcx', 0x30n],
      ['mov eax, 0x30\n cmpxchg [rdi + rcx * 8], rcx\n mov rcx, rax', 'rcx', 1n],
    ] as const) {
      guest.reset().long(`${source}\n hlt`, { rdi: at.data, rcx: 1 });
      guest.put(at.data + 8, 0x30);
      if (source.includes('pop [')) {
        guest.put(at.data, 0x30);
        guest.put(at.data + 8, 0);
      }
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, -1, source);
      t.is(guest.register(register), 0x30n, source);
      t.is(guest.get64(at.data + 8), stored, source);
    }
  });

  test("a user's selector from a device is looked up in the supervisor's table", t => {
    guest.reset().long(`mov fs, [0x${at.device.toString(16)}]\n ud2`, { rsp: at.userStack });
    guest.memory = () => BigInt(selector.userData);
    user();
    for (const page of [1, 2]) guest.page(page, (page << 12) | 3);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 6, 'no page fault');
    t.is(guest.state.segments.fs.selector, selector.userData);
  });
}
