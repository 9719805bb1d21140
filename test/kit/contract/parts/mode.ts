/** The mode of a processor: as it was put there, and as its guest changes it. */

import type { ProcessorMode } from '#accelerators';
import type { AddCase } from '../../checks/case.ts';
import { at, type Guest, selector } from '../guest.ts';

type Words = readonly [ProcessorMode['execution'], ProcessorMode['codeBits'], ProcessorMode['paging']];

export function mode(test: AddCase, guest: Guest): void {
  const { processor } = guest;
  const is = (): Words => [processor.mode.execution, processor.mode.codeBits, processor.mode.paging];

  /** CS gets these attributes. */
  const code = (attributes: number, chosen: number = selector.code32): void => {
    const { segments } = processor.getState('segments');
    processor.setState({
      segments: { ...segments, cs: { selector: chosen, attributes, limit: 0xffff_ffff, base: 0n } },
    });
  };

  test('mode after reset is real, of 16 bits', t => {
    guest.reset();
    t.deepEqual(processor.mode, { execution: 'real', codeBits: 16, paging: 'none' });
  });

  test('mode follows control registers and CS', t => {
    guest.reset().protected('hlt');
    t.deepEqual(is(), ['protected', 32, 'none']);
    code(0x9b);
    t.deepEqual(is(), ['protected', 16, 'none']);
    guest.reset().long('hlt');
    t.deepEqual(is(), ['long', 64, '4-level']);
    code(0xc9b);
    t.deepEqual(is(), ['compatibility', 32, '4-level']);
    code(0x9b, selector.code16);
    t.deepEqual(is(), ['compatibility', 16, '4-level']);
  });

  test('mode in virtual-8086 mode, with 32-bit and PAE paging', t => {
    for (const [cr4, paging] of [
      [0x10n, '32-bit'],
      [0x20n, 'pae'],
    ] as const) {
      guest.reset().protected();
      // PAE: a directory pointer that is present; else a directory with a page of 4 MiB.
      if (paging === 'pae') {
        guest.put(at.tables, (at.tables + 0x1000) | 1, 0);
        guest.put(at.tables + 0x1000, 0x87, 0);
      } else guest.put(at.tables, 0x87);
      const { controls, segments } = guest.state;
      processor.setState({ controls: { ...controls, cr0: 0x8000_0031n, cr3: BigInt(at.tables), cr4 } });
      t.deepEqual(is(), ['protected', 32, paging]);
      const real = (base: number) => ({ selector: base >> 4, attributes: 0xf3, limit: 0xffff, base: BigInt(base) });
      const data = real(at.data);
      processor.setState({
        segments: { ...segments, cs: real(at.code), ss: real(at.stack), ds: data, es: data, fs: data, gs: data },
      });
      guest.set({ rip: 0, rflags: 0x2_3002, rsp: 0x1000 });
      guest.load(16, 'inc eax\n again: jmp again', at.code, 0);
      t.deepEqual(is(), ['virtual-8086', 16, paging]);
      t.deepEqual(guest.run(10), { reason: 'limit' });
      t.is(guest.register('rax'), 1n);
      t.deepEqual(is(), ['virtual-8086', 16, paging]);
    }
  });

  test('mode changes under a guest that climbs from real mode to 64 bits', t => {
    guest.reset().long();
    guest.real();
    const seen: Words[] = [];
    guest.output = () => seen.push(is());
    // The tables of 'long' are there still; GDTR is loaded by the guest.
    const descriptor = at.data;
    guest.put(descriptor, 0x57 | ((at.gdt & 0xffff) << 16), at.gdt >> 16);
    const target = (label: number) => at.code + label;
    guest.load(
      16,
      `out 0x80, al
       lgdt [0]
       mov eax, cr0
       or eax, 1
       mov cr0, eax
       out 0x80, al
       db 0x66, 0xea
       dd ${target(0x100)}
       dw ${selector.code32}`,
      at.code,
      0,
    );
    guest.load(
      32,
      `out 0x80, al
       mov eax, 0x620
       mov cr4, eax
       mov eax, ${at.tables}
       mov cr3, eax
       mov ecx, 0xc0000080
       mov eax, 0x100
       xor edx, edx
       wrmsr
       out 0x80, al
       mov eax, 0x80000031
       mov cr0, eax
       out 0x80, al
       db 0xea
       dd ${target(0x200)}
       dw ${selector.code}`,
      target(0x100),
    );
    guest.load(64, 'out 0x80, al\n hlt', target(0x200));
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.deepEqual(seen, [
      ['real', 16, 'none'],
      ['protected', 16, 'none'],
      ['protected', 32, 'none'],
      ['protected', 32, 'none'],
      ['compatibility', 32, '4-level'],
      ['long', 64, '4-level'],
    ]);
  });
}
