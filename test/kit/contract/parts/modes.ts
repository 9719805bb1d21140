/** From power-on to 64-bit mode, INIT and SIPI, several processors. */
import type { AddCase } from '../../checks/case.ts';
import { at, type Guest } from '../guest.ts';

/** Real mode to protected mode to long mode and back, as a boot loader goes. */
const ladder = `
  cli
  lgdt [gdtr]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp 0x50:protected
  bits 32
protected:
  mov ax, 0x10
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov esp, 0x30000
  mov eax, 0x32
  out 0x80, eax
  mov eax, cr4
  or eax, 0x20
  mov cr4, eax
  mov eax, 0x3000
  mov cr3, eax
  mov ecx, 0xc0000080
  rdmsr
  or eax, 0x100
  wrmsr
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  rdmsr
  out 0x81, eax
  jmp 0x08:long
  bits 64
long:
  mov rax, 0x123456789
  mov [0x28000], rax
  mov eax, 0x64
  out 0x82, eax
  push 0x50
  push compatible
  retfq
  bits 32
compatible:
  mov eax, 0x33
  out 0x83, eax
  mov eax, cr0
  and eax, 0x7fffffff
  mov cr0, eax
  rdmsr
  out 0x84, eax
  mov eax, cr4
  and eax, 0xdf
  mov cr4, eax
  jmp 0x40:half
  bits 16
half:
  mov ax, 0x48
  mov ds, ax
  mov eax, cr0
  and al, 0xfe
  mov cr0, eax
  jmp 0:realagain
realagain:
  mov ax, 0x16
  out 0x85, ax
  hlt
gdtr: dw 0x57
  dd 0x1000
`;

export function modes(test: AddCase, guest: Guest): void {
  test('real mode, protected mode, long mode, and back', t => {
    guest.reset().long();
    guest.real();
    guest.load(16, ladder, 0x8000);
    const { general, segments } = guest.state;
    const zero = { ...segments.ds, selector: 0, base: 0n };
    guest.processor.setState({
      general: { ...general, rip: 0x8000n },
      segments: {
        ...segments,
        cs: { ...segments.cs, selector: 0, base: 0n },
        ds: zero,
        ss: zero,
        gdtr: { limit: 0xffff, base: 0n },
      },
    });
    const exit = guest.run();
    t.deepEqual(
      guest.log.map(([, port, , value]) => [port, value]),
      [
        [0x80, 0x32n],
        [0x81, 0x500n],
        [0x82, 0x64n],
        [0x83, 0x33n],
        [0x84, 0x100n],
        [0x85, 0x16n],
      ],
    );
    t.deepEqual(exit, { reason: 'halt' });
    t.is(guest.get64(0x2_8000), 0x1_2345_6789n);
  });

  test('MOV CR0 that changes CD, NE or ET too is checked as any', t => {
    for (const [change, ok] of [
      ['and eax, 0x7fffffff', false],
      ['and eax, 0xfffffffe', false],
      ['xor eax, 0x20000000', false],
      ['bts rax, 33', false],
      ['xor eax, 0x10000', true],
    ] as const) {
      const other = change.includes('0x20000000') ? 'xor eax, 0x20' : 'xor eax, 0x40000000';
      for (const source of [change, `${other}\n ${change}`]) {
        guest.reset().long(`mov rax, cr0\n ${source}\n mov cr0, rax\n hlt`);
        const { cr0 } = guest.state.controls;
        t.deepEqual(guest.run(), { reason: 'halt' });
        t.is(guest.vector, ok ? -1 : 13, source);
        const { controls, msrs } = guest.state;
        t.is(controls.cr0, ok ? cr0 ^ 0x1_0000n ^ (source === change ? 0n : 0x4000_0000n) : cr0, source);
        t.is(msrs.efer, 0xd01n);
      }
    }
    guest.reset().long('mov rax, cr0\n xor eax, 0x40000080\n mov cr0, rax\n mov rbx, cr0\n hlt');
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rbx'), 0xc001_0031n, 'what is reserved is ignored');

    // The same on the ways into long mode and out of it.
    for (const [efer, cr4, vector] of [
      [0x100n, 0x20n, -1],
      [0x100n, 0n, 13],
    ] as const) {
      guest.reset().long();
      const { tables } = at;
      guest.protected(
        `mov eax, cr0\n xor eax, 0xc0000000\n mov cr0, eax\n mov ebx, cr0\n xor eax, 0xc0000000\n mov cr0, eax\n mov ecx, cr0\n hlt`,
      );
      const { controls, msrs } = guest.state;
      guest.processor.setState({ controls: { ...controls, cr3: BigInt(tables), cr4 }, msrs: { ...msrs, efer } });
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.vector, vector);
      if (vector >= 0) continue;
      t.is(guest.register('rbx'), 0xc000_0031n);
      t.is(guest.register('rcx'), 0x31n);
      t.is(guest.state.msrs.efer, 0x100n);
    }
  });

  test('paging in 32 bits, with and without PAE', t => {
    guest
      .reset()
      .protected(
        'mov eax, 0x50000\n mov cr3, eax\n mov eax, cr0\n or eax, 0x80010000\n mov cr0, eax\n mov eax, [0x800000]\n mov [0x28000], eax\n mov dword ptr [0x801000], 1\n hlt',
      );
    guest.put(0x5_0000, 0x5_1000 | 3, 0, 0x5_2000 | 3);
    for (let n = 0; n < 512; n++) guest.put(0x5_1000 + 4 * n, (n << 12) | 3);
    guest.put(0x5_2000, 0x2_0000 | 3, 0x2_1000 | 1);
    guest.put(0x2_0000, 0xcafe);
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 14);
    t.is(guest.state.controls.cr2, 0x80_1000n);
    t.is(guest.get32(0x2_8000), 0xcafe);

    guest
      .reset()
      .protected(
        'mov eax, cr4\n or eax, 0x20\n mov cr4, eax\n mov eax, 0x50020\n mov cr3, eax\n mov eax, cr0\n or eax, 0x80010000\n mov cr0, eax\n mov eax, [0x40000000]\n mov [0x28000], eax\n mov dword ptr [0x40001000], 1\n hlt',
      );
    guest.put(0x5_0020, 0x5_1000 | 1, 0, 0x5_2000 | 1, 0);
    guest.put(0x5_1000, 0x83, 0);
    guest.put(0x5_2000, 0x5_3000 | 3, 0);
    guest.put(0x5_3000, 0x2_0000 | 3, 0, 0x2_1000 | 1, 0);
    guest.put(0x2_0000, 0xbeef);
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 14);
    t.is(guest.state.controls.cr2, 0x4000_1000n);
    t.is(guest.get32(0x2_8000), 0xbeef);
  });

  test('power-on and INIT are as the manual has them, SIPI is what it is', t => {
    const data = { selector: 0, attributes: 0x93, limit: 0xffff, base: 0n };
    const table = { limit: 0xffff, base: 0n };
    const segments = {
      es: data,
      cs: { selector: 0xf000, attributes: 0x9b, limit: 0xffff, base: 0xffff_0000n },
      ss: data,
      ds: data,
      fs: data,
      gs: data,
      ldtr: { ...data, attributes: 0x82 },
      tr: { ...data, attributes: 0x8b },
      gdtr: table,
      idtr: table,
    };
    const signature = guest.machine.specification.cpu.leaves.find(({ leaf }) => leaf === 1)!.eax;
    const registers = Array.from({ length: 16 }, (_, n) => (n === 2 ? BigInt(signature >>> 0) : 0n));
    const general = { registers, rip: 0xfff0n, rflags: 2n };
    const debug = { dr0: 0n, dr1: 0n, dr2: 0n, dr3: 0n, dr6: 0xffff_0ff0n, dr7: 0x400n };
    const interrupts = { shadow: false, nmiBlocked: false, halted: false };

    guest.reset().long('nop\n jmp $', { rax: 1, r15: 2 });
    const { msrs, controls } = guest.state;
    const vector = guest.state.vector.map((_, n) => n);
    const fpu = guest.state.fpu.map((byte, n) => (n < 32 || n >= 416 || (n < 160 && n % 16 >= 10) ? byte : n & 0x3f));
    const used = {
      msrs: { ...msrs, star: 5n, lstar: 6n, kernelGsBase: 7n, sysenterEip: 8n, pat: 0x0606_0606_0606_0606n, tsc: 900n },
      controls: { ...controls, cr0: controls.cr0 | 0x2000_0000n, cr2: 9n, cr8: 3n, xcr0: 3n },
      debug: { ...debug, dr0: 0x1234n, dr7: 0x401n },
      interrupts: { ...interrupts, nmiBlocked: true, halted: true },
      fpu,
      vector,
    };
    guest.processor.setState(used);
    guest.processor.init();
    t.deepEqual(guest.state, {
      general,
      segments,
      // CD and NW stay as they are.
      controls: { cr0: 0x2000_0010n, cr2: 0n, cr3: 0n, cr4: 0n, cr8: 0n, xcr0: 3n },
      debug,
      msrs: { ...used.msrs, efer: 0n },
      interrupts,
      fpu,
      vector,
    });
    const initial = guest.state;
    guest.processor.startup(0x9a);
    t.deepEqual(guest.state, {
      ...initial,
      general: { ...general, rip: 0n },
      segments: { ...segments, cs: { ...segments.cs, selector: 0x9a00, base: 0x9_a000n } },
    });

    guest.processor.setState(used);
    guest.processor.reset();
    const powered = guest.state;
    t.deepEqual(
      { ...powered, fpu: undefined },
      {
        general,
        segments,
        controls: { cr0: 0x6000_0010n, cr2: 0n, cr3: 0n, cr4: 0n, cr8: 0n, xcr0: 1n },
        debug,
        msrs: {
          ...(Object.fromEntries(Object.keys(msrs).map(each => [each, 0n])) as unknown as typeof msrs),
          pat: 0x0007_0406_0007_0406n,
        },
        interrupts,
        fpu: undefined,
        vector: new Uint8Array(256),
      },
    );
    const view = new DataView(powered.fpu.buffer, powered.fpu.byteOffset);
    t.is(view.getUint16(0, true), 0x40, 'FCW');
    t.is(view.getUint16(2, true), 0, 'FSW');
    t.is(view.getUint8(4), 0xff, 'all registers hold zeros, none is empty');
    t.is(view.getUint32(24, true), 0x1f80, 'MXCSR');
    t.true(powered.fpu.subarray(32, 416).every(byte => byte === 0));
  });

  test('an interrupt in real mode clears IF, TF, RF and AC', t => {
    guest.reset().real('int 0x20\n hlt', { rflags: 0x4_0a02 });
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 0x20);
    t.is(guest.state.general.rflags, 0x802n);
    t.is(guest.view.getUint16(at.stack + 0x1000 - 2, true), 0xa02);
  });

  test('power-on, INIT and startup', t => {
    guest.reset();
    const { general, segments, controls } = guest.state;
    t.is(general.rip, 0xfff0n);
    t.is(general.rflags, 2n);
    t.is(segments.cs.base, 0xffff_0000n);
    t.is(segments.cs.selector, 0xf000);
    t.is(controls.cr0 & 0x8000_0001n, 0n);
    guest.long('jmp $');
    t.is(guest.run(10).reason, 'limit');
    guest.processor.init();
    t.is(guest.state.general.rip, 0xfff0n);
    t.is(guest.state.msrs.efer, 0n);
    guest.load(16, 'mov ax, cs\n out 0x80, ax\n hlt', 0x2_1000, 0);
    guest.processor.startup(0x21);
    t.is(guest.run().reason, 'halt');
    t.deepEqual(guest.log, [['out', 0x80, 2, 0x2100n]]);
  });

  test('two processors over one memory', t => {
    const two = guest.another({ processors: 2 });
    const [first, second] = two.machine.processors;
    two.long('again: lock inc dword ptr [0x28000]\n jmp again');
    second!.setState(first!.getState());
    t.is(two.run(100).reason, 'limit');
    const swap = two.machine.processors as unknown as { [n: number]: typeof first };
    [swap[0], swap[1]] = [second, first];
    t.is(two.run(101).reason, 'limit');
    t.is(two.get32(0x2_8000), 50 + 51);
    two.machine[Symbol.dispose]();
    two.accelerator[Symbol.dispose]();
  });
}
