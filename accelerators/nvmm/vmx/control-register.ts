/** CR0, CR4 and CR8 of a guest under VMX: which bits are the driver's, and what a trapped write does (SDM vol. 3, section 26.3). */
import type { HostCpu, HostMemory } from '#core';
import { Limit } from '../abi.ts';
import type { DriverMachine } from '../driver/machine.ts';
import { EntryControl } from './controls.ts';
import { Field } from './fields.ts';

export const Cr0 = { pe: 1, et: 1 << 4, ne: 1 << 5, nw: 1 << 29, cd: 1 << 30, pg: 1 << 31 } as const;
export const Cr4 = { pae: 1 << 5, pcide: 1 << 17 } as const;
export const Efer = { lme: 0x100, lma: 0x400 } as const;
/** Kept in the shadow: the CPU wants NE and ET set, and caches stay on whatever the guest says. */
export const cr0Mask = Cr0.et | Cr0.ne | Cr0.nw | Cr0.cd;
const realCr0 = (value: number): number => (value & ~cr0Mask) | Cr0.et | Cr0.ne;
const mathFault = 1 << 16;

/** The CPU's #MF is none of a guest's that has cleared NE. */
export function setCr0(cpu: HostCpu, value: number): void {
  cpu.vmwrite(Field.cr0Shadow, value & cr0Mask, 0);
  cpu.vmwrite(Field.guestCr0, realCr0(value), 0);
  const others = cpu.vmread(Field.exceptionBitmap) & ~mathFault;
  cpu.vmwrite(Field.exceptionBitmap, value & Cr0.ne ? others : others | mathFault, 0);
}

export const cr4Vmxe = 1 << 13;
const bits = (...positions: number[]): number => positions.reduce((mask, bit) => mask | (1 << bit), 0);
/** VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP FSGSBASE PCIDE OSXSAVE SMEP SMAP. */
export const cr4Guest = bits(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 20, 21);

/** LMA and the IA-32e mode guest control follow CR0.PG and LME, as hardware would do it. */
export function syncLongMode(cpu: HostCpu): void {
  const paging = (cpu.vmread(Field.guestCr0) & Cr0.pg) !== 0;
  const efer = cpu.vmread(Field.guestEfer);
  const long = paging && (efer & Efer.lme) !== 0;
  cpu.vmwrite(Field.guestEfer, long ? efer | Efer.lma : efer & ~Efer.lma, 0);
  const entry = cpu.vmread(Field.entryControls);
  cpu.vmwrite(Field.entryControls, long ? entry | EntryControl.guest64 : entry & ~EntryControl.guest64);
}

/** The four PDPTE fields of a guest in PAE paging, from its memory, where the driver changed what they derive from. */
export function syncPdptes(cpu: HostCpu, memory: HostMemory, machine: DriverMachine): void {
  const legacyPae =
    (cpu.vmread(Field.guestCr0) & Cr0.pg) !== 0 &&
    (cpu.vmread(Field.guestCr4) & Cr4.pae) !== 0 &&
    !(cpu.vmread(Field.guestEfer) & Efer.lma);
  if (!legacyPae) return;
  const table = (cpu.vmread(Field.guestCr3) & ~0x1f) >>> 0;
  const physical = table < Limit.ram ? machine.vmspace.physicalOfGuest(table) : -1;
  if (physical < 0) return;
  const word = memory.offset(physical) >>> 2;
  for (let n = 0; n < 4; n++)
    cpu.vmwrite(Field.guestPdpte0 + n * 2, memory.words[word + n * 2]!, memory.words[word + n * 2 + 1]!);
}
