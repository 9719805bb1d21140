/** CPUID of a guest on the SVM backend (nvmm_x86_svm.c, svm_inkernel_handle_cpuid). */
import { Cr4, type HostCpu } from '#core';
import { clear, featureMask, hypervisorBit, osxsaveBit, type Registers } from '../x86/cpuid.ts';
import { commonLeaves, effectiveLeaf, isHypervisorLeaf, type LeafContext, type Rewrite } from '../x86/cpuid-leaves.ts';
import type { SvmDriverVcpu } from './vcpu.ts';
import { Field } from './vmcb.ts';

const basicMax = 0xd;
const extendedMax = 0x8000_001f;

/** Leaves that read as zero. */
const hidden = new Set([2, 3, 5, 6, 8, 9, 0xa, 0xb, 0xc, 0x8000_001b, 0x8000_001c, 0x8000_001f]);
for (let leaf = 0x8000_000a; leaf <= 0x8000_0018; leaf++) hidden.add(leaf);

interface Context extends LeafContext {
  readonly vcpu: SvmDriverVcpu;
}

export function guestCpuid(
  cpu: HostCpu,
  vcpu: SvmDriverVcpu,
  leaf: number,
  subleaf: number,
  xcr0Mask: bigint,
): Registers {
  const maximum = Math.min(cpu.cpuid(0).eax >>> 0, basicMax);
  const extended = Math.min(cpu.cpuid(0x8000_0000).eax >>> 0, extendedMax);
  const effective = effectiveLeaf(leaf, maximum, extended);
  const registers: Registers = { ...cpu.cpuid(effective, subleaf) };
  if (hidden.has(effective) || isHypervisorLeaf(effective)) clear(registers);
  rewrites.get(effective)?.(registers, { vcpu, subleaf, maximum, xcr0Mask });
  return registers;
}

const rewrites = new Map<number, Rewrite<Context>>([
  ...commonLeaves,
  [
    1,
    (registers, { vcpu }) => {
      registers.ebx = (registers.ebx & 0x00ff_ffff) | (vcpu.cpuid << 24);
      registers.ecx = (registers.ecx & featureMask.leaf1Ecx) | hypervisorBit;
      if (!(vcpu.data.vmcb.low(Field.cr4) & Cr4.osxsave)) registers.ecx &= ~osxsaveBit;
      registers.edx &= featureMask.leaf1Edx;
    },
  ],
]);
