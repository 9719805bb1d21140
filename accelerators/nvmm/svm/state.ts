/** State between the comm page and the VMCB (nvmm_x86_svm.c, svm_vcpu_setstate and svm_vcpu_getstate). Copies of words: no value is looked at that need not be. */
import { Efer, eferPaging, type HostCpu, type HostMemory } from '#core';
import { Cr, Dr, Gpr, Intr, Msr, Seg, StateFlag, X64State } from '../abi.ts';
import {
  copy,
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
import { cancelEvent, closeInterruptWindow, closeNmiWindow, openInterruptWindow, openNmiWindow } from './event.ts';
import { type SvmDriverVcpu, setTimestampCounter } from './vcpu.ts';
import { Clean, Field, VirtualInterrupt } from './vmcb.ts';

/** ES to GS lie alike on both sides; the system segments in another order: word of the state's component, offset in the VMCB. */
const dataSegmentBytes = 6 * 16;
const systemSegments = Int32Array.from(
  [
    [Seg.gdt, Field.gdtr],
    [Seg.idt, Field.idtr],
    [Seg.ldt, Field.ldtr],
    [Seg.tr, Field.tr],
  ].flatMap(([index, field]) => [index! * 4, field!]),
);
/** STAR to SYSENTER_EIP lie alike too. */
const msrBytes = (Msr.sysenterEip - Msr.star + 1) * 8;

/** Changes of these bits make cached translations wrong. */

export function setState(
  memory: HostMemory,
  vcpu: SvmDriverVcpu,
  flags: number,
  xcr0Mask: bigint,
  mxcsrMask: number,
): void {
  const { comm, data } = vcpu;
  const { vmcb } = data;
  const { words } = memory;

  if (flags & StateFlag.segs) {
    const segs = comm.stateWord(X64State.segs);
    memory.copy(vmcb.wordOf(Field.es) << 2, segs << 2, dataSegmentBytes);
    for (let n = 0; n < systemSegments.length; n += 2) {
      const from = segs + systemSegments[n];
      const to = vmcb.wordOf(systemSegments[n + 1]);
      copy(words, to, from);
      copy(words, to + 2, from + 2);
    }
    // SS.DPL is where CPL lives in the state; the VMCB has a byte for it.
    vmcb.setByte(Field.cpl, (comm.words[comm.stateWord(X64State.segs + Seg.ss * 16)] >>> 21) & 3);
    vmcb.dirty(Clean.segments | Clean.tables);
  }
  if (flags & StateFlag.gprs) {
    const gprs = comm.stateWord(X64State.gprs);
    copyGeneral(memory, data.generalWords, gprs);
    copy(words, vmcb.wordOf(Field.rax), gprs + Gpr.rax * 2);
    copy(words, vmcb.wordOf(Field.rsp), gprs + Gpr.rsp * 2);
    copy(words, vmcb.wordOf(Field.rip), gprs + Gpr.rip * 2);
    copy(words, vmcb.wordOf(Field.rflags), gprs + Gpr.rflags * 2);
  }
  if (flags & StateFlag.crs) {
    const crs = comm.stateWord(X64State.crs);
    // Whoever sets CR3, to its old value even, may have written the guest's page tables before.
    data.flushGuest = true;
    copy(words, vmcb.wordOf(Field.cr0), crs + Cr.cr0 * 2);
    copy(words, vmcb.wordOf(Field.cr2), crs + Cr.cr2 * 2);
    copy(words, vmcb.wordOf(Field.cr3), crs + Cr.cr3 * 2);
    copy(words, vmcb.wordOf(Field.cr4), crs + Cr.cr4 * 2);
    const virtualInterrupt = vmcb.low(Field.virtualInterrupt) & ~VirtualInterrupt.tprMask;
    vmcb.setLow(Field.virtualInterrupt, virtualInterrupt | (words[crs + Cr.cr8 * 2] & VirtualInterrupt.tprMask));
    setXcr0(comm, data, xcr0Mask);
    vmcb.dirty(Clean.control | Clean.cr2 | Clean.tpr);
  }
  if (flags & StateFlag.drs) {
    setBreakpoints(comm, data);
    if (data.hidden) {
      data.shadowStatus = comm.low(X64State.drs + Dr.dr6 * 8);
      data.shadowControl = comm.low(X64State.drs + Dr.dr7 * 8);
    } else {
      copy(words, vmcb.wordOf(Field.dr6), comm.stateWord(X64State.drs + Dr.dr6 * 8));
      copy(words, vmcb.wordOf(Field.dr7), comm.stateWord(X64State.drs + Dr.dr7 * 8));
    }
    vmcb.dirty(Clean.debug);
  }
  if (flags & StateFlag.msrs) {
    const efer = X64State.msrs + Msr.efer * 8;
    if ((comm.low(efer) ^ vmcb.low(Field.efer)) & eferPaging) data.flushGuest = true;
    vmcb.set(Field.efer, comm.low(efer) | Efer.svme, comm.high(efer));
    const msrs = comm.stateWord(X64State.msrs);
    memory.copy(vmcb.wordOf(Field.star) << 2, (msrs + Msr.star * 2) << 2, msrBytes);
    copy(words, vmcb.wordOf(Field.pat), msrs + Msr.pat * 2);
    setTimestampCounter(vcpu.cpu, data, comm.low(X64State.msrs + Msr.tsc * 8), comm.high(X64State.msrs + Msr.tsc * 8));
    vmcb.dirty(Clean.control | Clean.nested);
  }
  if (flags & StateFlag.intr) {
    const intr = comm.low(X64State.intr);
    vmcb.setLow(Field.interruptShadow, intr & Intr.shadow);
    if (!(intr & Intr.eventPending)) cancelEvent(data);
    if (intr & Intr.windowExiting) openInterruptWindow(data);
    else closeInterruptWindow(data);
    if (intr & Intr.nmiWindowExiting) openNmiWindow(data);
    else closeNmiWindow(data);
  }
  if (flags & StateFlag.fpu) setFpu(memory, comm, data, mxcsrMask);
  if (flags & StateFlag.vector) setVector(memory, comm, data);
}

export function getState(memory: HostMemory, cpu: HostCpu, vcpu: SvmDriverVcpu, flags: number): void {
  const { comm, data } = vcpu;
  const { vmcb } = data;
  const { words } = memory;

  if (flags & StateFlag.segs) {
    const segs = comm.stateWord(X64State.segs);
    memory.copy(segs << 2, vmcb.wordOf(Field.es) << 2, dataSegmentBytes);
    for (let n = 0; n < systemSegments.length; n += 2) {
      const to = segs + systemSegments[n];
      const from = vmcb.wordOf(systemSegments[n + 1]);
      copy(words, to, from);
      copy(words, to + 2, from + 2);
    }
    const ss = segs + Seg.ss * 4;
    words[ss] = (words[ss] & ~(3 << 21)) | (vmcb.byte(Field.cpl) << 21);
  }
  if (flags & StateFlag.gprs) {
    const gprs = comm.stateWord(X64State.gprs);
    copyGeneral(memory, gprs, data.generalWords);
    copy(words, gprs + Gpr.rax * 2, vmcb.wordOf(Field.rax));
    copy(words, gprs + Gpr.rsp * 2, vmcb.wordOf(Field.rsp));
    copy(words, gprs + Gpr.rip * 2, vmcb.wordOf(Field.rip));
    copy(words, gprs + Gpr.rflags * 2, vmcb.wordOf(Field.rflags));
  }
  if (flags & StateFlag.crs) {
    const crs = comm.stateWord(X64State.crs);
    copy(words, crs + Cr.cr0 * 2, vmcb.wordOf(Field.cr0));
    copy(words, crs + Cr.cr2 * 2, vmcb.wordOf(Field.cr2));
    copy(words, crs + Cr.cr3 * 2, vmcb.wordOf(Field.cr3));
    copy(words, crs + Cr.cr4 * 2, vmcb.wordOf(Field.cr4));
    comm.set(X64State.crs + Cr.cr8 * 8, vmcb.low(Field.virtualInterrupt) & VirtualInterrupt.tprMask, 0);
    comm.set(X64State.crs + Cr.xcr0 * 8, data.xcr0Low, 0);
  }
  if (flags & StateFlag.drs) {
    getBreakpoints(comm, data);
    if (data.hidden) {
      comm.set(X64State.drs + Dr.dr6 * 8, data.shadowStatus, 0);
      comm.set(X64State.drs + Dr.dr7 * 8, data.shadowControl, 0);
    } else {
      copy(words, comm.stateWord(X64State.drs + Dr.dr6 * 8), vmcb.wordOf(Field.dr6));
      copy(words, comm.stateWord(X64State.drs + Dr.dr7 * 8), vmcb.wordOf(Field.dr7));
    }
  }
  if (flags & StateFlag.msrs) {
    comm.set(X64State.msrs + Msr.efer * 8, vmcb.low(Field.efer) & ~Efer.svme, vmcb.high(Field.efer));
    const msrs = comm.stateWord(X64State.msrs);
    memory.copy((msrs + Msr.star * 2) << 2, vmcb.wordOf(Field.star) << 2, msrBytes);
    copy(words, msrs + Msr.pat * 2, vmcb.wordOf(Field.pat));
    writeTimestampCounter(comm, cpu, vmcb.low(Field.tscOffset), vmcb.high(Field.tscOffset));
  }
  if (flags & StateFlag.intr) {
    const intr =
      (vmcb.low(Field.interruptShadow) & 1 ? Intr.shadow : 0) |
      (data.interruptWindow ? Intr.windowExiting : 0) |
      (data.nmiWindow ? Intr.nmiWindowExiting : 0) |
      (data.eventPending ? Intr.eventPending : 0);
    comm.set(X64State.intr, intr, 0);
  }
  if (flags & StateFlag.fpu) getFpu(memory, comm, data);
  if (flags & StateFlag.vector) getVector(memory, comm, data);
  comm.cached |= flags;
}
