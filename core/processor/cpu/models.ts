/** The two processors that come with the emulator: one of each vendor, announcing what is implemented and no more. */
import type { Vendor } from '../isa/form.ts';
import { vectorSize } from '../state/layout.ts';
import { type CpuidLeaf, type CpuModel, cpuModel, featureWord } from './model.ts';
import { areaSize, stateComponentsOf, vectorAt } from './xsave-area.ts';

export interface ModelOptions {
  /** Logical processors of the package. */
  readonly processors?: number;
  /** SVM or VMX. */
  readonly virtualization?: boolean;
  /** RDRAND and RDSEED. */
  readonly entropy?: boolean;
  /** The CPU says that it is emulated, and how fast its clocks are (leaves 40000000 and 40000010). */
  readonly hypervisor?: boolean;
  /** DEBUGCTL: single steps on branches, last-branch records. Default: yes. */
  readonly debugControl?: boolean;
  /** Whose way of executing instructions. Default: the vendor's. */
  readonly dialect?: Vendor;
  /** Features to leave out. */
  readonly without?: readonly string[];
  /** Features to add: those of the board, which has to have their registers, such as `mtrr` and `mca`. */
  readonly also?: readonly string[];
}

const physicalBits = 40;
const linearBits = 48;
const tscKilohertz = 1_000_000;
const busKilohertz = 1_000_000;

const common = [
  ...['fpu', 'vme', 'de', 'pse', 'tsc', 'msr', 'pae', 'mce', 'cx8', 'apic', 'sep', 'pge', 'cmov'],
  ...['pat', 'pse36', 'clflush', 'mmx', 'fxsr', 'sse', 'sse2', 'sse3', 'monitor', 'cx16', 'pcid', 'x2apic', 'movbe'],
  ...['popcnt', 'tscDeadline', 'xsave', 'arat', 'fsgsbase', 'smep', 'smap', 'umip', 'lahf64', 'lzcnt', 'prefetchw'],
  ...['syscall', 'nx', 'pdpe1gb', 'rdtscp', 'lm', 'invariantTsc'],
];
const own: Readonly<Record<Vendor, readonly string[]>> = {
  // Nothing is ever speculated: no store bypass, no branch type confusion, no return stack overflow to guard against.
  amd: ['ssbNo', 'btcNo', 'srsoNo'],
  intel: ['invpcid'],
};
const virtual: Readonly<Record<Vendor, string>> = { amd: 'svm', intel: 'vmx' };

export const amd = (options: ModelOptions = {}): CpuModel => build('amd', options);
export const intel = (options: ModelOptions = {}): CpuModel => build('intel', options);

function build(vendor: Vendor, options: ModelOptions): CpuModel {
  const { processors = 1, virtualization = false, entropy = false, hypervisor = true, without = [] } = options;
  const { debugControl = true, dialect, also = [] } = options;
  const names = [
    ...common,
    ...own[vendor],
    ...also,
    ...(virtualization ? [virtual[vendor]] : []),
    // The format of the records.
    ...(debugControl && vendor === 'intel' ? ['pdcm'] : []),
    ...(entropy ? ['rdrand', 'rdseed'] : []),
    ...(hypervisor ? ['hypervisor'] : []),
    ...(processors > 1 ? ['htt'] : []),
    ...(processors > 1 && vendor === 'amd' ? ['cmpLegacy'] : []),
  ].filter(name => !without.includes(name));
  const leaves = vendor === 'amd' ? amdLeaves(names, processors, virtualization) : intelLeaves(names, processors);
  return cpuModel({
    name: vendor,
    vendor,
    dialect: dialect ?? vendor,
    leaves: hypervisor ? [...leaves, ...hypervisorLeaves] : leaves,
    debugControl,
  });
}

const leaf = (number: number, eax = 0, ebx = 0, ecx = 0, edx = 0, subleaf?: number): CpuidLeaf =>
  subleaf === undefined
    ? { leaf: number, eax: eax | 0, ebx: ebx | 0, ecx: ecx | 0, edx: edx | 0 }
    : { leaf: number, subleaf, eax: eax | 0, ebx: ebx | 0, ecx: ecx | 0, edx: edx | 0 };

/** Four characters a register. */
const text = (characters: string): number =>
  [...characters].reduce((word, character, at) => word | (character.charCodeAt(0) << (8 * at)), 0);

const vendorWords = (name: string): [ebx: number, ecx: number, edx: number] => [
  text(name.slice(0, 4)),
  text(name.slice(8, 12)),
  text(name.slice(4, 8)),
];

/** The brand string's three leaves. */
const brand = (name: string): CpuidLeaf[] =>
  [0, 1, 2].map(part => {
    const words = [0, 1, 2, 3].map(word =>
      text(name.padEnd(48, '\0').slice(part * 16 + word * 4, part * 16 + word * 4 + 4)),
    );
    return leaf(0x8000_0002 + part, words[0], words[1], words[2], words[3]);
  });

const topologyShift = (processors: number): number => Math.ceil(Math.log2(processors));

/** Leaf 1: APIC id (bits 31:24 of EBX) and OSXSAVE are filled in by the processor that executes CPUID. */
const basic = (names: readonly string[], signature: number, processors: number): CpuidLeaf =>
  leaf(
    1,
    signature,
    (Math.min(processors, 255) << 16) | (8 << 8),
    featureWord(names, 1, 'ecx'),
    featureWord(names, 1, 'edx'),
  );

const structured = (names: readonly string[]): CpuidLeaf[] => [
  leaf(7, 0, featureWord(names, 7, 'ebx', 0), featureWord(names, 7, 'ecx', 0), 0, 0),
  ...extendedStates(names),
];

/** Subleaf 2: size and place of AVX's component. */
function extendedStates(names: readonly string[]): CpuidLeaf[] {
  const components = stateComponentsOf(new Set(names));
  const size = areaSize(components);
  return [
    leaf(0xd, components, size, size, 0, 0),
    leaf(0xd, featureWord(names, 0xd, 'eax', 1), 0, 0, 0, 1),
    ...(names.includes('avx') ? [leaf(0xd, vectorSize, vectorAt, 0, 0, 2)] : []),
  ];
}

/** Lines of 64 bytes; interrupts may end MWAIT though IF is 0; one kind of C1. */
const monitorLines = (names: readonly string[]): CpuidLeaf =>
  names.includes('monitor') ? leaf(5, 64, 64, 3, 0x10) : leaf(5);

/** Threads, then cores: one thread a core. EDX, the x2APIC id, is filled in. */
const topology = (processors: number): CpuidLeaf[] => [
  leaf(0xb, 0, 1, 0x100, 0, 0),
  leaf(0xb, topologyShift(processors), processors, 0x201, 0, 1),
  leaf(0xb, 0, 0, 2, 0, 2),
];

const addressSizes = physicalBits | (linearBits << 8);

function amdLeaves(names: readonly string[], processors: number, virtualization: boolean): CpuidLeaf[] {
  const [ebx, ecx, edx] = vendorWords('AuthenticAMD');
  // Family 17h, model 31h, stepping 0.
  const signature = 0x0083_0f10;
  const duplicated = featureWord(names, 1, 'edx') & 0x0183_f3ff;
  const shift = topologyShift(processors);
  return [
    leaf(0, 0xd, ebx, ecx, edx),
    basic(names, signature, processors),
    monitorLines(names),
    leaf(6, featureWord(names, 6, 'eax')),
    ...structured(names),
    ...topology(processors),
    leaf(0x8000_0000, 0x8000_0021, ebx, ecx, edx),
    leaf(
      0x8000_0001,
      signature,
      0,
      featureWord(names, 0x8000_0001, 'ecx'),
      featureWord(names, 0x8000_0001, 'edx') | duplicated,
    ),
    ...brand('virt64 AMD64 processor'),
    // L1: 32 KiB, 8 ways, 64-byte lines. L2: 512 KiB, 8 ways.
    leaf(0x8000_0005, 0, 0x0140_0140, 0x2008_0140, 0x2008_0140),
    leaf(0x8000_0006, 0, 0x0400_0400, 0x0200_6140, 0),
    leaf(0x8000_0007, 0, 0, 0, featureWord(names, 0x8000_0007, 'edx')),
    leaf(0x8000_0008, addressSizes, featureWord(names, 0x8000_0008, 'ebx'), (processors - 1) | (shift << 12)),
    // Nested paging, nRIP save, clean bits, flush by ASID, decode assists, PAUSE filter and threshold, virtual GIF; the intercepts of
    // VMRUN, VMLOAD and VMSAVE come before their address is looked at.
    ...(virtualization ? [leaf(0x8000_000a, 1, 0x8000, 0, 0x1001_14e9)] : []),
    // A null selector clears the segment's base.
    leaf(0x8000_0021, 0x40 | featureWord(names, 0x8000_0021, 'eax')),
  ];
}

function intelLeaves(names: readonly string[], processors: number): CpuidLeaf[] {
  const [ebx, ecx, edx] = vendorWords('GenuineIntel');
  // Family 6, model 3CH, stepping 3.
  const signature = 0x0003_06c3;
  const shared = (Math.max(processors, 1) - 1) << 26;
  return [
    leaf(0, 0x16, ebx, ecx, edx),
    basic(names, signature, processors),
    leaf(2, 0x00ff_ff01, 0, 0, 0),
    leaf(4, 0x121 | shared, 0x01c0_003f, 0x3f, 0, 0),
    leaf(4, 0x122 | shared, 0x01c0_003f, 0x3f, 0, 1),
    leaf(4, 0x143 | shared, 0x01c0_003f, 0x3ff, 0, 2),
    leaf(4, 0, 0, 0, 0, 3),
    monitorLines(names),
    leaf(6, featureWord(names, 6, 'eax')),
    ...structured(names),
    ...topology(processors),
    // TSC / crystal = 40, crystal 25 MHz; base, maximum and bus frequency in MHz.
    leaf(0x15, 1, 40, 25_000_000, 0),
    leaf(0x16, tscKilohertz / 1000, tscKilohertz / 1000, 100, 0),
    leaf(0x8000_0000, 0x8000_0008),
    leaf(0x8000_0001, 0, 0, featureWord(names, 0x8000_0001, 'ecx'), featureWord(names, 0x8000_0001, 'edx')),
    ...brand('virt64 Intel64 processor'),
    leaf(0x8000_0006, 0, 0, 0x0100_6040, 0),
    leaf(0x8000_0007, 0, 0, 0, featureWord(names, 0x8000_0007, 'edx')),
    leaf(0x8000_0008, addressSizes),
  ];
}

/** TSC and bus frequency in kHz, as guests of other hypervisors know the leaf. */
const hypervisorLeaves: readonly CpuidLeaf[] = [
  leaf(0x4000_0000, 0x4000_0010, text('virt'), text('64vi'), text('rt64')),
  leaf(0x4000_0010, tscKilohertz, busKilohertz),
];
