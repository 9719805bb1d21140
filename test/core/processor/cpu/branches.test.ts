/** DEBUGCTL: single steps on branches, and last-branch records (SDM vol. 3, section 18.4; APM vol. 2, section 13.1.1). */
import test from 'ava';
import type { CpuModel } from '../../../../core/processor/cpu/model.ts';
import { amd, intel } from '../../../../core/processor/cpu/models.ts';
import { assemble } from '../../../../core/processor/decode/assembler/assembler.ts';
import { state as layout } from '../../../../core/processor/state/layout.ts';
import { Computer, place } from '../../../support/computer.ts';

const handler = place.handlers;
const trail = place.data + 0x1000;
const debugControl = 0x1d9;
const general = 13;

const engines = ['interpreter', 'jit'] as const;
const models = { amd, intel } as const;

const wrmsr = (msr: number, value: number) => `mov ecx, ${msr}\n mov eax, ${value}\n xor edx, edx\n wrmsr\n`;
const step = 'pushfq\n or qword [rsp], 0x100\n popfq\n';
const unstep = 'pushfq\n and qword [rsp], ~0x100\n popfq\n';

/** Writes where it returns to, DR6 and DEBUGCTL at RBP, which goes on. `after`: what it does before it returns. */
const tracer = (after: string) => `
  push rax\n push rcx\n push rdx
  mov rax, [rsp + 24]\n mov [rbp], rax
  mov rax, dr6\n mov [rbp + 8], eax
  xor eax, eax\n mov dr6, rax
  mov ecx, ${debugControl}\n rdmsr\n mov [rbp + 12], eax
  add rbp, 16
  ${after}
  pop rdx\n pop rcx\n pop rax\n iretq`;

interface Traced {
  readonly m: Computer;
  /** Names of where the traps came, or offsets. */
  readonly stops: readonly string[];
  readonly trail: readonly { readonly rip: number; readonly dr6: number; readonly control: number }[];
}

function traced(model: CpuModel, engine: 'interpreter' | 'jit', source: string, after: string): Traced {
  const m = new Computer(model, { engine }).long();
  if (m.host.jit) m.host.jit.eager = true;
  m.gate(1, handler);
  m.load(64, tracer(after), handler);
  const { bytes, symbols } = assemble(64, source, { origin: place.code });
  m.host.memory.bytes.set(bytes, m.host.memory.offset(place.code));
  m.host.memory.written(place.code, bytes.length);
  m.cpu.state.set64(5 * 8, trail, 0);
  const star = (0x1b << 16) | 0x08;
  m.cpu.state.set64(layout.star.offset, 0, star);
  m.cpu.state.set64(layout.lstar.offset, Number(symbols.get('entry') ?? 0n), 0);
  for (let runs = 0; m.run().reason !== 'halt'; ) if (++runs === 100) throw new Error('the program does not end');
  const stops: string[] = [];
  const found = [];
  for (let at = trail; m.get32(at) !== 0; at += 16) {
    const rip = m.get32(at);
    stops.push([...symbols].find(([, value]) => value === BigInt(rip))?.[0] ?? (rip - place.code).toString(16));
    found.push({ rip, dr6: m.get32(at + 8), control: m.get32(at + 12) });
  }
  return { m, stops, trail: found };
}

/** Every kind of branch, taken and not. */
const branches = `
  nop
  xor eax, eax
  jnz nowhere
  jz a
  nop
a: jz b
b: jnz nowhere
  jmp c
c: nop
  call sub1
d: mov ecx, 2
e: loop e
  jrcxz f
  nop
f: mov ecx, 3
  mov edi, ${place.data}
  rep stosb
  lea rax, [rel g]
  jmp rax
  nop
g: lea rax, [rel sub1]
  call rax
h: push 0x08
  lea rax, [rel i]
  push rax
  retfq
  nop
i: cpuid
  syscall
  hlt
entry: ${unstep}
  hlt
sub1: ret
nowhere: ud2`;
/** Where they lead, in order. SYSCALL's mask is empty, so TF stays. */
const targets = ['a', 'b', 'c', 'sub1', 'd', 'e', 'f', 'g', 'sub1', 'h', 'i', 'entry'];

for (const engine of engines) {
  for (const [name, model] of Object.entries(models)) {
    test(`${name}, ${engine}: with BTF, TF steps from one taken branch to the next`, t => {
      const { stops, trail } = traced(model(), engine, `${step}${branches}`, wrmsr(debugControl, 2));
      // The first trap follows NOP, and its handler sets BTF; each one does so again.
      t.deepEqual(stops.slice(1), targets);
      for (const { dr6, control } of trail) {
        t.is(dr6 & 0x4000, 0x4000, 'DR6.BS');
        t.is(control, 0, 'BTF is clear in the handler');
      }
    });

    test(`${name}, ${engine}: a #DB ends BTF, and single steps are of instructions again`, t => {
      const { stops } = traced(
        model(),
        engine,
        `${wrmsr(debugControl, 2)}${step}nop\n nop\n jmp a\na: nop\nb: nop\nc: ${unstep}hlt`,
        '',
      );
      t.deepEqual(stops.slice(0, 3), ['a', 'b', 'c']);
    });
  }

  test(`${engine}: IRET with BTF and TF in its image steps at the next branch`, t => {
    const source = `${wrmsr(debugControl, 2)}
      mov eax, ss\n push rax\n lea rax, [rsp + 8]\n push rax\n push 0x102\n push 8\n lea rax, [rel a]\n push rax\n iretq
    a: nop\n nop\n jmp b\n nop\nb: ${unstep}hlt`;
    t.is(traced(amd(), engine, source, '').stops[0], 'b');
  });
}

/** Runs with LBR on, and reads MSRs when it halts. */
function recorded(model: CpuModel, source: string, prepare: (m: Computer) => void = () => {}) {
  const m = new Computer(model).long();
  prepare(m);
  const { bytes, symbols } = assemble(64, source, { origin: place.code });
  m.host.memory.bytes.set(bytes, m.host.memory.offset(place.code));
  m.host.memory.written(place.code, bytes.length);
  for (let runs = 0; m.run().reason !== 'halt'; ) if (++runs === 100) throw new Error('the program does not end');
  const msr = (index: number): bigint => {
    m.load(64, `mov ecx, ${index}\n rdmsr\n hlt`, place.code + 0x800);
    m.cpu.halted = false;
    m.cpu.state.setRip(place.code + 0x800, 0);
    m.run();
    return (m.register('rdx') << 32n) | m.register('rax');
  };
  const nameOf = (address: bigint) => [...symbols].find(([, value]) => value === address)?.[0] ?? address.toString(16);
  const name = (index: number) => nameOf(msr(index));
  return { m, msr, name, nameOf };
}

const lbr = wrmsr(debugControl, 1);

test('amd: the last branch, and the one before the last interrupt or exception', t => {
  const { msr, name } = recorded(
    amd(),
    `${lbr}
     jmp a
  a: nop
  b: call c
     nop
  c: int 0x30
  d: jmp e
  e: ${wrmsr(debugControl, 0)}hlt`,
    m => {
      m.gate(0x30, handler);
      m.load(64, 'iretq', handler);
    },
  );
  t.deepEqual([0x1db, 0x1dc].map(name), ['d', 'e']);
  t.deepEqual([0x1dd, 0x1de].map(name), ['b', 'c'], 'the call that came before INT');
  t.is(msr(debugControl), 0n);
});

test('amd: faults and interrupts are branches from where they strike; a #DB is none, and ends recording', t => {
  const fault = recorded(amd(), `${lbr}jmp a\na: nop\nb: ud2`, m => {
    m.gate(6, handler);
    m.load(64, 'hlt', handler);
  });
  t.deepEqual([fault.name(0x1db), fault.msr(0x1dc)], ['b', BigInt(handler)]);
  t.is(fault.name(0x1de), 'a');

  const debug = recorded(amd(), `${lbr}jmp a\na: ${step}nop\nb: hlt`, m => {
    m.gate(1, handler);
    m.load(64, `nop\n jmp $ + 2\n mov ecx, ${debugControl}\n rdmsr\n mov ebx, eax\n hlt`, handler);
  });
  t.is(debug.m.register('rbx'), 0n, 'LBR is clear in the handler');
  t.is(debug.name(0x1dc), 'a', 'and what it jumps is not recorded');

  const int1 = recorded(amd(), `${lbr}jmp a\na: int1`, m => {
    m.gate(1, handler);
    m.load(64, 'jmp $ + 2\n hlt', handler);
  });
  t.deepEqual([int1.msr(debugControl), int1.name(0x1dc)], [0n, 'a']);
});

test('a delivered interrupt is a branch from its return address', t => {
  const { m, name, msr } = recorded(amd(), `sti\n ${lbr}jmp a\na: nop\nb: hlt\nc: nop\n hlt`, m => {
    m.gate(0x40, handler);
    m.load(64, 'hlt', handler);
  });
  m.cpu.connect({
    pending: true,
    nmiPending: false,
    taskPriority: 0,
    acknowledge: () => 0x40,
    acknowledgeNmi() {},
    onChange: undefined,
  });
  const after = m.rip;
  m.run();
  t.deepEqual([msr(0x1db), msr(0x1dc)], [BigInt(after), BigInt(handler)]);
  t.deepEqual([0x1dd, 0x1de].map(name).at(1), 'a');
});

test('intel: a ring of sixteen records, the newest at TOS', t => {
  const jumps = Array.from({ length: 18 }, (_, n) => `j${n}: jmp j${n + 1}`).join('\n');
  const { msr, name } = recorded(intel(), `${lbr}${jumps}\nj18: ${wrmsr(debugControl, 0)}hlt`);
  t.is(msr(0x1c9), 2n);
  for (let n = 2; n < 18; n++) {
    const slot = (n + 1) % 16;
    t.deepEqual([name(0x680 + slot), name(0x6c0 + slot)], [`j${n}`, `j${n + 1}`]);
  }
  t.is(msr(0x345), 2n, 'IA32_PERF_CAPABILITIES: 64-bit effective addresses');
});

/** Each bit of LBR_SELECT keeps one of these out. */
const selected = `
  jz cond\ncond: mov ecx, 1
  call rel\nrel: lea rax, [rel ind]
  call rax\nind: lea rax, [rel back]
  push rax\n ret\nback: lea rax, [rel jind]
  jmp rax\njind: jmp jrel\njrel: push 8\n lea rax, [rel far]\n push rax\n retfq\nfar: `;
const kinds = ['cond', 'rel', 'ind', 'back', 'jind', 'jrel', 'far'];

test('intel: LBR_SELECT keeps kinds of branches out', t => {
  const run = (select: number) => {
    const source = `${wrmsr(0x1c8, select)}cmp eax, eax\n${lbr}cmp eax, eax\n${selected}${wrmsr(debugControl, 0)}hlt`;
    const { msr, name } = recorded(intel(), source);
    return Array.from({ length: Number(msr(0x1c9)) }, (_, n) => name(0x6c0 + n + 1));
  };
  t.deepEqual(run(0), kinds);
  for (const [n, kind] of kinds.entries()) {
    const others = kinds.filter(other => other !== kind);
    t.deepEqual(run(4 << n), others, kind);
  }
  t.deepEqual(run(1), [], 'nothing of CPL 0');
  t.deepEqual(run(2), kinds);
});

test('intel: as a stack of calls, records are taken away by returns', t => {
  const source = `${wrmsr(0x1c8, 0x3c4)}${lbr}
      call one\nback: call two\nend: ${wrmsr(debugControl, 0)}hlt
    one: call deep\n ret\ndeep: ret
    two: jmp end`;
  const { msr, name } = recorded(intel(), source);
  t.deepEqual([msr(0x1c9), name(0x6c1)], [1n, 'two']);
});

const refused: Readonly<Record<'amd' | 'intel', readonly (readonly [msr: number, low: number, high: number])[]>> = {
  amd: [
    [debugControl, 0x40, 0],
    [debugControl, 0, 1],
    ...[0x1db, 0x1dc, 0x1dd, 0x1de].map(msr => [msr, 0, 0] as const),
  ],
  intel: [
    ...[2, 6, 7, 8, 9, 10, 11, 12, 14, 15].map(bit => [debugControl, 1 << bit, 0] as const),
    [debugControl, 0, 1],
    [0x1c8, 0x400, 0],
    [0x1c9, 0x10, 0],
    [0x1dd, 0, 0],
    [0x1de, 0, 0],
    [0x345, 2, 0],
    [0x680, 0, 0x8000],
    [0x6cf, 0, 0x8000],
  ],
};
const taken: Readonly<Record<'amd' | 'intel', readonly (readonly [msr: number, low: number, high: number])[]>> = {
  amd: [[debugControl, 0x3c, 0]],
  intel: [
    [debugControl, 2, 0],
    [0x1c8, 0x3ff, 0],
    [0x1c9, 0xf, 0],
    [0x680, 5, 0x7fff],
    [0x6cf, 6, -1],
  ],
};

for (const vendor of ['amd', 'intel'] as const) {
  test(`${vendor}: what the MSRs take`, t => {
    const m = new Computer(models[vendor]()).long();
    m.gate(general, handler);
    m.load(64, 'mov ebx, 13\n hlt', handler);
    const write = (msr: number, low: number, high: number): bigint => {
      m.load(64, `xor ebx, ebx\n mov ecx, ${msr}\n mov eax, ${low}\n mov edx, ${high}\n wrmsr\n rdmsr\n hlt`);
      m.cpu.halted = false;
      m.cpu.state.setRip(place.code, 0);
      t.deepEqual(m.run(), { reason: 'halt' });
      return m.register('rbx') === 13n ? -1n : (m.register('rdx') << 32n) | m.register('rax');
    };
    for (const [msr, low, high] of refused[vendor]) t.is(write(msr, low, high), -1n, msr.toString(16));
    for (const [msr, low, high] of taken[vendor])
      t.is(write(msr, low, high), (BigInt(high >>> 0) << 32n) | BigInt(low), msr.toString(16));
  });

  test(`${vendor}: without DEBUGCTL its MSRs are the machine's`, t => {
    for (const msr of [debugControl, 0x1db, 0x1dd, 0x1c8, 0x345, 0x680]) {
      const m = new Computer(models[vendor]({ debugControl: false })).long();
      m.load(64, `mov ecx, ${msr}\n rdmsr`);
      t.deepEqual(m.run(), { reason: 'msr', index: msr, write: false });
    }
  });
}

test('a state with a TOS that there is not', t => {
  const m = new Computer(intel()).long();
  m.gate(0x30, handler);
  m.load(64, 'hlt', handler);
  m.load(64, 'int 0x30');
  const { debug } = m.cpu.getState(['debug']);
  const records = Array.from({ length: 16 }, (_, n) => BigInt(n));
  const branches = {
    debugControl: 1n,
    branchSelect: 0n,
    branchTop: 0xffff_fff3n,
    exceptionFrom: 0n,
    exceptionTo: 0n,
    from: records,
    to: records,
  };
  m.cpu.setState({ debug: { ...debug, branches } });
  t.deepEqual(m.run(), { reason: 'halt' });
  const after = m.cpu.getState(['debug']).debug.branches!;
  t.deepEqual([after.exceptionFrom, after.branchTop], [3n, 4n]);
  t.deepEqual([after.from[4], after.to[4]], [BigInt(place.code), BigInt(handler)]);
});

test('INIT leaves DEBUGCTL and its records, power-on does not', t => {
  const { m, msr, name } = recorded(amd(), `${lbr}jmp a\na: hlt`);
  m.cpu.signalInit();
  m.run(1);
  t.is(m.cpu.state.low(layout.debugControl.offset), 1);
  m.cpu.powerOn();
  m.long();
  t.deepEqual([msr(debugControl), name(0x1dc)], [0n, '0']);
});
