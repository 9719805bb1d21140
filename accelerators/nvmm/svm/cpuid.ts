/** CPUID of a guest on the SVM backend (nvmm_x86_svm.c, svm_inkernel_handle_cpuid). */
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
import type { SvmDriverVcpu } from './vcpu.ts';
import { Field } from './vmcb.ts';

const basicMax = 0xd;
const extendedMax = 0x8000_001f;
const osxsaveControl = 1 << 18;

/** Leaves that read as zero. */
const hidden = new Set([2, 3, 5, 6, 8, 9, 0xa, 0xb, 0xc, 0x8000_001b, 0x8000_001c, 0x8000_001f]);
for (let leaf = 0x8000_000a; leaf <= 0x8000_0018; leaf++) hidden.add(leaf);

export function guestCpuid(
  cpu: HostCpu,
  vcpu: SvmDriverVcpu,
  leaf: number,
  subleaf: number,
  xcr0Mask: bigint,
): Registers {
  const maximum = Math.min(cpu.cpuid(0).eax >>> 0, basicMax);
  const extended = Math.min(cpu.cpuid(0x8000_0000).eax >>> 0, extendedMax);
  const inRange =
    leaf <= maximum || (leaf >= hypervisorBase && leaf <= hypervisorMax) || (leaf >= 0x8000_0000 && leaf <= extended);
  const effective = inRange ? leaf : maximum;
  const registers: Registers = { ...cpu.cpuid(effective, subleaf) };
  if (hidden.has(effective) || (effective >= hypervisorBase && effective <= hypervisorMax)) clear(registers);
  rewrites.get(effective)?.(registers, { cpu, vcpu, subleaf, maximum, xcr0Mask });
  return registers;
}

interface Context {
  readonly cpu: HostCpu;
  readonly vcpu: SvmDriverVcpu;
  readonly subleaf: number;
  readonly maximum: number;
  readonly xcr0Mask: bigint;
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
    (registers, { vcpu }) => {
      registers.ebx = (registers.ebx & 0x00ff_ffff) | (vcpu.cpuid << 24);
      registers.ecx = (registers.ecx & featureMask.leaf1Ecx) | hypervisorBit;
      if (!(vcpu.data.vmcb.low(Field.cr4) & osxsaveControl)) registers.ecx &= ~osxsaveBit;
      registers.edx &= featureMask.leaf1Edx;
    },
  ],
  [
    7,
    (registers, { subleaf }) => {
      if (subleaf !== 0) return clear(registers);
      registers.eax = 0;
      registers.ebx &= featureMask.leaf7Ebx;
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
]);
