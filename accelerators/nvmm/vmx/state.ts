/** State between the comm page and the VMCS (nvmm_x86_vmx.c, vmx_vcpu_setstate and vmx_vcpu_getstate). The VMCS is current. */
import type { HostCpu, HostMemory } from '#core';
import { Cr, Dr, Gpr, Intr, Msr, Seg, StateFlag, X64State } from '../abi.ts';
import type { DriverMachine } from '../driver/machine.ts';
import { cr0Mask, cr4Guest, cr4Vmxe, realCr0, syncPdptes } from './control-register.ts';
import { EntryControl } from './controls.ts';
import { cancelEvent, setInterruptWindow, setNmiWindow } from './event.ts';
import { Field, Interruptibility, unusable } from './fields.ts';
import { setTimestampCounter, type VmxDriverVcpu } from './vcpu.ts';

/** State index of each segment, in the VMCS's order of fields. */
const segments = [Seg.es, Seg.cs, Seg.ss, Seg.ds, Seg.fs, Seg.gs, Seg.ldt, Seg.tr] as const;
const present = 1 << 7;
const eferLma = 0x400;

/** Our packing has AVL, L, D/B, G right above P; the VMCS has four reserved bits between. */
const rightsOf = (attributes: number): number => {
  const rights = (attributes & 0xff) | ((attributes & 0xf00) << 4);
  return attributes & present ? rights : rights | unusable;
};
const attributesOf = (rights: number): number =>
  rights & unusable
    ? (rights & 0xff & ~present) | ((rights >>> 4) & 0xf00)
    : (rights & 0xff) | ((rights >>> 4) & 0xf00);

const eferFlush = 0x800 | 0x500;

/** MSR area entries, by state index. */
const areaMsrs = [Msr.star, Msr.lstar, Msr.cstar, Msr.sfmask, Msr.kernelGsBase] as const;

const sysenterFields: readonly (readonly [index: number, field: number])[] = [
  [Msr.sysenterCs, Field.guestSysenterCs],
  [Msr.sysenterEsp, Field.guestSysenterEsp],
  [Msr.sysenterEip, Field.guestSysenterEip],
  [Msr.pat, Field.guestPat],
];

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
    segments.forEach((index, n) => {
      const word = comm.stateWord(X64State.segs + index * 16);
      cpu.vmwrite(Field.guestEs + n * 2, words[word]! & 0xffff);
      cpu.vmwrite(Field.guestEsRights + n * 2, rightsOf(words[word]! >>> 16));
      cpu.vmwrite(Field.guestEsLimit + n * 2, words[word + 1]!);
      cpu.vmwrite(Field.guestEsBase + n * 2, words[word + 2]!, words[word + 3]!);
    });
    for (const [index, limit, base] of [
      [Seg.gdt, Field.guestGdtrLimit, Field.guestGdtrBase],
      [Seg.idt, Field.guestIdtrLimit, Field.guestIdtrBase],
    ] as const) {
      const word = comm.stateWord(X64State.segs + index * 16);
      cpu.vmwrite(limit, words[word + 1]! & 0xffff);
      cpu.vmwrite(base, words[word + 2]!, words[word + 3]!);
    }
  }
  if (flags & StateFlag.gprs) {
    const gprs = comm.stateWord(X64State.gprs);
    words.copyWithin(data.gprWord(0), gprs, gprs + 32);
    cpu.vmwrite(Field.guestRsp, comm.low(X64State.gprs + Gpr.rsp * 8), comm.high(X64State.gprs + Gpr.rsp * 8));
    cpu.vmwrite(Field.guestRip, comm.low(X64State.gprs + Gpr.rip * 8), comm.high(X64State.gprs + Gpr.rip * 8));
    cpu.vmwrite(Field.guestRflags, comm.low(X64State.gprs + Gpr.rflags * 8), 0);
  }
  if (flags & StateFlag.crs) {
    const low = (index: number) => comm.low(X64State.crs + index * 8);
    const high = (index: number) => comm.high(X64State.crs + index * 8);
    const cr0 = low(Cr.cr0);
    const cr4 = (low(Cr.cr4) & cr4Guest) | cr4Vmxe;
    // Whoever sets CR3, to its old value even, may have written the guest's page tables before.
    data.flushGuest = true;
    cpu.vmwrite(Field.cr0Shadow, cr0, 0);
    cpu.vmwrite(Field.guestCr0, realCr0(cr0), 0);
    cpu.vmwrite(Field.guestCr3, low(Cr.cr3), high(Cr.cr3));
    cpu.vmwrite(Field.guestCr4, cr4, 0);
    data.cr2 = comm.read(X64State.crs + Cr.cr2 * 8);
    data.cr8 = low(Cr.cr8) & 0xf;
    data.xcr0 = xcr0Mask ? (comm.read(X64State.crs + Cr.xcr0 * 8) & xcr0Mask) | 1n : 1n;
  }
  if (flags & StateFlag.drs) {
    for (let n = 0; n < 4; n++) data.debug[n] = comm.read(X64State.drs + n * 8);
    data.dr6 = comm.read(X64State.drs + Dr.dr6 * 8) & 0xffff_ffffn;
    cpu.vmwrite(Field.guestDr7, comm.low(X64State.drs + Dr.dr7 * 8), 0);
  }
  if (flags & StateFlag.msrs) {
    const at = (index: number) => X64State.msrs + index * 8;
    const efer = comm.low(at(Msr.efer));
    if ((cpu.vmread(Field.guestEfer) ^ efer) & eferFlush) data.flushGuest = true;
    cpu.vmwrite(Field.guestEfer, efer, comm.high(at(Msr.efer)));
    const entry = cpu.vmread(Field.entryControls);
    cpu.vmwrite(Field.entryControls, efer & eferLma ? entry | EntryControl.guest64 : entry & ~EntryControl.guest64);
    areaMsrs.forEach((index, n) => {
      words[data.msrWord(n)] = comm.low(at(index));
      words[data.msrWord(n) + 1] = comm.high(at(index));
    });
    for (const [index, field] of sysenterFields) cpu.vmwrite(field, comm.low(at(index)), comm.high(at(index)));
    setTimestampCounter(cpu, comm.low(at(Msr.tsc)), comm.high(at(Msr.tsc)));
  }
  if (flags & (StateFlag.crs | StateFlag.msrs)) syncPdptes(cpu, memory, machine);
  if (flags & StateFlag.intr) {
    const intr = comm.low(X64State.intr);
    const others = cpu.vmread(Field.guestInterruptibility) & ~(Interruptibility.sti | Interruptibility.movSs);
    cpu.vmwrite(Field.guestInterruptibility, intr & Intr.shadow ? others | Interruptibility.movSs : others);
    if (!(intr & Intr.eventPending)) cancelEvent(cpu, data);
    setInterruptWindow(cpu, data, (intr & Intr.windowExiting) !== 0);
    // Whoever waits for the window has NMIs blocked; under SVM the same flag waits for IRET.
    const nmiBlocked = (intr & Intr.nmiWindowExiting) !== 0;
    const rest = cpu.vmread(Field.guestInterruptibility) & ~Interruptibility.nmi;
    cpu.vmwrite(Field.guestInterruptibility, nmiBlocked ? rest | Interruptibility.nmi : rest);
    setNmiWindow(cpu, data, nmiBlocked);
  }
  if (flags & StateFlag.fpu) {
    const from = comm.stateWord(X64State.fpu);
    const to = memory.offset(data.fpu) >>> 2;
    words.copyWithin(to, from, from + 128);
    words[to + 6] = words[to + 6]! & mxcsrMask;
    words[to + 7] = words[to + 7]! & mxcsrMask;
  }
}

export function getState(memory: HostMemory, vcpu: VmxDriverVcpu, flags: number): void {
  const { comm, cpu, data } = vcpu;
  const { words } = memory;
  const get = (word: number, field: number): void => {
    words[word] = cpu.vmread(field);
    words[word + 1] = cpu.vmreadHigh;
  };

  if (flags & StateFlag.segs) {
    for (let n = 0; n < segments.length; n++) {
      const word = comm.stateWord(X64State.segs + segments[n]! * 16);
      words[word] =
        (cpu.vmread(Field.guestEs + n * 2) & 0xffff) | (attributesOf(cpu.vmread(Field.guestEsRights + n * 2)) << 16);
      words[word + 1] = cpu.vmread(Field.guestEsLimit + n * 2);
      get(word + 2, Field.guestEsBase + n * 2);
    }
    const gdt = comm.stateWord(X64State.segs + Seg.gdt * 16);
    words[gdt] = 0;
    words[gdt + 1] = cpu.vmread(Field.guestGdtrLimit);
    get(gdt + 2, Field.guestGdtrBase);
    const idt = comm.stateWord(X64State.segs + Seg.idt * 16);
    words[idt] = 0;
    words[idt + 1] = cpu.vmread(Field.guestIdtrLimit);
    get(idt + 2, Field.guestIdtrBase);
  }
  if (flags & StateFlag.gprs) {
    const gprs = comm.stateWord(X64State.gprs);
    words.copyWithin(gprs, data.gprWord(0), data.gprWord(16));
    get(gprs + Gpr.rsp * 2, Field.guestRsp);
    get(gprs + Gpr.rip * 2, Field.guestRip);
    get(gprs + Gpr.rflags * 2, Field.guestRflags);
  }
  if (flags & StateFlag.crs) {
    const cr0 = (cpu.vmread(Field.guestCr0) & ~cr0Mask) | (cpu.vmread(Field.cr0Shadow) & cr0Mask);
    comm.set(X64State.crs + Cr.cr0 * 8, cr0, 0);
    comm.write(X64State.crs + Cr.cr2 * 8, data.cr2);
    get(comm.stateWord(X64State.crs + Cr.cr3 * 8), Field.guestCr3);
    comm.set(X64State.crs + Cr.cr4 * 8, cpu.vmread(Field.guestCr4) & ~cr4Vmxe, 0);
    comm.set(X64State.crs + Cr.cr8 * 8, data.cr8, 0);
    comm.set(X64State.crs + Cr.xcr0 * 8, Number(data.xcr0 & 0xffff_ffffn) | 0, 0);
  }
  if (flags & StateFlag.drs) {
    for (let n = 0; n < 4; n++) comm.write(X64State.drs + n * 8, data.debug[n]!);
    comm.write(X64State.drs + Dr.dr6 * 8, data.dr6);
    get(comm.stateWord(X64State.drs + Dr.dr7 * 8), Field.guestDr7);
  }
  if (flags & StateFlag.msrs) {
    const at = (index: number) => comm.stateWord(X64State.msrs + index * 8);
    get(at(Msr.efer), Field.guestEfer);
    areaMsrs.forEach((index, n) => {
      words[at(index)] = words[data.msrWord(n)]!;
      words[at(index) + 1] = words[data.msrWord(n) + 1]!;
    });
    for (const [index, field] of sysenterFields) get(at(index), field);
    comm.write(X64State.msrs + Msr.tsc * 8, guestTsc(cpu));
  }
  if (flags & StateFlag.intr) {
    const shadow = cpu.vmread(Field.guestInterruptibility) & (Interruptibility.sti | Interruptibility.movSs);
    const intr =
      (shadow ? Intr.shadow : 0) |
      (data.interruptWindow ? Intr.windowExiting : 0) |
      (data.nmiWindow ? Intr.nmiWindowExiting : 0) |
      (data.eventPending ? Intr.eventPending : 0);
    comm.set(X64State.intr, intr, 0);
  }
  if (flags & StateFlag.fpu) {
    const from = memory.offset(data.fpu) >>> 2;
    words.copyWithin(comm.stateWord(X64State.fpu), from, from + 128);
  }
  comm.cached |= flags;
}

const guestTsc = (cpu: HostCpu): bigint => {
  const low = cpu.vmread(Field.tscOffset);
  const offset = (BigInt(cpu.vmreadHigh >>> 0) << 32n) | BigInt(low >>> 0);
  return BigInt.asUintN(64, BigInt(cpu.readTimestampCounter()) + offset);
};
