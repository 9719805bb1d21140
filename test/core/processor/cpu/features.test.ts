/** CPUID says what works, and what it does not say is #UD (or #GP, for bits of control registers): every feature, every model. */
import test from 'ava';
import { features } from '../../../../core/processor/cpu/features.ts';
import { amd, intel } from '../../../../core/processor/cpu/models.ts';
import { guestModel } from '../../../../machines/guest-model.ts';
import { Computer, place } from '../../../support/computer.ts';

const invalid = 6;
const refused = 13;

interface Trial {
  readonly code: string;
  /** What tells that it is not there: #UD, or #GP where the instruction exists anyway. */
  readonly faults: readonly number[];
  readonly bits: 32 | 64;
  /** Ends with RAX 1 if it is there. */
  readonly result?: true;
}

const instruction = (code: string, bits: 32 | 64 = 64): Trial => ({ code, faults: [invalid], bits });
const cr4 = (bit: number, bits: 32 | 64 = 64): Trial => ({
  code: `mov ${bits === 64 ? 'rax' : 'eax'}, cr4\n or eax, ${1 << bit}\n mov cr4, ${bits === 64 ? 'rax' : 'eax'}`,
  faults: [refused],
  bits,
});
const efer = (bit: number, bits: 32 | 64 = 64): Trial => ({
  code: `mov ecx, 0xc0000080\n rdmsr\n or eax, ${1 << bit}\n wrmsr`,
  faults: [refused],
  bits,
});
const osxsave = 'mov rax, cr4\n or eax, 0x40000\n mov cr4, rax\n';
const avxState = `${osxsave} mov eax, 7\n xor edx, edx\n xor ecx, ecx\n xsetbv\n`;
const avxInstruction = (code: string): Trial => ({ code: `${avxState} ${code}`, faults: [invalid, refused], bits: 64 });
const fsgsbase = 'mov rax, cr4\n or eax, 0x10000\n mov cr4, rax\n';
const data = `[${place.data}]`;

const trials: Readonly<Record<string, Trial>> = {
  de: cr4(3),
  vme: cr4(0, 32),
  pse: cr4(4, 32),
  pae: cr4(5, 32),
  pge: cr4(7),
  umip: cr4(11),
  pcid: cr4(17),
  smep: cr4(20),
  smap: instruction('clac'),
  vmx: cr4(13),
  svm: efer(12),
  syscall: efer(0, 32),
  lm: efer(8, 32),
  nx: efer(11, 32),
  tsc: instruction('rdtsc'),
  msr: instruction('mov ecx, 0x10\n rdmsr'),
  cx8: instruction(`cmpxchg8b ${data}`),
  cx16: instruction(`cmpxchg16b ${data}`),
  // With a null SYSENTER_CS: #GP where it exists.
  sep: instruction('sysenter', 32),
  cmov: instruction('cmove eax, ecx'),
  mmx: instruction('paddb mm0, mm1'),
  fxsr: instruction(`fxsave ${data}`),
  sse: instruction('addps xmm0, xmm1'),
  sse2: instruction('addpd xmm0, xmm1'),
  sse3: instruction('haddps xmm0, xmm1'),
  monitor: instruction(`mov eax, ${place.data}\n xor ecx, ecx\n xor edx, edx\n monitor`),
  movbe: instruction(`movbe eax, ${data}`),
  popcnt: instruction('popcnt eax, ecx'),
  clflush: instruction(`clflush ${data}`),
  clflushopt: instruction(`clflushopt ${data}`),
  clwb: instruction(`clwb ${data}`),
  xsave: { code: `${osxsave} xor ecx, ecx\n xgetbv`, faults: [invalid, refused], bits: 64 },
  xsaveopt: { code: `${osxsave} mov eax, 3\n xor edx, edx\n xsaveopt ${data}`, faults: [invalid, refused], bits: 64 },
  rdrand: instruction('rdrand eax'),
  rdseed: instruction('rdseed eax'),
  rdtscp: instruction('rdtscp'),
  fsgsbase: { code: `${fsgsbase} rdfsbase rax`, faults: [invalid, refused], bits: 64 },
  invpcid: instruction(`mov eax, 2\n invpcid rax, ${data}`),
  lahf64: instruction('lahf'),
  // Unknown MSRs are the machine's.
  pdcm: { code: 'xor eax, eax\n mov ecx, 0x345\n rdmsr\n mov eax, 1', faults: [], bits: 64, result: true },
  // BSR of 1 is 0, and the leading zeroes of 1 are 31.
  lzcnt: {
    code: 'mov ecx, 1\n lzcnt eax, ecx\n cmp eax, 31\n sete al\n movzx eax, al',
    faults: [],
    bits: 64,
    result: true,
  },
  xsavec: { code: `${osxsave} mov eax, 3\n xor edx, edx\n xsavec ${data}`, faults: [invalid, refused], bits: 64 },
  xgetbv1: { code: `${osxsave} mov ecx, 1\n xgetbv`, faults: [invalid, refused], bits: 64 },
  avx: avxInstruction('vaddps xmm0, xmm1, xmm2'),
  avx2: avxInstruction('vpaddb ymm0, ymm1, ymm2'),
  fma: avxInstruction('vfmadd132ps ymm0, ymm1, ymm2'),
  f16c: avxInstruction('vcvtph2ps ymm0, xmm2'),
  bmi2: instruction('shlx eax, ecx, edx'),
  // BSF of 0 leaves its target.
  bmi1: {
    code: 'mov eax, 7\n xor ecx, ecx\n tzcnt eax, ecx\n cmp eax, 32\n sete al\n movzx eax, al',
    faults: [],
    bits: 64,
    result: true,
  },
};

/** What no instruction of the CPU alone shows. */
const elsewhere: Readonly<Record<string, string>> = {
  fpu: 'always there',
  mce: 'CR4.MCE always is; banks are the board’s',
  ...Object.fromEntries(['mtrr', 'mca', 'apic', 'x2apic', 'tscDeadline', 'arat'].map(name => [name, 'the board’s'])),
  pat: 'an MSR that is always there',
  pse36: 'paging: test/core/processor/mmu',
  pdpe1gb: 'paging: test/core/processor/mmu',
  prefetchw: 'a hint, never #UD',
  ...Object.fromEntries(['htt', 'cmpLegacy', 'hypervisor', 'invariantTsc', 'erms'].map(name => [name, 'no behaviour'])),
  osxsave: 'follows CR4',
  ...Object.fromEntries(['ssbNo', 'btcNo', 'srsoNo'].map(name => [name, 'what does not happen'])),
  ...Object.fromEntries(['ssse3', 'sse41', 'sse42', 'aes', 'clzero'].map(name => [name, 'no model has it'])),
};

/** A computer in 64-bit or 32-bit protected mode, whatever it did before. */
function restart(m: Computer, bits: 32 | 64): void {
  m.cpu.powerOn();
  if (bits === 64) m.long();
  else m.protected32();
  for (const vector of [invalid, refused]) {
    const handler = place.handlers + vector * 16;
    if (bits === 64) m.gate(vector, handler);
    else m.gate32(vector, handler);
    m.load(bits, `mov esi, ${vector}\n hlt`, handler);
  }
}

/** Whether the feature is there, by trying. */
function works(m: Computer, { code, faults, bits, result }: Trial): boolean {
  restart(m, bits);
  m.load(bits, `${code}\n hlt`);
  m.run();
  return result ? m.register('rax') === 1n : !faults.includes(Number(m.register('rsi')));
}

/** Whether CPUID says so, executed. */
function announces(m: Computer, name: string): boolean {
  const { leaf, subleaf = 0, register, bit } = features[name];
  restart(m, 64);
  m.load(64, `mov eax, ${leaf}\n mov ecx, ${subleaf}\n cpuid\n hlt`);
  m.run();
  return ((m.register(`r${register.slice(1)}` as 'rax') >> BigInt(bit)) & 1n) === 1n;
}

const all = { virtualization: true, entropy: true, processors: 2 };

for (const [name, make] of Object.entries({ amd, intel })) {
  test(`${name}: what CPUID announces works, and nothing else`, t => {
    const m = new Computer(make(all));
    for (const [feature, trial] of Object.entries(trials)) t.is(works(m, trial), announces(m, feature), feature);
  });
  test(`${name}: features that are left out are gone`, t => {
    // The trials of MSR bits need RDMSR.
    for (const without of [Object.keys(trials).filter(feature => feature !== 'msr'), ['msr']]) {
      const m = new Computer(make({ ...all, without }));
      for (const feature of without) {
        t.false(announces(m, feature), feature);
        t.false(works(m, trials[feature]), feature);
      }
    }
  });
}

/** What models leave to their users, until the levels below it are complete. */
const vectors = ['avx', 'avx2', 'fma', 'f16c', 'bmi1', 'bmi2', 'xsavec', 'xgetbv1'];

for (const [name, make] of Object.entries({ amd, intel })) {
  test(`${name}: features that are added work, each alone`, t => {
    for (const feature of vectors) {
      // The others' instructions need AVX's state.
      const also = ['avx2', 'fma', 'f16c'].includes(feature) ? ['avx', feature] : [feature];
      const m = new Computer(make({ ...all, also }));
      for (const other of vectors) {
        t.is(announces(m, other), also.includes(other), `${other} with ${also}`);
        t.is(works(m, trials[other]), also.includes(other), `${other} with ${also}`);
      }
    }
  });
}

for (const cpu of ['amd', 'intel'] as const) {
  test(`the guests’ ${cpu} model announces what works`, t => {
    const m = new Computer(guestModel({ cpu, processors: 1 }));
    for (const [feature, trial] of Object.entries(trials)) t.is(works(m, trial), announces(m, feature), feature);
  });
}

test('every feature has its trial, or a reason', t => {
  t.deepEqual(
    Object.keys(features).filter(name => !(name in trials) && !(name in elsewhere)),
    [],
  );
});
