/** NVMM's backend for AMD SVM (APM vol. 2, chapter 15; nvmm_x86_svm.c). */
import type { HostComputer, HostCpu } from '#core';
import { type Capability, type CpuidConf, ExitReason, type TprConf, type VcpuExit } from '../abi.ts';
import type { Backend } from '../backend.ts';
import type { DriverMachine } from '../driver/machine.ts';
import type { EntryFormat } from '../driver/page-table.ts';
import { Errno } from '../errno.ts';
import { configure } from '../x86/cpuid.ts';
import { xcr0Allowed } from '../x86/xcr0.ts';
import { abandonNmiStep, inject, requeue } from './event.ts';
import { type ExitContext, handleExit } from './exits.ts';
import { misc1, misc2, misc3, taskPriorityWrite } from './intercepts.ts';
import { fillPermissionMap } from './msr.ts';
import { getState, setState } from './state.ts';
import { type SvmDriverVcpu, SvmVcpu } from './vcpu.ts';
import { Clean, Field, TlbControl, VirtualInterrupt } from './vmcb.ts';

const Msr = { efer: 0xc000_0080, vmCr: 0xc001_0114, hostSave: 0xc001_0117 } as const;
const VmCr = { lock: 8n, disable: 16n } as const;
const eferSvme = 0x1000n;
const feature = { nestedPaging: 1, nextRip: 8, flushByAsid: 1 << 6 } as const;

/** Nested page tables: present, writable, user (nested walks are user accesses), and no-execute. */
const nestedPages: EntryFormat = {
  table: 0x7,
  leaf: prot => 0x5 | (prot & 2),
  leafHigh: prot => (prot & 4 ? 0 : 0x8000_0000 | 0),
  large: 0x80,
};

interface SvmMachine {
  /** Grows whenever nested translations of the machine must be dropped. */
  generation: number;
}

/** CRS (XCR0, CR2), DRS, FPU: partly in the CPU while its VCPU is resident. */
const residentComponents = 0x4c;

type Machine = DriverMachine<SvmMachine>;

export class Svm implements Backend<SvmMachine, SvmVcpu> {
  readonly name = 'x86-svm';
  readonly pageTable = nestedPages;
  readonly #savePages: number[] = [];
  readonly #asids: boolean[] = [];
  /** By number of the CPU, whose x87, SSE, XCR0 and debug registers it holds: what VMRUN does not switch is switched when another comes. */
  readonly #resident: (SvmDriverVcpu | undefined)[] = [];
  readonly #xcr0Mask: bigint;
  readonly #mxcsrMask = 0xffff;
  #flushCommand: number = TlbControl.flushAll;

  constructor(private readonly host: HostComputer) {
    this.#xcr0Mask = this.#boot.cpuid(1).ecx & (1 << 26) ? xcr0Allowed : 0n;
  }

  get #boot(): HostCpu {
    return this.host.cpus[0]!;
  }

  ident(): boolean {
    const cpu = this.#boot;
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
    const svm = this.#boot.cpuid(0x8000_000a);
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
      this.host.memory.free(this.#savePages[n]!, 1);
    });
    this.#savePages.length = 0;
  }

  capability(capability: Capability): void {
    capability.arch = {
      machConfSupport: 0,
      vcpuConfSupport: 3,
      xcr0Mask: this.#xcr0Mask,
      mxcsrMask: this.#mxcsrMask,
      confCpuidMaxops: 32,
    };
  }

  machineCreate(machine: Machine): void {
    machine.data = { generation: 0 };
  }

  machineDestroy(): void {}

  machineConfigure(): Errno {
    return Errno.EINVAL;
  }

  machineFlush(machine: Machine): void {
    machine.data.generation++;
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
    if (this.#resident[vcpu.cpu.index] === vcpu) this.#resident[vcpu.cpu.index] = undefined;
    if (vcpu.data.asid !== this.#sharedAsid) this.#asids[vcpu.data.asid] = false;
    vcpu.data.destroy();
  }

  vcpuConfigureCpuid(vcpu: SvmDriverVcpu, configuration: CpuidConf): Errno {
    return configure(vcpu.cpuidOverrides, configuration);
  }

  /** NetBSD's refuses; control-register write traps (APM vol. 2, section 15.9) came later than its backend. */
  vcpuConfigureTpr({ data: { vmcb } }: SvmDriverVcpu, { exitChanged }: TprConf): Errno {
    const others = vmcb.low(Field.interceptMisc2) & ~taskPriorityWrite;
    vmcb.setLow(Field.interceptMisc2, exitChanged ? others | taskPriorityWrite : others);
    vmcb.dirty(Clean.intercepts);
    return Errno.OK;
  }

  vcpuSetState(vcpu: SvmDriverVcpu, flags: number): void {
    if (flags & residentComponents) this.#evict(vcpu);
    setState(this.host.memory, vcpu, flags, this.#xcr0Mask, this.#mxcsrMask);
  }

  vcpuGetState(vcpu: SvmDriverVcpu, flags: number): void {
    if (flags & residentComponents) this.#evict(vcpu);
    getState(this.host.memory, vcpu.cpu, vcpu, flags);
  }

  vcpuInject(vcpu: SvmDriverVcpu): Errno {
    return inject(vcpu);
  }

  vcpuRun(machine: Machine, vcpu: SvmDriverVcpu, exit: VcpuExit): void {
    const { cpu, data } = vcpu;
    const { vmcb } = data;
    const context = data.context?.exit === exit ? data.context : this.#contextOf(vcpu, exit);
    context.preempted = false;
    exit.reason = ExitReason.none;
    this.#makeResident(vcpu);
    while (exit.reason === ExitReason.none && !context.preempted) {
      const generation = machine.data.generation;
      const flush = data.flushGuest || data.generation !== generation || data.asid === this.#sharedAsid;
      vmcb.setLow(Field.tlbControl, flush ? this.#flushCommand : TlbControl.none);

      cpu.clgi();
      cpu.vmload(vmcb.physical);
      cpu.loadGeneral(data.gprs, false);
      cpu.vmrun(vmcb.physical);
      cpu.storeGeneral(data.gprs, false);
      cpu.vmsave(vmcb.physical);
      cpu.stgi();

      if (vmcb.high(Field.exitCode) === 0) {
        data.flushGuest = false;
        data.generation = generation;
        requeue(data);
      }
      vmcb.setLow(Field.clean, Clean.all);
      handleExit(context);
    }
    if (data.nmiStep !== 'none') abandonNmiStep(data);
    const { state } = exit;
    state.rflags = vmcb.low(Field.rflags);
    state.cr8 = vmcb.low(Field.virtualInterrupt) & VirtualInterrupt.tprMask;
    state.interruptShadow = (vmcb.low(Field.interruptShadow) & 1) !== 0;
    state.interruptWindow = data.interruptWindow;
    state.nmiWindow = data.nmiWindow;
    state.eventPending = data.eventPending;
    this.#provide(vcpu, exit.reason);
  }

  /** Made once for each VCPU: its exits allocate nothing. */
  #contextOf(vcpu: SvmDriverVcpu, exit: VcpuExit): ExitContext {
    const { cpu, data } = vcpu;
    data.context = { host: this.host, cpu, vcpu, exit, xcr0Mask: this.#xcr0Mask, preempted: false };
    return data.context;
  }

  /** What the emulator is sure to ask for next. */
  #provide(vcpu: SvmDriverVcpu, reason: number): void {
    if (reason === ExitReason.io || reason === ExitReason.memory) getState(this.host.memory, vcpu.cpu, vcpu, 0x17);
    else if (reason === ExitReason.rdmsr || reason === ExitReason.wrmsr)
      getState(this.host.memory, vcpu.cpu, vcpu, 0x02);
  }

  #makeResident(vcpu: SvmDriverVcpu): void {
    const { cpu, data } = vcpu;
    const other = this.#resident[cpu.index];
    if (other === vcpu) return;
    if (other) this.#evict(other);
    cpu.fxrstor(data.fpu);
    if (this.#xcr0Mask) cpu.xsetbv(data.xcr0);
    for (const n of [0, 1, 2, 3] as const) cpu.writeDebug(n, data.debug[n]!);
    this.#resident[cpu.index] = vcpu;
  }

  #evict(vcpu: SvmDriverVcpu): void {
    const { cpu, data } = vcpu;
    if (this.#resident[cpu.index] !== vcpu) return;
    cpu.fxsave(data.fpu);
    for (const n of [0, 1, 2, 3] as const) data.debug[n] = cpu.readDebug(n);
    this.#resident[cpu.index] = undefined;
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
