/** CPUID feature bits by the names that instruction rows and models use (SDM vol. 2, CPUID; APM vol. 3, appendix E). Bits of leaf, register and place. */

export type CpuidRegister = 'eax' | 'ebx' | 'ecx' | 'edx';

export interface FeatureBit {
  readonly leaf: number;
  readonly subleaf?: number;
  readonly register: CpuidRegister;
  readonly bit: number;
}

const bits = (leaf: number, register: CpuidRegister, names: Readonly<Record<string, number>>, subleaf?: number) =>
  Object.entries(names).map(([name, bit]): [string, FeatureBit] => [
    name,
    subleaf === undefined ? { leaf, register, bit } : { leaf, subleaf, register, bit },
  ]);

export const features: Readonly<Record<string, FeatureBit>> = Object.fromEntries([
  ...bits(1, 'edx', {
    fpu: 0,
    vme: 1,
    de: 2,
    pse: 3,
    tsc: 4,
    msr: 5,
    pae: 6,
    mce: 7,
    cx8: 8,
    apic: 9,
    sep: 11,
    mtrr: 12,
    pge: 13,
    mca: 14,
    cmov: 15,
    pat: 16,
    pse36: 17,
    clflush: 19,
    mmx: 23,
    fxsr: 24,
    sse: 25,
    sse2: 26,
    htt: 28,
  }),
  ...bits(1, 'ecx', {
    sse3: 0,
    monitor: 3,
    vmx: 5,
    ssse3: 9,
    fma: 12,
    cx16: 13,
    pdcm: 15,
    pcid: 17,
    sse41: 19,
    sse42: 20,
    x2apic: 21,
    movbe: 22,
    popcnt: 23,
    tscDeadline: 24,
    aes: 25,
    xsave: 26,
    osxsave: 27,
    avx: 28,
    f16c: 29,
    rdrand: 30,
    hypervisor: 31,
  }),
  ...bits(6, 'eax', { arat: 2 }),
  ...bits(
    7,
    'ebx',
    {
      fsgsbase: 0,
      bmi1: 3,
      avx2: 5,
      smep: 7,
      bmi2: 8,
      erms: 9,
      invpcid: 10,
      rdseed: 18,
      smap: 20,
      clflushopt: 23,
      clwb: 24,
    },
    0,
  ),
  ...bits(7, 'ecx', { umip: 2 }, 0),
  ...bits(0xd, 'eax', { xsaveopt: 0, xsavec: 1, xgetbv1: 2 }, 1),
  ...bits(0x8000_0001, 'ecx', { lahf64: 0, cmpLegacy: 1, svm: 2, lzcnt: 5, prefetchw: 8 }),
  ...bits(0x8000_0001, 'edx', { syscall: 11, nx: 20, pdpe1gb: 26, rdtscp: 27, lm: 29 }),
  ...bits(0x8000_0007, 'edx', { invariantTsc: 8 }),
  ...bits(0x8000_0008, 'ebx', { clzero: 0, ssbNo: 26, btcNo: 29 }),
  ...bits(0x8000_0021, 'eax', { srsoNo: 29 }),
]);

export type FeatureName = string;
