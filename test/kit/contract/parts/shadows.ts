/** Debug traps and interrupt shadows at every boundary: in one run, instruction by instruction, and moved from one accelerator to the next. */
import { accelerators } from '#accelerators';
import type { AddCase } from '../../checks/case.ts';
import { at, Guest } from '../guest.ts';

const trail = at.data + 0x1000;
const tracer = at.handlers + 0x800;
const software = 0x44;

/** #DB writes down where it returns to, and DR6; and lets an instruction breakpoint pass. */
const tracing = `push rax
  mov rax, [rsp + 8]\n mov [rbp], rax
  mov rax, dr6\n mov [rbp + 8], rax
  xor eax, eax\n mov dr6, rax
  or dword ptr [rsp + 24], 0x10000
  add rbp, 16\n pop rax\n iretq`;

const stepping = 'pushfq\n or qword ptr [rsp], 0x100\n popfq\n';
/** Its three instructions are stepped over too, the last one since TF was set when it began. */
const end = 'u0: pushfq\nu1: and qword ptr [rsp], ~0x100\nu2: popfq\nu3: hlt';
const stepped = ['u0', 'u1', 'u2', 'u3'];
const breakpoint = 'lea rax, [rel there]\n mov dr0, rax\n mov eax, 0x402\n mov dr7, rax\n';

interface Program {
  readonly source: string;
  /** Where the traps come, in order. */
  readonly traps: readonly string[];
}

/** What there is of DR6 for each: BS, or B0. */
const single = 0x4000n;
const first = 1n;

const steps: Readonly<Record<string, Program>> = {
  'TF at MOV SS': { source: `nop\na: mov ss, ecx\n nop\nb: nop\n ${end}`, traps: ['a', 'b', ...stepped] },
  'TF at MOV SS with IF': {
    source: `sti\na: nop\nb: mov ss, ecx\n nop\nc: cli\n ${end}`,
    traps: ['a', 'b', 'c', ...stepped],
  },
  'TF at STI': { source: `nop\na: sti\nb: nop\nc: cli\n ${end}`, traps: ['a', 'b', 'c', ...stepped] },
  'TF at what leaves the guest, after MOV SS': {
    source: `mov ss, esi\n cpuid\na: mov ss, esi\n out 0x80, al\nb: mov ss, esi\n mov edi, [0xd0000000]\n ${end}`,
    traps: ['a', 'b', ...stepped],
  },
  'TF at what leaves the guest': {
    source: `out 0x80, al\na: in al, 0x80\nb: mov edi, [0xd0000000]\nc: mov ecx, 0x1234\nd: rdmsr\ne: cpuid\n ${end}`,
    traps: ['a', 'b', 'c', 'd', 'e', ...stepped],
  },
  'TF at INT n after MOV SS': { source: `mov ss, ecx\n int 0x44\n nop\n ${end}`, traps: stepped },
};
const breaks: Readonly<Record<string, Program>> = {
  'an instruction breakpoint after MOV SS': { source: 'mov ss, ecx\nthere: nop\n nop\n hlt', traps: [] },
  'an instruction breakpoint after STI': { source: 'sti\nthere: nop\n nop\n cli\n hlt', traps: ['there'] },
  'an instruction breakpoint and RF': { source: 'nop\nthere: nop\n nop\n hlt', traps: ['there'] },
};
const programs = [
  ...Object.entries(steps).map(([what, { source, traps }]) => ({
    what,
    source: stepping + source,
    traps,
    dr6: single,
  })),
  ...Object.entries(breaks).map(([what, { source, traps }]) => ({
    what,
    source: breakpoint + source,
    traps,
    dr6: first,
  })),
];

function prepare(guest: Guest, source: string): ReadonlyMap<string, bigint> {
  guest.reset().long(undefined, { rbp: trail, rcx: 0x10, rsi: 0x10 });
  guest.msr = () => 0n;
  guest.memory = () => 0n;
  guest.load(64, tracing, tracer);
  guest.load(64, 'iretq', at.handlers + 16 * software);
  guest.gate(1, tracer);
  return guest.load(64, source);
}

const trapsOf = (guest: Guest): (readonly [rip: bigint, dr6: bigint])[] => {
  const traps: (readonly [bigint, bigint])[] = [];
  for (let where = trail; guest.get64(where) !== 0n; where += 16)
    traps.push([guest.get64(where), guest.get64(where + 8) & 0xe00fn]);
  return traps;
};

/** More than any of them takes. */
const limit = 400;

export function shadows(test: AddCase, guest: Guest): void {
  test('debug traps in and after interrupt shadows, in one run, by single instructions, and moved', t => {
    const others = [
      ...accelerators.map(factory => new Guest(options => factory.create(options), guest.options)),
      guest.another({}),
    ];
    for (const { what, source, traps, dr6 } of programs) {
      const symbols = prepare(guest, source);
      const expected = traps.map(label => [symbols.get(label)!, dr6] as const);
      t.is(guest.run(10_000).reason, 'halt', what);
      t.deepEqual(trapsOf(guest), expected, what);

      prepare(guest, source);
      let steps = 0;
      while (guest.run(1).reason === 'limit' && steps < limit) steps++;
      t.deepEqual(trapsOf(guest), expected, `${what}, by single instructions`);

      // So that each of them is where each of the moves leads.
      for (let shift = 0; shift < others.length; shift++) {
        for (const each of [guest, ...others]) prepare(each, source);
        let from = guest;
        for (let n = shift; from.run(1).reason === 'limit' && n < limit; n++) {
          const to = others[n % others.length];
          if (to === from) continue;
          to.bytes.set(from.bytes);
          to.block.written(0, to.bytes.length);
          to.processor.setState(from.state);
          from = to;
        }
        t.deepEqual(trapsOf(from), expected, `${what}, moved`);
      }
    }
  });
}
