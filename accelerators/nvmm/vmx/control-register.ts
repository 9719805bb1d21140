/** CR0, CR4 and CR8 of a guest under VMX: which bits are the driver's, and what a trapped write does (SDM vol. 3, section 26.3). */
import { Cr0, Cr4, Efer, type HostCpu, type HostMemory, Vector } from '#core';
import { Limit } from '../abi.ts';
import type { DriverMachine } from '../driver/machine.ts';
import { EntryControl } from './controls.ts';
import { Field } from './fields.ts';

/** The guest's values of these bits are kept in the shadow. The CPU wants NE and ET set, and caches stay on whatever the guest says. */
export const cr0Mask = Cr0.et | Cr0.ne | Cr0.nw | Cr0.cd;
const realCr0 = (value: number): number => (value & ~cr0Mask) | Cr0.et | Cr0.ne;
const mathFault = 1 << Vector.mf;

/** Sets CR0. A guest that has cleared NE gets no #MF: the driver intercepts the CPU's. */
export function setCr0(cpu: HostCpu, value: number): void {
  cpu.vmwrite(Field.cr0Shadow, value & cr0Mask, 0);
  cpu.vmwrite(Field.guestCr0, realCr0(value), 0);
  const others = cpu.vmread(Field.exceptionBitmap) & ~mathFault;
  cpu.vmwrite(Field.exceptionBitmap, value & Cr0.ne ? others : others | mathFault, 0);
}

/** What a guest may set: all bits that there are but those of what a guest does not have. */
export const cr4Guest = Object.values(Cr4).reduce((mask, bit) => mask | bit, 0) & ~(Cr4.la57 | Cr4.vmxe | Cr4.smxe);

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
    cpu.vmwrite(Field.guestPdpte0 + n * 2, memory.words[word + n * 2], memory.words[word + n * 2 + 1]);
}
