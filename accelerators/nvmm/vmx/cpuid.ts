/** CPUID of a guest on the VMX backend (nvmm_x86_vmx.c, vmx_inkernel_handle_cpuid). */
import { Cr4, type HostCpu } from '#core';
import { clear, featureMask, hypervisorBit, osxsaveBit, type Registers } from '../x86/cpuid.ts';
import { commonLeaves, effectiveLeaf, isHypervisorLeaf, type LeafContext, type Rewrite } from '../x86/cpuid-leaves.ts';
import { Field } from './fields.ts';
import type { VmxDriverVcpu } from './vcpu.ts';

const basicMax = 0x16;
const extendedMax = 0x8000_0008;
const pcidBit = 1 << 17;

interface Context extends LeafContext {
  readonly vcpu: VmxDriverVcpu;
  readonly cpu: HostCpu;
  readonly processors: number;
  readonly invpcid: boolean;
}

/** Leaves that read as zero. */
const hidden = new Set([3, 5, 6, 8, 9, 0xa, 0xc, 0xe, 0xf, 0x10, 0x11, 0x12, 0x13, 0x14]);

export function guestCpuid(leaf: number, context: Omit<Context, 'maximum'>): Registers {
  const { cpu, subleaf } = context;
  const maximum = Math.min(cpu.cpuid(0).eax >>> 0, basicMax);
  const extended = Math.min(cpu.cpuid(0x8000_0000).eax >>> 0, extendedMax);
  const effective = effectiveLeaf(leaf, maximum, extended);
  const registers: Registers = { ...cpu.cpuid(effective, subleaf) };
  if (hidden.has(effective) || isHypervisorLeaf(effective)) clear(registers);
  rewrites.get(effective)?.(registers, { ...context, maximum });
  return registers;
}

const rewrites = new Map<number, Rewrite<Context>>([
  ...commonLeaves,
  [
    1,
    (registers, { cpu, vcpu, invpcid }) => {
      const pcid = invpcid ? registers.ecx & pcidBit : 0;
      registers.ebx = (registers.ebx & 0x00ff_ffff) | (vcpu.cpuid << 24);
      registers.ecx = (registers.ecx & featureMask.leaf1Ecx) | hypervisorBit | pcid;
      if (!(cpu.vmread(Field.guestCr4) & Cr4.osxsave)) registers.ecx &= ~osxsaveBit;
      registers.edx &= featureMask.leaf1Edx;
    },
  ],
  [
    0xb,
    (registers, { vcpu, subleaf, processors }) => {
      clear(registers);
      registers.ecx = subleaf & 0xff;
      registers.edx = vcpu.cpuid;
      if (subleaf === 0) registers.ecx |= 1 << 8;
      if (subleaf === 1) {
        registers.eax = Math.ceil(Math.log2(processors));
        registers.ebx = processors;
        registers.ecx |= 2 << 8;
      }
    },
  ],
]);
