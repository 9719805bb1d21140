/** NVMM's backend for AMD SVM (APM vol. 2, chapter 15; nvmm_x86_svm.c). */
import { Efer } from '#core';
import { type DebugConf, type PauseConf, StateFlag, type TprConf, type VcpuExit } from '../abi.ts';
import type { DriverMachine } from '../driver/machine.ts';
import type { EntryFormat } from '../driver/page-table.ts';
import { Errno } from '../errno.ts';
import { X86Backend, type X86Machine } from '../x86/backend.ts';
import { dr6Fixed } from '../x86/debug.ts';
import type { MsrOutcome } from '../x86/exits.ts';
import { Residency } from '../x86/residency.ts';
import { SvmContext } from './context.ts';
import { abandonNmiStep, inject, requeue } from './event.ts';
import { handleExit } from './exits.ts';
import {
  debugException,
  everyDebugRegister,
  misc1,
  misc2,
  misc3,
  pauseIntercept,
  taskPriorityWrite,
} from './intercepts.ts';
import { fillPermissionMap, readMsr, writeMsr } from './msr.ts';
import { getState, setState } from './state.ts';
import { type SvmDriverVcpu, SvmVcpu } from './vcpu.ts';
import { Clean, Field, TlbControl, VirtualInterrupt } from './vmcb.ts';

const Msr = { efer: 0xc000_0080, vmCr: 0xc001_0114, hostSave: 0xc001_0117 } as const;
const VmCr = { lock: 8n, disable: 16n } as const;
const eferSvme = BigInt(Efer.svme);
const feature = { nestedPaging: 1, nextRip: 8, flushByAsid: 1 << 6 } as const;

/** Nested page tables: present, writable, user (nested walks are user accesses), and no-execute. */
const nestedPages: EntryFormat = {
  table: 0x7,
  leaf: prot => 0x5 | (prot & 2),
  leafHigh: prot => (prot & 4 ? 0 : 0x8000_0000 | 0),
  large: 0x80,
};

/** Whose state is in x87, SSE and debug registers; and in what VMLOAD loads. */
const extendedComponents = StateFlag.drs | StateFlag.fpu | StateFlag.vector;
const loadedComponents = StateFlag.segs | StateFlag.msrs;

type Machine = DriverMachine<X86Machine>;

export class Svm extends X86Backend<SvmVcpu> {
  readonly name = 'x86-svm';
  readonly pageTable = nestedPages;
  readonly #savePages: number[] = [];
  readonly #asids: boolean[] = [];
  /** What VMLOAD and VMSAVE move. */
  readonly #loaded = new Residency<SvmVcpu>(
    ({ cpu, data }) => cpu.vmload(data.vmcb.physical),
    ({ cpu, data }) => cpu.vmsave(data.vmcb.physical),
  );
  #flushCommand: number = TlbControl.flushAll;

  ident(): boolean {
    const cpu = this.boot;
    const vendor = cpu.cpuid(0);
    // "AuthenticAMD"
    if (vendor.ebx !== 0x6874_7541 || vendor.edx !== 0x6974_6e65 || vendor.ecx !== 0x444d_4163) return false;
    if (cpu.cpuid(0x8000_0000).eax >>> 0 < 0x8000_000a || !(cpu.cpuid(0x8000_0001).ecx & 4)) return false;
    const svm = cpu.cpuid(0x8000_000a);
    if ((svm.eax & 0xff) !== 1 || !(svm.edx & feature.nestedPaging) || !(svm.edx & feature.nextRip)) return false;
    const control = cpu.rdmsr(Msr.vmCr);
    return !(control & VmCr.disable && control & VmCr.lock);
  }

  init(): void {
    const svm = this.boot.cpuid(0x8000_000a);
    this.#flushCommand = svm.edx & feature.flushByAsid ? TlbControl.flushGuest : TlbControl.flushAll;
    this.#asids.length = Math.min(svm.ebx >>> 0, 8192);
    this.#asids.fill(false);
    this.#asids[0] = true;
    for (const cpu of this.host.cpus) {
      cpu.wrmsr(Msr.vmCr, cpu.rdmsr(Msr.vmCr) & ~VmCr.disable);
      cpu.wrmsr(Msr.efer, cpu.rdmsr(Msr.efer) | eferSvme);
      const page = this.host.memory.allocate(1);
      this.#savePages.push(page);
      cpu.wrmsr(Msr.hostSave, BigInt(page));
    }
  }

  fini(): void {
    this.host.cpus.forEach((cpu, n) => {
      cpu.wrmsr(Msr.hostSave, 0n);
      cpu.wrmsr(Msr.efer, cpu.rdmsr(Msr.efer) & ~eferSvme);
      this.host.memory.free(this.#savePages[n], 1);
    });
    this.#savePages.length = 0;
  }

  vcpuCreate(machine: Machine, vcpu: SvmDriverVcpu): Errno {
    vcpu.data = new SvmVcpu(this.host, this.#allocateAsid());
    const { vmcb, iopm, msrpm, asid } = vcpu.data;
    const { memory } = this.host;
    vmcb.setLow(Field.interceptMisc1, misc1);
    vmcb.setLow(Field.interceptMisc2, misc2);
    vmcb.setLow(Field.interceptMisc3, misc3);
    memory.bytes.fill(0xff, memory.offset(iopm), memory.offset(iopm) + 3 * 4096);
    fillPermissionMap(memory.bytes.subarray(memory.offset(msrpm), memory.offset(msrpm) + 2 * 4096));
    vmcb.setAddress(Field.iopmBase, iopm);
    vmcb.setAddress(Field.msrpmBase, msrpm);
    vmcb.setLow(Field.asid, asid);
    vmcb.setLow(Field.virtualInterrupt, VirtualInterrupt.masking);
    vmcb.setLow(Field.nestedControl, 1);
    vmcb.setAddress(Field.nestedCr3, machine.vmspace.table.root);
    return Errno.OK;
  }

  vcpuDestroy(_machine: Machine, vcpu: SvmDriverVcpu): void {
    this.extended.forget(vcpu);
    this.#loaded.forget(vcpu);
    if (vcpu.data.asid !== this.#sharedAsid) this.#asids[vcpu.data.asid] = false;
    vcpu.data.destroy();
  }

  /** NetBSD's refuses; control-register write traps (APM vol. 2, section 15.9) came later than its backend. */
  vcpuConfigureTpr({ data: { vmcb } }: SvmDriverVcpu, { exitChanged }: TprConf): Errno {
    const others = vmcb.low(Field.interceptMisc2) & ~taskPriorityWrite;
    vmcb.setLow(Field.interceptMisc2, exitChanged ? others | taskPriorityWrite : others);
    vmcb.dirty(Clean.intercepts);
    return Errno.OK;
  }

  vcpuConfigurePause({ data: { vmcb } }: SvmDriverVcpu, { exit }: PauseConf): Errno {
    const others = vmcb.low(Field.interceptMisc1) & ~pauseIntercept;
    vmcb.setLow(Field.interceptMisc1, exit ? others | pauseIntercept : others);
    vmcb.dirty(Clean.intercepts);
    return Errno.OK;
  }

  protected hideDebug({ data }: SvmDriverVcpu, hidden: DebugConf | undefined): void {
    const { vmcb } = data;
    if (!data.hidden) {
      data.shadowStatus = vmcb.low(Field.dr6);
      data.shadowControl = vmcb.low(Field.dr7);
    }
    data.hidden = hidden;
    vmcb.setLow(Field.interceptDr, hidden ? everyDebugRegister : 0);
    vmcb.setLow(Field.interceptException, hidden ? debugException : 0);
    vmcb.set(Field.dr6, hidden ? dr6Fixed : data.shadowStatus, 0);
    vmcb.set(Field.dr7, hidden ? hidden.control : data.shadowControl, 0);
    vmcb.dirty(Clean.intercepts | Clean.debug);
  }

  vcpuSetState(vcpu: SvmDriverVcpu, flags: number): void {
    if (flags & extendedComponents) this.extended.evict(vcpu);
    if (flags & loadedComponents) this.#loaded.evict(vcpu);
    setState(this.host.memory, vcpu, flags, this.xcr0Mask, this.mxcsrMask);
    if (flags & StateFlag.crs && this.xcr0Mask && this.extended.holds(vcpu)) vcpu.cpu.xsetbv(vcpu.data.xcr0);
  }

  vcpuGetState(vcpu: SvmDriverVcpu, flags: number): void {
    if (flags & extendedComponents) this.extended.refresh(vcpu);
    if (flags & loadedComponents) this.#loaded.refresh(vcpu);
    getState(this.host.memory, vcpu.cpu, vcpu, flags);
  }

  vcpuReadMsr(vcpu: SvmDriverVcpu, msr: number): MsrOutcome {
    return readMsr(vcpu, msr);
  }

  vcpuWriteMsr(vcpu: SvmDriverVcpu, msr: number, low: number, high: number): MsrOutcome {
    return writeMsr(vcpu, msr, low, high);
  }

  vcpuInject(vcpu: SvmDriverVcpu): Errno {
    return inject(vcpu);
  }

  protected prepare(vcpu: SvmDriverVcpu): void {
    this.#loaded.bring(vcpu);
  }

  protected enter(context: SvmContext, { generation }: X86Machine): void {
    const { cpu, data, vmcb } = context;
    const flush = data.flushGuest || data.generation !== generation || data.asid === this.#sharedAsid;
    vmcb.setLow(Field.tlbControl, flush ? this.#flushCommand : TlbControl.none);

    cpu.clgi();
    cpu.loadGeneral(data.gprs, false);
    cpu.vmrun(vmcb.physical);
    cpu.storeGeneral(data.gprs, false);
    cpu.stgi();

    if (vmcb.high(Field.exitCode) === 0) {
      data.flushGuest = false;
      data.generation = generation;
      requeue(data);
    }
    vmcb.setLow(Field.clean, Clean.all);
    handleExit(context);
  }

  protected describe({ data }: SvmDriverVcpu, { state }: VcpuExit): void {
    const { vmcb } = data;
    if (data.nmiStep !== 'none') abandonNmiStep(data);
    state.rflags = vmcb.low(Field.rflags);
    state.cr8 = vmcb.low(Field.virtualInterrupt) & VirtualInterrupt.tprMask;
    state.interruptShadow = (vmcb.low(Field.interruptShadow) & 1) !== 0;
    state.interruptWindow = data.interruptWindow;
    state.nmiWindow = data.nmiWindow;
    state.eventPending = data.eventPending;
  }

  protected createContext(machine: Machine, vcpu: SvmDriverVcpu, exit: VcpuExit): SvmContext {
    return new SvmContext(this.host, machine, vcpu, exit, this.xcr0Mask);
  }

  /** The last one serves everybody for whom there is none left: its users flush at every entry. */
  get #sharedAsid(): number {
    return this.#asids.length - 1;
  }

  #allocateAsid(): number {
    const free = this.#asids.indexOf(false);
    if (free < 0 || free >= this.#sharedAsid) return this.#sharedAsid;
    this.#asids[free] = true;
    return free;
  }
}
