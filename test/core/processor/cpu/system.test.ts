/** System instructions on a whole CPU: modes, system calls, gates, tasks, ports, MSRs, control registers, FXSAVE, breakpoints. */
import test from 'ava';
import { amd, intel } from '../../../../core/processor/cpu/models.ts';
import { state as layout, Segment } from '../../../../core/processor/state/layout.ts';
import { mode64 } from '../../../../core/processor/state/mode.ts';
import { Cr0, Cr4, Flag } from '../../../../core/processor/state/registers.ts';
import { Computer, place, selector } from '../../../support/computer.ts';

const handler = place.handlers;

test('real mode to protected mode to PAE to 64-bit mode and back to compatibility mode', t => {
  const m = new Computer();
  m.descriptors();
  m.put64(place.tables, (place.tables + 0x1000) | 7);
  m.put64(place.tables + 0x1000, (place.tables + 0x2000) | 7);
  m.put64(place.tables + 0x2000, 0x87);
  m.view.setUint16(0x500, 0x4f, true);
  m.view.setUint32(0x502, place.gdt, true);
  m.load(
    16,
    `xor ax, ax
     mov ds, ax
     lgdt [0x500]
     mov eax, cr0
     or eax, 1
     mov cr0, eax
     jmp 0x48:0x8000`,
    0x7000,
  );
  m.load(
    32,
    `mov eax, 0x10
     mov ds, eax
     mov ss, eax
     mov esp, 0x30000
     mov eax, cr4
     or eax, 0x20
     mov cr4, eax
     mov eax, ${place.tables}
     mov cr3, eax
     mov ecx, 0xc0000080
     rdmsr
     or eax, 0x901
     wrmsr
     mov eax, cr0
     or eax, 0x80000000
     mov cr0, eax
     jmp 0x08:0x9000`,
    0x8000,
  );
  m.load(
    64,
    `mov rax, 0x123456789abcdef0
     push 0x48
     push 0xa000
     retfq`,
    0x9000,
  );
  m.load(32, 'mov ecx, 0xc0000080\n rdmsr\n hlt', 0xa000);
  const { state } = m.cpu;
  state.setSegment(Segment.cs, 0, 0x9b, 0xffff, 0, 0);
  state.setRip(0x7000, 0);
  m.cpu.derive();
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rax'), 0xd01n, 'LMA, LME, NXE, SCE');
  t.is(m.rip, 0xa00c - 4);
  t.not(state.mode, mode64);
  t.is(m.cpu.retired, 7 + 17 + 4 + 3);
});

test('SYSCALL and SYSRET', t => {
  const m = new Computer().long();
  const { state } = m.cpu;
  state.set64(layout.star.offset, 0, (0x1b << 16) | 0x08);
  state.set64(layout.lstar.offset, handler, 0);
  state.set64(layout.sfmask.offset, Flag.if | Flag.df, 0);
  m.load(64, `push 0x23\n push ${place.userStack}\n push 0x602\n push 0x2b\n push ${place.code + 0x100}\n iretq`);
  m.load(64, 'syscall\n mov ebx, 1\n jmp $', place.code + 0x100);
  m.load(64, 'mov eax, cs\n mov edx, ss\n pushfq\n pop rsi\n sysretq', handler);
  m.cpu.run(20);
  t.is(m.register('rax'), 0x08n);
  t.is(m.register('rdx'), 0x10n);
  t.is(m.register('rsi'), 2n);
  t.is(m.register('rcx'), BigInt(place.code + 0x102));
  t.is(m.register('rbx'), 1n);
  t.is(state.selector(Segment.cs), 0x2b);
  t.is(state.selector(Segment.ss), 0x23);
  t.is(state.flags & (Flag.if | Flag.df), Flag.if | Flag.df);
});

test('a 32-bit call gate copies parameters to the inner stack, RET n returns to the outer one', t => {
  const m = new Computer().protected32();
  m.put64(place.gdt + 0x38, (handler & 0xffff) | (selector.code32 << 16), (handler & 0xffff_0000) | 0xec02);
  m.load(32, `push 0x23\n push ${place.userStack}\n push 0x1b\n push ${place.code + 0x100}\n retfd`);
  m.load(32, 'push 0x11\n push 0x22\n call 0x3b:0\n mov edi, esp\n jmp $', place.code + 0x100);
  m.load(32, 'mov eax, [esp + 8]\n mov ebx, [esp + 12]\n mov ecx, [esp + 4]\n mov edx, esp\n retfd 8', handler);
  m.cpu.run(14);
  t.is(m.register('rax'), 0x22n);
  t.is(m.register('rbx'), 0x11n);
  t.is(m.register('rcx'), 0x1bn);
  t.is(m.register('rdx'), BigInt(place.innerStack - 24));
  t.is(m.register('rdi'), BigInt(place.userStack));
  t.is(m.cpu.state.cpl, 3);
});

test('task switches: CALL to a TSS and IRET back', t => {
  const m = new Computer().protected32();
  const other = 0x1900;
  m.put64(place.gdt + 0x38, 0x67 | (other << 16), 0x8900);
  m.view.setUint32(other + 0x20, handler, true);
  m.view.setUint32(other + 0x24, 2, true);
  m.view.setUint32(other + 0x38, place.specialStack, true);
  for (const at of [0x48, 0x50, 0x54, 0x58, 0x5c]) m.view.setUint16(other + at, selector.data, true);
  m.view.setUint16(other + 0x4c, selector.code32, true);
  m.load(32, 'mov ebx, 5\n call 0x38:0\n mov ecx, 7\n hlt');
  m.load(32, 'mov esi, 9\n pushfd\n pop eax\n mov [0x20000], eax\n str edx\n mov [0x20004], edx\n iretd', handler);
  m.view.setUint8(place.gdt + 0x35, 0x8b);
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rbx'), 5n);
  t.is(m.register('rcx'), 7n);
  t.is(m.register('rsi'), 0n, 'a register of the other task');
  t.true((m.get32(place.data) & Flag.nt) !== 0);
  t.is(m.get32(place.data + 4), 0x38);
  t.is(m.view.getUint32(other + 0x40, true), 9, 'its state is saved');
  t.is(m.view.getUint8(place.gdt + 0x3d), 0x89, 'and it is no longer busy');
  t.true((m.cpu.state.cr0 & Cr0.ts) !== 0);
});

test('ports: exits tell the operands; IOPL and the bitmap refuse', t => {
  const m = new Computer().long();
  m.load(64, 'mov dx, 0x3f8\n mov eax, 0x12345678\n out dx, ax\n in al, 0x60\n hlt');
  const out = m.run();
  t.like(out, { reason: 'io', port: 0x3f8, size: 2, input: false, string: false, length: 2 });
  t.is(m.cpu.outputValue(2), 0x5678);
  m.cpu.completeInstruction();
  t.like(m.run(), { reason: 'io', port: 0x60, size: 1, input: true });
  m.cpu.completeInput(1, 0xab);
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rax'), 0x123456abn);
  t.is(m.cpu.retired, 5);

  const n = new Computer().long();
  n.gate(13, handler);
  n.cpu.state.setSegment(Segment.tr, selector.task, 0x8b, 0x67 + 0x10, place.tss, 0);
  n.view.setUint16(place.tss + 0x66, 0x68, true);
  n.view.setUint8(place.tss + 0x68 + 0xc, 0x02);
  n.load(64, `push 0x23\n push ${place.userStack}\n push 2\n push 0x2b\n push ${place.code + 0x100}\n iretq`);
  n.load(64, 'in al, 0x60\n in al, 0x61', place.code + 0x100);
  n.load(64, 'pop rbx\n pop rcx\n hlt', handler);
  t.like(n.run(), { reason: 'io', port: 0x60 });
  n.cpu.completeInput(1, 1);
  t.deepEqual(n.run(), { reason: 'halt' });
  t.is(n.register('rcx'), BigInt(place.code + 0x102));
});

test('INS and OUTS with a count of zero: permission is asked for, and on Intel’s the counter is cut to 32 bits', t => {
  for (const model of [amd(), intel()]) {
    const m = new Computer(model).long();
    m.load(64, 'mov rcx, 0xabcd00000000\n db 0x67\n rep outsb\n db 0x67\n rep insb\n hlt');
    t.deepEqual(m.run(), { reason: 'halt' });
    t.is(m.register('rcx'), model.vendor === 'intel' ? 0n : 0xabcd_0000_0000n);

    const n = new Computer(model).long();
    n.gate(13, handler);
    n.load(64, `push 0x23\n push ${place.userStack}\n push 2\n push 0x2b\n push ${place.code + 0x100}\n iretq`);
    n.load(64, 'xor ecx, ecx\n rep outsb\n hlt', place.code + 0x100);
    n.load(64, 'pop rbx\n pop rcx\n hlt', handler);
    t.deepEqual(n.run(), { reason: 'halt' });
    t.is(n.register('rcx'), BigInt(place.code + 0x102));
  }
});

test('single steps through REPE CMPS: its flags come with the last iteration on Intel’s, with each on AMD’s', t => {
  for (const model of [amd(), intel()]) {
    const m = new Computer(model).long();
    m.gate(1, handler);
    m.load(
      64,
      `mov ecx, 3\n mov esi, ${place.data}\n mov edi, ${place.data + 0x100}\n mov ebx, ${place.data + 0x200}
       push 0x1d3\n popfq\n repe cmpsb\n nop\n ud2`,
    );
    m.gate(6, handler + 0x80);
    m.load(64, 'hlt', handler + 0x80);
    m.load(64, 'mov rax, [rsp+16]\n mov [rbx], rax\n add rbx, 8\n iretq', handler);
    t.deepEqual(m.run(), { reason: 'halt' });
    const seen = [0, 1, 2].map(n => Number(m.get64(place.data + 0x200 + 8 * n)) & 0x8d5);
    // CF, AF and SF from before; ZF and PF of what is equal.
    t.deepEqual(seen, model.vendor === 'intel' ? [0xd1, 0xd1, 0x44] : [0x44, 0x44, 0x44]);
  }
});

test('OUTS with ports in place', t => {
  const m = new Computer().long();
  const written: [number, number, number][] = [];
  m.view.setUint32(place.data, 0x6f6c_6c61, true);
  m.load(64, `mov edx, 0xe9\n mov esi, ${place.data}\n mov ecx, 4\n rep outsb\n hlt`);
  t.like(m.run(), { reason: 'io', string: true, repeat: true, input: false });
  m.cpu.performPorts({
    read: () => 0,
    write: (port, size, value) => {
      written.push([port, size, value]);
    },
  });
  t.deepEqual(m.run(), { reason: 'halt' });
  t.deepEqual(
    written,
    [0x61, 0x6c, 0x6c, 0x6f].map(value => [0xe9, 1, value] as [number, number, number]),
  );
  t.is(m.cpu.retired, 5);
});

test('MSRs: the CPU has its own, others are exits', t => {
  const m = new Computer().long();
  m.load(64, 'mov ecx, 0xc0000082\n mov eax, 5\n mov edx, 0xffffffff\n wrmsr\n mov ecx, 0x1b\n rdmsr\n hlt');
  t.like(m.run(), { reason: 'msr', index: 0x1b, write: false });
  m.cpu.completeMsrRead(0x1234_fee0_0900n);
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rdx'), 0x1234n);
  t.is(m.cpu.state.get(layout.lstar), 0xffff_ffff_0000_0005n);
});

test('IA-32e mode cannot be entered with a 16-bit TSS on Intel', t => {
  for (const [model, fault] of [
    [intel(), 13n],
    [amd(), 0n],
  ] as const) {
    const m = new Computer(model).protected32();
    m.gate32(13, handler);
    m.load(32, 'mov esi, 13\n hlt', handler);
    m.put64(place.tables, (place.tables + 0x1000) | 7);
    m.put64(place.tables + 0x1000, (place.tables + 0x2000) | 7);
    m.put64(place.tables + 0x2000, 0x87);
    m.cpu.state.setSegment(Segment.tr, selector.task, 0x83, 0x2b, place.tss, 0);
    m.load(
      32,
      `mov eax, cr4\n or eax, 0x20\n mov cr4, eax\n mov eax, ${place.tables}\n mov cr3, eax
       mov ecx, 0xc0000080\n rdmsr\n or eax, 0x100\n wrmsr\n mov eax, cr0\n or eax, 0x80000000\n mov cr0, eax\n hlt`,
    );
    m.run();
    t.is(m.register('rsi'), fault);
  }
});

const refused: [name: string, program: string][] = [
  ['CR0.PG without PE', 'mov eax, 0x80000010\n mov cr0, rax'],
  ['CR0 bits 63:32', 'mov rax, cr0\n bts rax, 40\n mov cr0, rax'],
  ['CR0.NW without CD', 'mov rax, cr0\n bts rax, 29\n mov cr0, rax'],
  ['CR0.PG off in 64-bit mode', 'mov rax, cr0\n btr rax, 31\n mov cr0, rax'],
  ['CR4.PAE off in 64-bit mode', 'mov rax, cr4\n btr rax, 5\n mov cr4, rax'],
  ['a CR4 bit that does not exist', 'mov rax, cr4\n bts rax, 15\n mov cr4, rax'],
  ['CR3 beyond the physical width', 'mov rax, 0x0000800000003000\n mov cr3, rax'],
  ['CR8 above 15', 'mov eax, 16\n mov cr8, rax'],
  ['DR7 bits 63:32', 'mov eax, 1\n shl rax, 32\n mov dr7, rax'],
  ['an EFER bit that does not exist', 'mov ecx, 0xc0000080\n rdmsr\n bts eax, 9\n wrmsr'],
  ['EFER.LME while paging', 'mov ecx, 0xc0000080\n rdmsr\n btr eax, 8\n wrmsr'],
  ['a non-canonical LSTAR', 'mov ecx, 0xc0000082\n mov edx, 0x8000\n wrmsr'],
  ['a PAT type that does not exist', 'mov ecx, 0x277\n mov edx, 0\n mov eax, 2\n wrmsr'],
  ['LTR of a busy TSS', 'mov eax, 0x30\n ltr ax\n ltr ax'],
  ['a selector beyond the GDT', 'mov eax, 0x50\n mov ds, eax'],
  ['a null SS at the wrong RPL', 'mov eax, 1\n mov ss, eax'],
  ['a misaligned FXSAVE', 'fxsave [0x20008]'],
  ['RDPMC', 'mov ecx, 0\n rdpmc'],
];

for (const [name, program] of refused) {
  test(`#GP: ${name}`, t => {
    const m = new Computer().long();
    m.gate(13, handler);
    m.load(64, `${program}\n hlt`);
    m.load(64, 'hlt', handler);
    t.deepEqual(m.run(), { reason: 'halt' });
    t.is(m.rip, handler + 1);
  });
}

test('FXSAVE and FXRSTOR carry x87 and SSE state', t => {
  const m = new Computer().long();
  const { state } = m.cpu;
  for (let n = 0; n < 16; n++) state.set32(0x400 + n * 16, 0x1000 + n);
  state.set8(layout.x87Top.offset, 5);
  state.set8(layout.x87Tags.offset, 0xe0);
  state.set64(0x300 + 5 * 16, 0x55, 0x8000_0000 | 0);
  state.set32(layout.mxcsr.offset, 0x1fa0);
  m.load(64, 'fxsave64 [0x20000]\n hlt\n fxrstor64 [0x20000]\n hlt');
  m.run();
  t.is(m.view.getUint16(0x20002, true) >> 11, 5);
  t.is(m.view.getUint8(0x20004), 0xe0);
  t.is(m.view.getUint32(0x20018, true), 0x1fa0);
  t.is(m.view.getUint32(0x20020, true), 0x55, 'ST(0) is R5');
  t.is(m.view.getUint32(0x200a0 + 15 * 16, true), 0x100f);
  for (let n = 0; n < 16; n++) state.set32(0x400 + n * 16, 0);
  state.set8(layout.x87Top.offset, 0);
  m.resume();
  t.is(state.get32(0x400 + 15 * 16), 0x100f);
  t.is(state.get8(layout.x87Top.offset), 5);
});

test('XSAVE and XRSTOR: components, initial state, header', t => {
  const m = new Computer().long();
  const { state } = m.cpu;
  state.cr4 |= Cr4.osxsave;
  state.set64(layout.xcr0.offset, 3, 0);
  state.set32(0x400, 77);
  m.gate(13, handler);
  m.load(64, 'hlt', handler);
  m.load(
    64,
    'mov eax, 2\n mov edx, 0\n xsave64 [0x20000]\n hlt\n mov eax, 3\n xrstor64 [0x20000]\n hlt\n xrstor64 [0x20000]',
  );
  m.run();
  t.is(m.get64(0x20200), 2n);
  t.is(m.view.getUint32(0x200a0, true), 77);
  state.set32(0x400, 0);
  state.set16(layout.fcw.offset, 0x27f);
  m.resume();
  t.is(state.get32(0x400), 77);
  t.is(state.get16(layout.fcw.offset), 0x37f, 'x87 was not in XSTATE_BV');
  m.view.setUint8(0x20208, 1);
  m.resume();
  t.is(m.rip, handler + 1, 'the compacted form does not exist');
});

test('data breakpoints trap after the access, instruction breakpoints fault before', t => {
  const m = new Computer().long();
  m.gate(1, handler);
  m.load(
    64,
    `mov eax, ${place.data}\n mov dr0, rax\n lea rax, [rel there]\n mov dr1, rax\n mov eax, 0x000d0005\n mov dr7, rax
     mov dword [${place.data}], 5\n nop\n there: mov ebx, 7\n hlt`,
  );
  m.load(
    64,
    'mov rax, dr6\n mov rcx, [rsp]\n inc r8d\n or dword [rsp + 16], 0x10000\n hlt\n xor edi, edi\n mov dr6, rdi\n iretq',
    handler,
  );
  m.run();
  t.is(m.register('rax') & 0xfn, 1n);
  t.is(m.get32(place.data), 5);
  m.resume();
  t.is(m.register('rax') & 0xfn, 2n);
  t.is(m.register('rbx'), 0n);
  m.resume();
  t.is(m.register('rbx'), 7n);
  t.is(m.register('r8'), 2n);
});

test('an instruction breakpoint is met on another page, whose code is decoded already', t => {
  const m = new Computer().long();
  m.gate(1, handler);
  m.load(
    64,
    'mov ecx, 0xa000\n call rcx\n mov dr0, rcx\n mov eax, 0x401\n mov dr7, rax\n xor ebx, ebx\n call rcx\n hlt',
  );
  m.load(64, 'mov ebx, 1\n ret', 0xa000);
  m.load(64, 'mov rdx, [rsp]\n hlt', handler);
  m.run();
  t.is(m.register('rdx'), 0xa000n);
  t.is(m.register('rbx'), 0n);
});

test('an instruction that goes on in another page is what that page says now', t => {
  const m = new Computer().long();
  const elsewhere = 0x4_0000;
  const entry = place.tables + 0x3000 + 0xb * 8;
  [0xbb, 1, 0, 0, 0, 0xc3].forEach((byte, n) => {
    m.view.setUint8(0xaffd + n, byte);
  });
  [0, 1, 0xc3].forEach((byte, n) => {
    m.view.setUint8(elsewhere + n, byte);
  });
  m.load(
    64,
    `mov ecx, 0xaffd\n call rcx\n mov esi, ebx\n mov dword [${entry}], ${elsewhere | 7}\n invlpg [0xb000]\n call rcx\n hlt`,
  );
  m.run();
  t.is(m.register('rsi'), 1n);
  t.is(m.register('rbx'), 0x100_0001n);
});

test('power-on leaves the engine what it has decoded', t => {
  const m = new Computer().long();
  m.load(64, 'mov ebx, 1\n hlt');
  m.run();
  const { offset } = layout.codeTables;
  const tables = m.cpu.state.get32(offset);
  t.not(tables, 0);
  m.cpu.powerOn();
  t.is(m.cpu.state.get32(offset), tables);
});

test('self-modifying code, and code written by a helper', t => {
  const m = new Computer().long();
  m.load(64, `mov byte [rel there + 1], 9\n there: mov ebx, 7\n hlt`);
  m.run();
  t.is(m.register('rbx'), 9n);
});

test('the time-stamp counter counts instructions; WRMSR moves it', t => {
  const m = new Computer().long();
  m.load(
    64,
    'rdtsc\n mov ebx, eax\n rdtsc\n sub eax, ebx\n mov esi, eax\n mov ecx, 0x10\n mov eax, 1000\n mov edx, 1\n wrmsr\n rdtsc\n hlt',
  );
  t.deepEqual(m.run(), { reason: 'timestamp' });
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rsi'), 2n);
  t.is(m.register('rdx'), 1n);
  t.is(m.register('rax'), 1001n);
  t.is(m.host.time.ticks, 11);
});

test('CPUID: vendors, features that follow control registers, topology', t => {
  for (const [model, vendor] of [
    [amd(), 'AuthenticAMD'],
    [intel(), 'GenuineIntel'],
  ] as const) {
    const m = new Computer(model, { processors: 2 }).long();
    m.cpu.state.cr4 |= Cr4.osxsave;
    m.load(64, 'xor eax, eax\n cpuid\n mov r8d, ebx\n mov r9d, edx\n mov r10d, ecx\n mov eax, 1\n cpuid\n hlt');
    m.run();
    const name = (['r8', 'r9', 'r10'] as const)
      .map(register =>
        String.fromCharCode(...[0, 8, 16, 24].map(shift => Number(m.register(register) >> BigInt(shift)) & 0xff)),
      )
      .join('');
    t.is(name, vendor);
    t.true((m.register('rcx') & (1n << 27n)) !== 0n, 'OSXSAVE');
    t.true((m.register('rcx') & (1n << 9n)) === 0n, 'no SSSE3');
  }
});
