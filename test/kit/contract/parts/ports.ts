/** Port I/O: every size and form, strings in every mode, faults. */
import type { AddCase } from '../../checks/case.ts';
import { type Access, at, type Guest, selector } from '../guest.ts';

export function ports(test: AddCase, guest: Guest): void {
  const outs = (log: readonly Access[]): readonly bigint[] =>
    log.filter(([kind]) => kind === 'out').map(([, , , value]) => value);

  test('IN and OUT of every size', t => {
    guest.reset().long(
      `mov rax, 0x1122334455667788
       mov edx, 0xfff8
       out dx, al
       out dx, ax
       out dx, eax
       in al, dx
       mov rbx, rax
       in ax, dx
       mov rcx, rax
       in eax, dx
       out 0x7b, eax
       hlt`,
    );
    guest.input = () => 0xfedc_ba98;
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rbx'), 0x1122_3344_5566_7798n);
    t.is(guest.register('rcx'), 0x1122_3344_5566_ba98n);
    t.is(guest.register('rax'), 0xfedc_ba98n);
    t.deepEqual(guest.log, [
      ['out', 0xfff8, 1, 0x88n],
      ['out', 0xfff8, 2, 0x7788n],
      ['out', 0xfff8, 4, 0x5566_7788n],
      ['in', 0xfff8, 1, 0x98n],
      ['in', 0xfff8, 2, 0xba98n],
      ['in', 0xfff8, 4, 0xfedc_ba98n],
      ['out', 0x7b, 4, 0xfedc_ba98n],
    ]);
  });

  test('INS and OUTS of every size, forwards and backwards', t => {
    let value = 0;
    const next = (): number => (value = (value + 0x0102_0304) | 0);
    for (const [mnemonic, size] of [
      ['insb', 1],
      ['insw', 2],
      ['insd', 4],
    ] as const) {
      for (const rep of ['', 'rep ']) {
        for (const backwards of [false, true]) {
          value = 0;
          guest
            .reset()
            .long(`${backwards ? 'std' : 'cld'}\n ${rep}${mnemonic}\n hlt`, { rdi: at.data + 64, rcx: 13, rdx: 0x33 });
          guest.input = next;
          t.is(guest.run().reason, 'halt');
          const count = rep ? 13 : 1;
          const step = backwards ? -size : size;
          t.is(guest.register('rdi'), BigInt(at.data + 64 + count * step));
          t.is(guest.register('rcx'), rep ? 0n : 13n);
          for (let n = 0; n < count; n++) {
            const expected = BigInt.asUintN(size * 8, BigInt(0x0102_0304 * (n + 1)));
            t.is(BigInt.asUintN(size * 8, guest.get64(at.data + 64 + n * step)), expected, `${rep}${mnemonic} ${n}`);
          }
          t.is(guest.log.length, count);
        }
      }
    }
    for (const [mnemonic, size] of [
      ['outsb', 1],
      ['outsw', 2],
      ['outsd', 4],
    ] as const) {
      guest.reset().long(`rep ${mnemonic}\n hlt`, { rsi: at.data, rcx: 11, rdx: 0x7b });
      for (let n = 0; n < 64; n++) guest.bytes[at.data + n] = n + 1;
      t.is(guest.run().reason, 'halt');
      t.deepEqual(
        outs(guest.log),
        Array.from({ length: 11 }, (_, n) => BigInt.asUintN(size * 8, guest.get64(at.data + n * size))),
      );
      t.is(guest.register('rsi'), BigInt(at.data + 11 * size));
    }
  });

  test('a count of zero does nothing', t => {
    guest.reset().long('rep outsb\n rep insb\n hlt', { rsi: 0xdead_0000_0000_0000n, rdi: 0xdead_0000_0000_0000n });
    t.is(guest.run().reason, 'halt');
    t.is(guest.rip, at.code + 5);
    t.deepEqual(guest.log, []);
  });

  test('address sizes wrap where they must', t => {
    guest.reset().long('db 0x67, 0xf3, 0x6e\n hlt', { rsi: 0xffff_ffff_0002_0000n, rcx: 0xffff_ffff_0000_0003n });
    guest.bytes.set([7, 8, 9], at.data);
    t.is(guest.run().reason, 'halt');
    t.deepEqual(outs(guest.log), [7n, 8n, 9n]);
    t.is(guest.register('rsi'), 0x2_0003n);
    t.is(guest.register('rcx'), 0n);

    guest
      .reset()
      .real('mov si, 0xfffe\n mov cx, 4\n mov dx, 0x7b\n rep outsb\n hlt', { rsi: 0x1234_0000, rcx: 0x5678_0000 });
    guest.bytes.set([1, 2], at.data + 0xfffe);
    guest.bytes.set([3, 4], at.data);
    t.is(guest.run().reason, 'halt');
    t.deepEqual(outs(guest.log), [1n, 2n, 3n, 4n]);
    t.is(guest.register('rsi'), 0x1234_0002n);
    t.is(guest.register('rcx'), 0x5678_0000n);
  });

  test('OUTS obeys segment overrides', t => {
    guest.reset().long('fs outsb\n gs outsb\n cs outsb\n hlt', { rsi: 0x10 });
    const { segments } = guest.state;
    const based = (base: number) => ({ ...segments.fs, base: BigInt(base) });
    guest.processor.setState({ segments: { ...segments, fs: based(at.data), gs: based(at.data + 0x100) } });
    guest.bytes[at.data + 0x10] = 0xaa;
    guest.bytes[at.data + 0x111] = 0xbb;
    guest.bytes[0x12] = 0xcc;
    t.is(guest.run().reason, 'halt');
    t.deepEqual(outs(guest.log), [0xaan, 0xbbn, 0xccn]);

    guest.reset().real('es outsb\n ss outsb\n outsb\n hlt', { rsi: 4 });
    const real = guest.state.segments;
    guest.processor.setState({ segments: { ...real, es: { ...real.es, base: 0x2_2000n, selector: 0x2200 } } });
    guest.bytes[0x2_2004] = 1;
    guest.bytes[at.stack + 5] = 2;
    guest.bytes[at.data + 6] = 3;
    t.is(guest.run().reason, 'halt');
    t.deepEqual(outs(guest.log), [1n, 2n, 3n]);
  });

  test('strings cross pages, in RAM and into memory that is none', t => {
    guest.reset().long('rep insd\n hlt', { rdi: at.data + 0xffe, rcx: 3 });
    guest.page(0x21, 0x2_5000 | 7);
    let value = 0;
    guest.input = () => (value += 0x1111_1111);
    t.is(guest.run().reason, 'halt');
    t.is(guest.view.getUint16(at.data + 0xffe, true), 0x1111);
    t.is(guest.view.getUint16(0x2_5000, true), 0x1111);
    t.is(guest.view.getUint32(0x2_5006, true), 0x3333_3333);

    guest.reset().long('insw\n outsw\n hlt', { rdi: at.device + 2, rsi: at.device + 8 });
    guest.input = () => 0xabcd;
    guest.memory = () => 0x5566n;
    t.is(guest.run().reason, 'halt');
    t.deepEqual(guest.log, [
      ['in', 0, 2, 0xabcdn],
      ['write', at.device + 2, 2, 0xabcdn],
      ['read', at.device + 8, 2, 0x5566n],
      ['out', 0, 2, 0x5566n],
    ]);
  });

  test('a page fault comes before the port is touched, and the rest is done afterwards', t => {
    guest.reset().long('rep insb\n hlt', { rdi: at.data + 0xffe, rcx: 4 });
    guest.page(0x21, 0);
    guest.load(
      64,
      'mov [0x28000], rcx\n mov rax, cr2\n or dword ptr [0x9108], 7\n invlpg [rax]\n add rsp, 8\n iretq',
      at.handlers + 14 * 16,
    );
    guest.page(9, 0x9000 | 7);
    guest.page(0x21, 0x2_1000 | 0);
    guest.put(at.tables + 0x6000 + 8 * 0x21, 0x2_1000, 0);
    let value = 0;
    guest.input = () => ++value;
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, -1);
    t.is(guest.register('rax'), BigInt(at.data + 0x1000));
    t.is(guest.get64(0x2_8000), 2n, 'two were left');
    t.deepEqual([...guest.bytes.subarray(at.data + 0xffe, at.data + 0x1002)], [1, 2, 3, 4]);
    t.is(guest.log.length, 4);
  });

  test('a write-protected page and a non-canonical address fault', t => {
    guest.reset().long('insb', { rdi: at.data });
    guest.page(0x20, 0x2_0000 | 5);
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 14);
    t.is(guest.get64(at.stack - 48), 3n, 'present, write');
    t.deepEqual(guest.log, []);

    guest.reset().long('outsb', { rsi: 0x8000_0000_0000n });
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 13);
    t.deepEqual(guest.log, []);
  });

  test('segment limits of 16- and 32-bit code', t => {
    guest.reset().protected('insb\n hlt', { rdi: 0x100 });
    const { segments } = guest.state;
    guest.processor.setState({
      segments: { ...segments, es: { selector: 0x10, attributes: 0x493, limit: 0xff, base: BigInt(at.data) } },
    });
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 13);
    guest.reset().protected('insb\n hlt', { rdi: 0xff });
    guest.processor.setState({
      segments: { ...segments, es: { selector: 0x10, attributes: 0x493, limit: 0xff, base: BigInt(at.data) } },
    });
    guest.input = () => 0x77;
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, -1);
    t.is(guest.bytes[at.data + 0xff], 0x77);
    guest.reset().protected('insb\n hlt', { rdi: 0x10 });
    guest.processor.setState({
      segments: { ...segments, es: { selector: 0x10, attributes: 0x491, limit: 0xff, base: BigInt(at.data) } },
    });
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 13, 'not writable');
    t.deepEqual(guest.log, []);
  });

  test("an expand-down segment, the stack's, and an address that wraps within 4 GiB", t => {
    const data = (attributes: number, limit: number, base: number) => ({
      selector: 0x10,
      attributes,
      limit,
      base: BigInt(base),
    });
    for (const [offset, vector] of [
      [0x1000, -1],
      [0xfff, 13],
    ] as const) {
      guest.reset().protected('outsb\n hlt', { rsi: offset });
      const { segments } = guest.state;
      guest.processor.setState({ segments: { ...segments, ds: data(0x497, 0xfff, at.data) } });
      t.is(guest.run().reason, 'halt');
      t.is(guest.vector, vector);
    }
    guest.reset().protected('ss outsb', { rsi: 0x8_0000 });
    const { segments } = guest.state;
    guest.processor.setState({ segments: { ...segments, ss: data(0x493, 0x7_ffff, 0) } });
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 12);
    t.deepEqual(guest.log, []);

    guest.reset().protected('db 0x67, 0xf3, 0x6e\n hlt', { rsi: 0xfffe, rcx: 4 });
    guest.processor.setState({ segments: { ...segments, ds: data(0xc93, 0xffff_ffff, at.data + 0x10) } });
    guest.bytes.set([1, 2], at.data + 0x1_000e);
    guest.bytes.set([3, 4], at.data + 0x10);
    t.is(guest.run().reason, 'halt');
    t.deepEqual(outs(guest.log), [1n, 2n, 3n, 4n]);
  });

  test('what INS and MOVS from a device write over code is what runs', t => {
    for (const source of ['insb', 'mov esi, 0xd0000000\n movsb']) {
      guest.reset().long(`mov ebp, ${0x2_8000}\n call rbp\n ${source}\n call rbp\n hlt`, { rdi: 0x2_8000 });
      guest.load(64, 'nop\n inc ebx\n ret', 0x2_8000);
      guest.input = () => 0xc3;
      guest.memory = () => 0xc3n;
      t.deepEqual(guest.run(), { reason: 'halt' });
      t.is(guest.register('rbx'), 1n, source);
    }
  });

  test('ports from CPL 3 are ruled by IOPL and the TSS', t => {
    const user = (source: string, iopl: number) => {
      guest.reset().long();
      guest.load(64, source);
      const { segments, general } = guest.state;
      guest.processor.setState({
        general: { ...general, rflags: BigInt(2 | (iopl << 12)) },
        segments: {
          ...segments,
          cs: { ...segments.cs, selector: selector.userCode, attributes: 0xafb },
          ss: { ...segments.ss, selector: selector.userData, attributes: 0xcf3 },
          tr: { ...segments.tr, limit: 0x77 },
        },
      });
      guest.view.setUint16(at.tss + 0x66, 0x68, true);
      guest.bytes.fill(0xff, at.tss + 0x68, at.tss + 0x78);
    };
    user('out 0x7b, al\n jmp $', 0);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.vector, 13);
    user('out 0x7b, al\n jmp $', 3);
    t.deepEqual(guest.run(2), { reason: 'limit' });
    t.is(guest.log.length, 1);
    user('out 0x3b, al\n jmp $', 0);
    guest.bytes[at.tss + 0x68 + 7] = 0xf7;
    t.deepEqual(guest.run(2), { reason: 'limit' });
    t.is(guest.log.length, 1);
  });
}
