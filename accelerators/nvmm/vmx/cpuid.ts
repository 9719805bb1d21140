/** CPUID of a guest on the VMX backend (nvmm_x86_vmx.c, vmx_inkernel_handle_cpuid). */
import type { HostCpu } from '#core';
import {
  clear,
  featureMask,
  hypervisorBase,
  hypervisorBit,
  hypervisorMax,
  osxsaveBit,
  type Registers,
  signature,
} from '../x86/cpuid.ts';
import { xsaveSize } from '../x86/xcr0.ts';
import { Field } from './fields.ts';
import type { VmxDriverVcpu } from './vcpu.ts';

const basicMax = 0x16;
const extendedMax = 0x8000_0008;
const osxsaveControl = 1 << 18;
const pcidBit = 1 << 17;
const invpcidBit = 1 << 10;

interface Context {
  readonly vcpu: VmxDriverVcpu;
  readonly cpu: HostCpu;
  readonly subleaf: number;
  readonly maximum: number;
  readonly processors: number;
  readonly invpcid: boolean;
  readonly xcr0Mask: bigint;
}

const hidden = new Set([3, 5, 6, 8, 9, 0xa, 0xc, 0xe, 0xf, 0x10, 0x11, 0x12, 0x13, 0x14]);

export function guestCpuid(leaf: number, context: Omit<Context, 'maximum'>): Registers {
  const { cpu, subleaf } = context;
  const maximum = Math.min(cpu.cpuid(0).eax >>> 0, basicMax);
  const extended = Math.min(cpu.cpuid(0x8000_0000).eax >>> 0, extendedMax);
  const inRange =
    leaf <= maximum || (leaf >= hypervisorBase && leaf <= hypervisorMax) || (leaf >= 0x8000_0000 && leaf <= extended);
  const effective = inRange ? leaf : maximum;
  const registers: Registers = { ...cpu.cpuid(effective, subleaf) };
  if (hidden.has(effective) || (effective >= hypervisorBase && effective <= hypervisorMax)) clear(registers);
  rewrites.get(effective)?.(registers, { ...context, maximum });
  return registers;
}

const rewrites = new Map<number, (registers: Registers, context: Context) => void>([
  [
    0,
    (registers, { maximum }) => {
      registers.eax = maximum;
    },
  ],
  [
    1,
    (registers, { cpu, vcpu, invpcid }) => {
      const pcid = invpcid ? registers.ecx & pcidBit : 0;
      registers.ebx = (registers.ebx & 0x00ff_ffff) | (vcpu.cpuid << 24);
      registers.ecx = (registers.ecx & featureMask.leaf1Ecx) | hypervisorBit | pcid;
      if (!(cpu.vmread(Field.guestCr4) & osxsaveControl)) registers.ecx &= ~osxsaveBit;
      registers.edx &= featureMask.leaf1Edx;
    },
  ],
  [
    7,
    (registers, { subleaf, invpcid }) => {
      if (subleaf !== 0) return clear(registers);
      registers.eax = 0;
      registers.ebx &= featureMask.leaf7Ebx | (invpcid ? invpcidBit : 0);
      registers.ecx &= featureMask.leaf7Ecx;
      registers.edx &= featureMask.leaf7Edx;
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
]);
