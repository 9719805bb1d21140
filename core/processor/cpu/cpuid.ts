/** CPUID as a processor of a package answers it: the model's leaves, and what depends on the processor and on its control registers. */
import { Cr4 } from '../state/registers.ts';
import type { CpuidResult } from './host-cpu.ts';
import { type CpuModel, lookUpLeaf } from './model.ts';

export interface CpuidCircumstances {
  /** Number of the processor, its APIC id; and how many there are. */
  readonly processor: number;
  readonly processors: number;
  readonly cr4: number;
  /** Low half of XCR0. */
  readonly xcr0: number;
}

const osxsave = 1 << 27;
/** x87 and SSE states in XSAVE's standard format. */
const xsaveArea = 576;

export function guestCpuid(
  model: CpuModel,
  leaf: number,
  subleaf: number,
  { processor, cr4 }: CpuidCircumstances,
): CpuidResult {
  const result = lookUpLeaf(model, leaf, subleaf);
  switch (leaf >>> 0) {
    case 1: {
      const ebx = (result.ebx & 0x00ff_ffff) | (processor << 24);
      const ecx = (cr4 & Cr4.osxsave) !== 0 ? result.ecx | osxsave : result.ecx & ~osxsave;
      return { eax: result.eax, ebx, ecx, edx: result.edx };
    }
    case 0xb:
      return { ...result, edx: processor };
    case 0xd:
      return subleaf === 0 && result.eax !== 0 ? { ...result, ebx: xsaveArea } : result;
    default:
      return result;
  }
}
