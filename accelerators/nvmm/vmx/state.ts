/** State between the comm page and the VMCS (nvmm_x86_vmx.c, vmx_vcpu_setstate and vmx_vcpu_getstate). The VMCS is current. */
import {
  Attribute,
  Cr4,
  Efer,
  eferPaging,
  Flag,
  type HostCpu,
  type HostMemory,
  InterruptShadow,
  shadowBy,
} from '#core';
import { Cr, Dr, Gpr, Intr, Msr, Seg, StateFlag, X64State } from '../abi.ts';
import type { DriverMachine } from '../driver/machine.ts';
import {
  copyGeneral,
  getBreakpoints,
  getFpu,
  getVector,
  setBreakpoints,
  setFpu,
  setVector,
  setXcr0,
} from '../x86/state.ts';
import { writeTimestampCounter } from '../x86/timestamp.ts';
import { cr0Mask, cr4Guest, setCr0, syncPdptes } from './control-register.ts';
import { EntryControl } from './controls.ts';
import { cancelEvent, setInterruptWindow, setNmiWindow } from './event.ts';
import { Field, Interruptibility, PendingDebug, unusable } from './fields.ts';
import { setTimestampCounter } from './timestamp.ts';
import type { VmxDriverVcpu } from './vcpu.ts';

/** State index of each segment, in the VMCS's order of fields. */
const segments = [Seg.es, Seg.cs, Seg.ss, Seg.ds, Seg.fs, Seg.gs, Seg.ldt, Seg.tr] as const;
const blocked = Interruptibility.sti | Interruptibility.movSs;
const { present } = Attribute;

/** Our packing has AVL, L, D/B, G right above P; the VMCS has four reserved bits between. */
const rightsOf = (attributes: number): number => {
  const rights = (attributes & 0xff) | ((attributes & 0xf00) << 4);
  return attributes & present ? rights : rights | unusable;
};
const attributesOf = (rights: number): number =>
  rights & unusable
    ? (rights & 0xff & ~present) | ((rights >>> 4) & 0xf00)
    : (rights & 0xff) | ((rights >>> 4) & 0xf00);

/** `residentMsrs`, by state index. */
const resident = [Msr.star, Msr.lstar, Msr.cstar, Msr.sfmask, Msr.kernelGsBase] as const;

const fieldMsrs: readonly { readonly index: number; readonly field: number }[] = [
  { index: Msr.sysenterCs, field: Field.guestSysenterCs },
  { index: Msr.sysenterEsp, field: Field.guestSysenterEsp },
  { index: Msr.sysenterEip, field: Field.guestSysenterEip },
  { index: Msr.pat, field: Field.guestPat },
];

/** As WRMSR takes it: addresses are canonical, SFMASK has 32 bits. VMLOAD makes them so of itself. */
const upperOf = (msr: number, high: number): number =>
  msr === Msr.star ? high : msr === Msr.sfmask ? 0 : (high << 16) >> 16;

/** A field of the VMCS into two words. */
function fetch(words: Int32Array, cpu: HostCpu, to: number, field: number): void {
  words[to] = cpu.vmread(field);
  words[to + 1] = cpu.vmreadHigh;
}

export function setState(
  memory: HostMemory,
  machine: DriverMachine,
  vcpu: VmxDriverVcpu,
  flags: number,
  xcr0Mask: bigint,
  mxcsrMask: number,
): void {
  const { comm, cpu, data } = vcpu;
  const { words } = memory;

  if (flags & StateFlag.segs) {
    for (let n = 0; n < segments.length; n++) {
      const word = comm.stateWord(X64State.segs + segments[n] * 16);
      cpu.vmwrite(Field.guestEs + n * 2, words[word] & 0xffff);
      cpu.vmwrite(Field.guestEsRights + n * 2, rightsOf(words[word] >>> 16));
      cpu.vmwrite(Field.guestEsLimit + n * 2, words[word + 1]);
      cpu.vmwrite(Field.guestEsBase + n * 2, words[word + 2], words[word + 3]);
    }
    const gdt = comm.stateWord(X64State.segs + Seg.gdt * 16);
    cpu.vmwrite(Field.guestGdtrLimit, words[gdt + 1] & 0xffff);
    cpu.vmwrite(Field.guestGdtrBase, words[gdt + 2], words[gdt + 3]);
    const idt = comm.stateWord(X64State.segs + Seg.idt * 16);
    cpu.vmwrite(Field.guestIdtrLimit, words[idt + 1] & 0xffff);
    cpu.vmwrite(Field.guestIdtrBase, words[idt + 2], words[idt + 3]);
  }
  if (flags & StateFlag.gprs) {
    const gprs = comm.stateWord(X64State.gprs);
    copyGeneral(memory, data.generalWords, gprs);
    cpu.vmwrite(Field.guestRsp, words[gprs + Gpr.rsp * 2], words[gprs + Gpr.rsp * 2 + 1]);
    cpu.vmwrite(Field.guestRip, words[gprs + Gpr.rip * 2], words[gprs + Gpr.rip * 2 + 1]);
    cpu.vmwrite(Field.guestRflags, words[gprs + Gpr.rflags * 2], 0);
  }
  if (flags & StateFlag.crs) {
    const crs = comm.stateWord(X64State.crs);
    const cr0 = words[crs + Cr.cr0 * 2];
    const cr4 = (words[crs + Cr.cr4 * 2] & cr4Guest) | Cr4.vmxe;
    // Whoever sets CR3, to its old value even, may have written the guest's page tables before.
    data.flushGuest = true;
    setCr0(cpu, cr0);
    cpu.vmwrite(Field.guestCr3, words[crs + Cr.cr3 * 2], words[crs + Cr.cr3 * 2 + 1]);
    cpu.vmwrite(Field.guestCr4, cr4, 0);
    data.cr2 = comm.read(X64State.crs + Cr.cr2 * 8);
    data.cr8 = words[crs + Cr.cr8 * 2] & 0xf;
    setXcr0(comm, data, xcr0Mask);
  }
  if (flags & StateFlag.drs) {
    setBreakpoints(comm, data);
    data.dr6 = comm.read(X64State.drs + Dr.dr6 * 8) & 0xffff_ffffn;
    const control = comm.low(X64State.drs + Dr.dr7 * 8);
    if (data.hidden) data.shadowControl = control;
    else cpu.vmwrite(Field.guestDr7, control, 0);
  }
  if (flags & StateFlag.msrs) {
    const msrs = comm.stateWord(X64State.msrs);
    const efer = words[msrs + Msr.efer * 2];
    if ((cpu.vmread(Field.guestEfer) ^ efer) & eferPaging) data.flushGuest = true;
    cpu.vmwrite(Field.guestEfer, efer, words[msrs + Msr.efer * 2 + 1]);
    const entry = cpu.vmread(Field.entryControls);
    cpu.vmwrite(Field.entryControls, efer & Efer.lma ? entry | EntryControl.guest64 : entry & ~EntryControl.guest64);
    for (let n = 0; n < resident.length; n++) {
      data.msrs[2 * n] = words[msrs + resident[n] * 2];
      data.msrs[2 * n + 1] = upperOf(resident[n], words[msrs + resident[n] * 2 + 1]);
    }
    for (let n = 0; n < fieldMsrs.length; n++) {
      const { index, field } = fieldMsrs[n];
      cpu.vmwrite(field, words[msrs + index * 2], words[msrs + index * 2 + 1]);
    }
    setTimestampCounter(cpu, words[msrs + Msr.tsc * 2], words[msrs + Msr.tsc * 2 + 1]);
  }
  if (flags & (StateFlag.crs | StateFlag.msrs)) syncPdptes(cpu, memory, machine);
  if (flags & StateFlag.intr) {
    const intr = comm.low(X64State.intr);
    const others = cpu.vmread(Field.guestInterruptibility) & ~blocked;
    cpu.vmwrite(Field.guestInterruptibility, intr & Intr.shadow ? others | shadowOf(cpu) : others);
    if (!(intr & Intr.debugPending)) cpu.vmwrite(Field.guestPendingDebug, 0);
    if (!(intr & Intr.eventPending)) cancelEvent(cpu, data);
    setInterruptWindow(cpu, data, (intr & Intr.windowExiting) !== 0);
    // Whoever waits for the window has NMIs blocked; under SVM the same flag waits for IRET.
    const nmiBlocked = (intr & Intr.nmiWindowExiting) !== 0;
    const rest = cpu.vmread(Field.guestInterruptibility) & ~Interruptibility.nmi;
    cpu.vmwrite(Field.guestInterruptibility, nmiBlocked ? rest | Interruptibility.nmi : rest);
    setNmiWindow(cpu, data, nmiBlocked);
  }
  if (flags & (StateFlag.gprs | StateFlag.intr)) setPendingStep(cpu);
  if (flags & StateFlag.fpu) setFpu(memory, comm, data, mxcsrMask);
  if (flags & StateFlag.vector) setVector(memory, comm, data);
}

/** NVMM's flag has no kind, and neither has a VMCB. */
const shadowOf = (cpu: HostCpu): number =>
  shadowBy(cpu.vmread(Field.guestRflags)) === InterruptShadow.sti ? Interruptibility.sti : Interruptibility.movSs;

/** What entries insist on: in a shadow BS waits where TF is set, and only there (SDM vol. 3, section 27.3.1.5). */
function setPendingStep(cpu: HostCpu): void {
  const pending = cpu.vmread(Field.guestPendingDebug);
  const waits = cpu.vmread(Field.guestInterruptibility) & blocked && cpu.vmread(Field.guestRflags) & Flag.tf;
  const next = waits ? pending | PendingDebug.step : pending & ~PendingDebug.step;
  if (next !== pending) cpu.vmwrite(Field.guestPendingDebug, next);
}

export function getState(memory: HostMemory, vcpu: VmxDriverVcpu, flags: number): void {
  const { comm, cpu, data } = vcpu;
  const { words } = memory;
  if (flags & StateFlag.segs) {
    for (let n = 0; n < segments.length; n++) {
      const word = comm.stateWord(X64State.segs + segments[n] * 16);
      words[word] =
        (cpu.vmread(Field.guestEs + n * 2) & 0xffff) | (attributesOf(cpu.vmread(Field.guestEsRights + n * 2)) << 16);
      words[word + 1] = cpu.vmread(Field.guestEsLimit + n * 2);
      fetch(words, cpu, word + 2, Field.guestEsBase + n * 2);
    }
    const gdt = comm.stateWord(X64State.segs + Seg.gdt * 16);
    words[gdt] = 0;
    words[gdt + 1] = cpu.vmread(Field.guestGdtrLimit);
    fetch(words, cpu, gdt + 2, Field.guestGdtrBase);
    const idt = comm.stateWord(X64State.segs + Seg.idt * 16);
    words[idt] = 0;
    words[idt + 1] = cpu.vmread(Field.guestIdtrLimit);
    fetch(words, cpu, idt + 2, Field.guestIdtrBase);
  }
  if (flags & StateFlag.gprs) {
    const gprs = comm.stateWord(X64State.gprs);
    copyGeneral(memory, gprs, data.generalWords);
    fetch(words, cpu, gprs + Gpr.rsp * 2, Field.guestRsp);
    fetch(words, cpu, gprs + Gpr.rip * 2, Field.guestRip);
    fetch(words, cpu, gprs + Gpr.rflags * 2, Field.guestRflags);
  }
  if (flags & StateFlag.crs) {
    const cr0 = (cpu.vmread(Field.guestCr0) & ~cr0Mask) | (cpu.vmread(Field.cr0Shadow) & cr0Mask);
    comm.set(X64State.crs + Cr.cr0 * 8, cr0, 0);
    comm.set(X64State.crs + Cr.cr2 * 8, data.cr2Low, data.cr2High);
    fetch(words, cpu, comm.stateWord(X64State.crs + Cr.cr3 * 8), Field.guestCr3);
    comm.set(X64State.crs + Cr.cr4 * 8, cpu.vmread(Field.guestCr4) & ~Cr4.vmxe, 0);
    comm.set(X64State.crs + Cr.cr8 * 8, data.cr8, 0);
    comm.set(X64State.crs + Cr.xcr0 * 8, data.xcr0Low, 0);
  }
  if (flags & StateFlag.drs) {
    getBreakpoints(comm, data);
    comm.write(X64State.drs + Dr.dr6 * 8, data.dr6);
    if (data.hidden) comm.set(X64State.drs + Dr.dr7 * 8, data.shadowControl, 0);
    else fetch(words, cpu, comm.stateWord(X64State.drs + Dr.dr7 * 8), Field.guestDr7);
  }
  if (flags & StateFlag.msrs) {
    const msrs = comm.stateWord(X64State.msrs);
    fetch(words, cpu, msrs + Msr.efer * 2, Field.guestEfer);
    for (let n = 0; n < resident.length; n++) {
      words[msrs + resident[n] * 2] = data.msrs[2 * n];
      words[msrs + resident[n] * 2 + 1] = data.msrs[2 * n + 1];
    }
    for (let n = 0; n < fieldMsrs.length; n++) {
      const { index, field } = fieldMsrs[n];
      fetch(words, cpu, msrs + index * 2, field);
    }
    const offset = cpu.vmread(Field.tscOffset);
    writeTimestampCounter(comm, cpu, offset, cpu.vmreadHigh);
  }
  if (flags & StateFlag.intr) {
    const intr =
      (cpu.vmread(Field.guestInterruptibility) & blocked ? Intr.shadow : 0) |
      (cpu.vmread(Field.guestPendingDebug) & PendingDebug.breakpoints ? Intr.debugPending : 0) |
      (data.interruptWindow ? Intr.windowExiting : 0) |
      (data.nmiWindow ? Intr.nmiWindowExiting : 0) |
      (data.eventPending ? Intr.eventPending : 0);
    comm.set(X64State.intr, intr, 0);
  }
  if (flags & StateFlag.fpu) getFpu(memory, comm, data);
  if (flags & StateFlag.vector) getVector(memory, comm, data);
  comm.cached |= flags;
}
