/** Entries that end early, since the host wants its turn, and processors that spin. */
import type { AddCase } from '../../checks/case.ts';
import { at, type Guest, selector } from '../guest.ts';

/** Long ones, each slow in a way of its own. The handler of #UD steps over it. */
const programs: Readonly<Record<string, string>> = {
  'plain instructions': 'mov ecx, 300000\n again: add rbx, rcx\n dec ecx\n jnz again\n hlt',
  faults: 'mov ecx, 2000\n again: ud2\n dec ecx\n jnz again\n hlt',
  'dear instructions': `mov ecx, 500
    again: fxsave [0x20000]
    fsin
    invlpg [rbx]
    mov rax, cr3
    mov cr3, rax
    rdtsc
    dec ecx
    jnz again
    hlt`,
  'string instructions': `mov edx, 40
    again: mov esi, 0x100000
    mov edi, 0x100001
    mov ecx, 0x80000
    rep movsb
    mov esi, 0x20000
    mov ecx, 0x3000
    rep lodsb
    dec edx
    jnz again
    hlt`,
  'single steps': `pushf
    or dword ptr [rsp], 0x100
    popf
    mov ecx, 2000
    again: dec ecx
    jnz again
    pushf
    and dword ptr [rsp], 0xfffffeff
    popf
    hlt`,
  'code that changes itself': `mov ecx, 1000
    again: inc dword ptr [rip + changed + 1]
    changed: mov eax, 0
    dec ecx
    jnz again
    hlt`,
  'cache flushes': 'mov ecx, 3000\n again: wbinvd\n invd\n dec ecx\n jnz again\n hlt',
  ports: 'mov ecx, 3000\n again: out 0x80, al\n in eax, 0x80\n add ebx, eax\n dec ecx\n jnz again\n hlt',
};

/** How often the host is asked at least. */
const questions = (what: string): number => {
  // A few instructions, or exits that are served by the board.
  if (what === 'ports' || what === 'cache flushes') return 0;
  return what === 'code that changes itself' ? 10 : 1;
};

export function giveWay(test: AddCase, guest: Guest): void {
  const { accelerator } = guest;

  for (const [what, source] of Object.entries(programs)) {
    test(`${what} may be left at any time, and the guest cannot tell`, t => {
      const ends: unknown[] = [];
      for (const overdue of [() => false, () => true]) {
        guest.reset().long(source, { rdx: 0x80, rsp: at.stack });
        guest.gate(1);
        guest.load(64, 'inc r9\n iretq', at.handlers + 16);
        guest.gate(6);
        guest.load(64, 'add qword ptr [rsp], 2\n inc r8\n iretq', at.handlers + 16 * 6);
        guest.block.bytes.fill(7, 0x10_0000, 0x10_0010);
        guest.processor.setState({ msrs: { ...guest.state.msrs, tsc: 0n } });
        let asked = 0;
        guest.isOverdue = () => {
          asked++;
          return overdue();
        };
        guest.input = port => port + asked * 0;
        const before = accelerator.time.ticks;
        t.deepEqual(guest.run(10_000_000), { reason: 'halt' });
        t.true(asked >= questions(what), `asked ${asked} times`);
        const { fpu, ...state } = guest.state;
        ends.push([
          accelerator.time.ticks - before,
          state,
          fpu,
          guest.log.length,
          guest.bytes.slice(0x10_0000, 0x10_0100),
        ]);
      }
      t.deepEqual(ends[1], ends[0]);
    });
  }

  test('PAUSE ends a run for who wants that, and nobody else', t => {
    const source = 'inc eax\n pause\n inc eax\n pause\n hlt';
    guest.reset().long(source);
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.is(guest.register('rax'), 2n);
    const spinning = guest.another({ exitOnPause: true });
    for (const mode of ['long', 'protected', 'real'] as const) {
      spinning.reset()[mode](source);
      const before = spinning.accelerator.time.ticks;
      t.deepEqual(spinning.run(), { reason: 'pause' }, mode);
      t.is(spinning.register('rax'), 1n);
      t.deepEqual(spinning.run(1), { reason: 'limit' });
      t.deepEqual(spinning.run(), { reason: 'pause' });
      t.deepEqual(spinning.run(), { reason: 'halt' });
      t.is(spinning.accelerator.time.ticks - before, 5);
      t.is(spinning.register('rax'), 2n);
    }
    // At CPL 3, and with a single-step trap after it.
    spinning.reset().long('nop');
    spinning.load(64, source, at.code);
    spinning.gate(1);
    spinning.load(64, 'inc ebx\n iretq', at.handlers + 16);
    const { general, segments } = spinning.state;
    const user = { ...segments.ss, selector: selector.userData, attributes: segments.ss.attributes | 0x60 };
    spinning.processor.setState({
      general: { ...general, rflags: general.rflags | 0x100n },
      segments: {
        ...segments,
        ss: user,
        cs: { ...segments.cs, selector: selector.userCode, attributes: segments.cs.attributes | 0x60 },
      },
    });
    t.deepEqual(spinning.run(), { reason: 'pause' });
    t.deepEqual(spinning.run(), { reason: 'pause' });
    t.is(spinning.register('rbx'), 3n, 'traps after INC, PAUSE and INC');
  });
}
