/** CPUID leaves that both backends rewrite alike (nvmm_x86_svm.c and nvmm_x86_vmx.c, *_inkernel_handle_cpuid). */
import { clear, featureMask, hypervisorBase, hypervisorMax, type Registers, signature } from './cpuid.ts';
import { xsaveSize } from './xcr0.ts';

/** What the rewriting of a leaf may depend on. */
export interface LeafContext {
  readonly vcpu: { readonly data: { readonly xcr0: bigint } };
  readonly subleaf: number;
  /** The highest basic leaf of the guest. */
  readonly maximum: number;
  readonly xcr0Mask: bigint;
  /** INVPCID may be used. */
  readonly invpcid?: boolean;
}

export type Rewrite<Context> = (registers: Registers, context: Context) => void;

const invpcidBit = 1 << 10;

export const commonLeaves: readonly (readonly [leaf: number, rewrite: Rewrite<LeafContext>])[] = [
  [
    0,
    (registers, { maximum }) => {
      registers.eax = maximum;
    },
  ],
  [
    7,
    (registers, { subleaf, invpcid = false }) => {
      if (subleaf !== 0) return clear(registers);
      registers.eax = 0;
      registers.ebx &= featureMask.leaf7Ebx | (invpcid ? invpcidBit : 0);
      registers.ecx &= featureMask.leaf7Ecx;
      registers.edx &= featureMask.leaf7Edx;
    },
  ],
  [
    0xd,
    (registers, { vcpu, subleaf, xcr0Mask }) => {
      if (subleaf > 1 || xcr0Mask === 0n) return clear(registers);
      if (subleaf === 1) {
        registers.eax &= 0x7;
        registers.ebx = registers.ecx = registers.edx = 0;
        return;
      }
      registers.eax = Number(xcr0Mask & 0xffff_ffffn);
      registers.ebx = xsaveSize(vcpu.data.xcr0);
      registers.ecx = xsaveSize(xcr0Mask);
      registers.edx = Number(xcr0Mask >> 32n);
    },
  ],
  [
    hypervisorBase,
    registers => {
      Object.assign(registers, signature, { eax: hypervisorMax });
    },
  ],
  [
    // TSC frequency in kHz: one tick of the host is one nanosecond.
    hypervisorMax,
    registers => {
      registers.eax = 1_000_000;
    },
  ],
  [
    0x8000_0001,
    registers => {
      registers.ecx &= featureMask.extended1Ecx;
      registers.edx &= featureMask.extended1Edx;
    },
  ],
  [
    0x8000_0007,
    registers => {
      registers.eax = registers.ebx = registers.ecx = 0;
      registers.edx &= 1 << 8;
    },
  ],
  [
    0x8000_0008,
    registers => {
      registers.ebx &= featureMask.extended8Ebx;
      registers.edx = 0;
    },
  ],
];

/** Leaves of the hypervisor's range start from zero, whatever the host's CPU has there. */
export const isHypervisorLeaf = (leaf: number): boolean => leaf >= hypervisorBase && leaf <= hypervisorMax;

/** Which leaf answers: one beyond the guest's range reads as its highest basic leaf. */
export function effectiveLeaf(leaf: number, maximum: number, extended: number): number {
  const inRange = leaf <= maximum || isHypervisorLeaf(leaf) || (leaf >= 0x8000_0000 && leaf <= extended);
  return inRange ? leaf : maximum;
}
