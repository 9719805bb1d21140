/** Guests that are up to no good: nothing of what they run may throw, hang or reach outside of their memory. */
import type { AddCase } from '../../checks/case.ts';
import { at, type Guest } from '../guest.ts';
import { random } from '../random.ts';

export function hostile(test: AddCase, guest: Guest): void {
  for (const mode of ['real', 'protected', 'long'] as const) {
    test(`random bytes as code, ${mode}`, t => {
      for (let seed = 1; seed <= 60; seed++) {
        const next = random(seed * 7919);
        guest.reset()[mode](undefined, {
          rax: next(),
          rbx: at.data,
          rcx: next() & 0xff,
          rsi: at.data,
          rdi: at.device,
          rbp: at.stack,
        });
        for (let n = 0; n < 0x1000; n++) guest.bytes[at.code + n] = next();
        for (let n = 0; n < 64; n++) guest.put(at.data + 4 * n, next());
        guest.block.written(at.code, 0x1000);
        guest.msr = index => (index & 1 ? BigInt(index) : undefined);
        guest.memory = address => BigInt(address);
        for (let round = 0; round < 3; round++) {
          const exit = guest.run(700);
          t.true(['limit', 'halt', 'shutdown', 'error'].includes(exit.reason), `${mode} ${seed}`);
          guest.pin.raise(0x20 + (next() & 0x7f));
          if (exit.reason === 'shutdown' || exit.reason === 'error') break;
        }
      }
    });
  }

  test('random control registers, descriptors and page tables', t => {
    const next = random(4711);
    const writes = [
      'mov cr0, rax',
      'mov cr3, rax',
      'mov cr4, rax',
      'mov cr8, rax',
      'wrmsr',
      'xsetbv',
      'mov dr7, rax',
      'mov dr6, rax',
      'lmsw ax',
      'lgdt [rbx]',
      'lidt [rbx]',
      'lldt ax',
      'ltr ax',
      'mov ss, eax',
      'mov ds, eax',
      'iretq',
      'retfq',
      'sysretq',
      'swapgs',
      'clts',
      'invlpg [rax]',
      'fxrstor [rbx]',
      'popfq',
    ];
    const msrs = [
      0x10, 0x1b, 0x174, 0x175, 0x176, 0x277, 0xc000_0080, 0xc000_0081, 0xc000_0082, 0xc000_0100, 0xc000_0101,
    ];
    for (let n = 0; n < 400; n++) {
      const write = writes[n % writes.length];
      guest.reset().long(`${write}\n nop\n mov eax, [rbx]\n int 0x40\n hlt`, {
        rbx: at.data,
        rcx: msrs[next() % msrs.length],
        rdx: next() & 3 ? 0 : next(),
      });
      for (let word = 0; word < 128; word++) guest.put(at.data + 4 * word, next() & next());
      for (let word = 0; word < 8; word++) guest.put(at.gdt + 4 * (next() % 24), next());
      guest.set({ rax: BigInt(next() & next()) | (next() & 7 ? 0n : BigInt(next()) << 32n), rsp: at.data });
      t.notThrows(() => guest.run(300), write);
    }
  });
}
