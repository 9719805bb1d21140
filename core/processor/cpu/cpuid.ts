/** CPUID as a processor of a package answers it: the model's leaves, and what depends on the processor and on its control registers. */
import { Cr4 } from '../state/registers.ts';
import type { CpuidResult } from './host-cpu.ts';
import { type CpuModel, lookUpLeaf } from './model.ts';
import { areaSize } from './xsave-area.ts';

export interface CpuidCircumstances {
  /** Number of the processor, its APIC id; and how many there are. */
  readonly processor: number;
  readonly processors: number;
  readonly cr4: number;
  /** Low half of XCR0. */
  readonly xcr0: number;
}

const osxsave = 1 << 27;
const xsavec = 1 << 1;

export function guestCpuid(
  model: CpuModel,
  leaf: number,
  subleaf: number,
  { processor, cr4, xcr0 }: CpuidCircumstances,
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
      // Subleaf 1 tells the size of what XSAVEC writes, where there is XSAVEC.
      if (subleaf === 0 && result.eax !== 0) return { ...result, ebx: areaSize(xcr0) };
      return subleaf === 1 && (result.eax & xsavec) !== 0 ? { ...result, ebx: areaSize(xcr0) } : result;
    default:
      return result;
  }
}
