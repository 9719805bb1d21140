/**
 * What kind of processor a CPU is: the CPUID leaves that it answers, and what follows from them. A model announces exactly what the
 * emulated CPU does.
 */
import { MachineError } from '../../board/framework/error.ts';
import type { Vendor } from '../isa/form.ts';
import { type CpuidRegister, features } from './features.ts';
import type { CpuidResult } from './host-cpu.ts';

export interface CpuidLeaf {
  readonly leaf: number;
  /** Without it the leaf answers any ECX alike. */
  readonly subleaf?: number;
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

export interface CpuModel {
  readonly name: string;
  readonly vendor: Vendor;
  /** Whose processor's way of executing instructions, where AMD's and Intel's differ; a host's is that of its guests' processor. */
  readonly dialect: Vendor;
  readonly leaves: readonly CpuidLeaf[];
  readonly physicalBits: number;
  /** Logical processors of the package, as the leaves say: those of the machine. */
  readonly processors: number;
  /** Names of core/processor/cpu/features.ts whose bits are set; and the dialect, which some encodings and forms depend on. */
  readonly features: ReadonlySet<string>;
  /** SVM or VMX is there. */
  readonly virtualization: boolean;
  /** DEBUGCTL and its last-branch records are there, which no bit of CPUID says. */
  readonly debugControl: boolean;
}

const nothing: CpuidResult = { eax: 0, ebx: 0, ecx: 0, edx: 0 };

/** A leaf as it is, without what depends on the processor that executes CPUID (APIC id, OSXSAVE). */
export function lookUpLeaf(model: CpuModel, leaf: number, subleaf: number): CpuidResult {
  const found = findLeaf(model, leaf >>> 0, subleaf >>> 0);
  if (found) return found;
  const extended = leaf >>> 0 >= 0x8000_0000;
  const maximum = findLeaf(model, extended ? 0x8000_0000 : 0, 0)?.eax ?? 0;
  // Intel answers a basic leaf above the highest as if it were the highest one.
  const beyond = leaf >>> 0 > maximum >>> 0 && (leaf >>> 0 < 0x4000_0000 || extended);
  if (model.vendor === 'intel' && beyond) return findLeaf(model, findLeaf(model, 0, 0)?.eax ?? 0, subleaf) ?? nothing;
  return nothing;
}

function findLeaf({ leaves }: CpuModel, leaf: number, subleaf: number): CpuidLeaf | undefined {
  return leaves.find(each => each.leaf === leaf && (each.subleaf === undefined || each.subleaf === subleaf));
}

/** The names of the features whose bits these leaves set. */
export function featuresOf(leaves: readonly CpuidLeaf[]): ReadonlySet<string> {
  const present = (leaf: number, subleaf: number | undefined, register: CpuidRegister, bit: number) =>
    leaves.some(
      each =>
        each.leaf === leaf &&
        (subleaf === undefined || each.subleaf === undefined || each.subleaf === subleaf) &&
        ((each[register] >>> bit) & 1) === 1,
    );
  return new Set(
    Object.entries(features)
      .filter(([, { leaf, subleaf, register, bit }]) => present(leaf, subleaf, register, bit))
      .map(([name]) => name),
  );
}

export interface CpuModelParts {
  readonly name: string;
  readonly vendor: Vendor;
  /** Default: the vendor's. */
  readonly dialect?: Vendor;
  readonly leaves: readonly CpuidLeaf[];
  readonly debugControl?: boolean;
}

/** A model from leaves alone: a guest's CPUID, or a user's. */
export function cpuModel({ name, vendor, dialect = vendor, leaves, debugControl = false }: CpuModelParts): CpuModel {
  const seen = new Set<string>();
  for (const { leaf, subleaf } of leaves) {
    const key = `${leaf}/${subleaf ?? ''}`;
    if (seen.has(key)) throw new MachineError('bad-profile', `CPUID leaf ${leaf.toString(16)} is given twice`);
    seen.add(key);
  }
  const announced = featuresOf(leaves);
  const sizes = leaves.find(({ leaf }) => leaf === 0x8000_0008);
  const physicalBits = sizes ? sizes.eax & 0xff : 36;
  if (physicalBits < 32 || physicalBits > 52)
    throw new MachineError('bad-profile', `a processor cannot have ${physicalBits} physical address bits`);
  return {
    name,
    vendor,
    dialect,
    leaves,
    physicalBits,
    processors: processorsOf(leaves),
    features: new Set([...announced, dialect]),
    virtualization: announced.has('svm') || announced.has('vmx'),
    debugControl,
  };
}

/** Leaf 0BH says it, or leaf 1 where HTT is set. */
function processorsOf(leaves: readonly CpuidLeaf[]): number {
  const topology = leaves.find(({ leaf, subleaf }) => leaf === 0xb && subleaf === 1);
  if (topology && (topology.ebx & 0xffff) !== 0) return topology.ebx & 0xffff;
  const basic = leaves.find(({ leaf }) => leaf === 1);
  const threaded = ((basic?.edx ?? 0) >>> 28) & 1;
  return threaded ? Math.max(((basic?.ebx ?? 0) >>> 16) & 0xff, 1) : 1;
}

/** Bits of one leaf's register for the named features, for those who build leaves. */
export function featureWord(names: readonly string[], leaf: number, register: CpuidRegister, subleaf?: number): number {
  let word = 0;
  for (const name of names) {
    const bit = features[name];
    if (!bit) throw new MachineError('bad-option', `there is no CPU feature "${name}"`);
    if (bit.leaf === leaf && bit.register === register && bit.subleaf === subleaf) word |= 1 << bit.bit;
  }
  return word | 0;
}
