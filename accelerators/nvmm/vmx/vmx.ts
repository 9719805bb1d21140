/** NVMM's backend for Intel VMX (SDM vol. 3, chapters 24 to 34; nvmm_x86_vmx.c). */
import { type HostComputer, type HostCpu, VmxOutcome } from '#core';
import { type Capability, type CpuidConf, ExitReason, type TprConf, type VcpuExit } from '../abi.ts';
import type { Backend } from '../backend.ts';
import type { DriverMachine } from '../driver/machine.ts';
import type { EntryFormat } from '../driver/page-table.ts';
import { Errno } from '../errno.ts';
import { configure } from '../x86/cpuid.ts';
import { xcr0Allowed } from '../x86/xcr0.ts';
import { cr0Mask, cr4Guest, cr4Vmxe } from './control-register.ts';
import { type Controls, resolveControls, Secondary } from './controls.ts';
import { inject, requeue } from './event.ts';
import { type ExitContext, handleExit } from './exits.ts';
import { Field, Interruptibility } from './fields.ts';
import { areaMsrs, fillBitmap } from './msr.ts';
import { getState, setState } from './state.ts';
import { type VmxDriverVcpu, VmxVcpu } from './vcpu.ts';

const Msr = { featureControl: 0x3a, basic: 0x480, eptVpid: 0x48c, pat: 0x277, efer: 0xc000_0080 } as const;
const FeatureControl = { lock: 1n, vmx: 4n } as const;
const Capabilities = {
  walk4: 1n << 6n,
  writeBack: 1n << 14n,
  invept: 1n << 20n,
  accessedDirty: 1n << 21n,
  inveptSingle: 1n << 25n,
  invvpid: 1n << 32n,
  invvpidSingle: 1n << 41n,
} as const;
const Invalidate = { single: 1, all: 2 } as const;

/** EPT entries: read, write, execute; leaves are write-back memory. */
const extendedPages: EntryFormat = {
  table: 0x7,
  leaf: prot => (prot & 7) | (6 << 3),
  leafHigh: () => 0,
  large: 0x80,
};

/** Where the host stands after an exit. Nothing is fetched from there: the driver continues after VMLAUNCH. */
const host = { cs: 0x08, ss: 0x10, tr: 0x18, rip: 0xffff_8000 | 0, stack: 0xffff_8100 | 0 } as const;

interface VmxMachine {
  generation: number;
}

/** CRS (XCR0, CR2), DRS, FPU: partly in the CPU while its VCPU is resident. */
const residentComponents = 0x4c;

type Machine = DriverMachine<VmxMachine>;

export class Vmx implements Backend<VmxMachine, VmxVcpu> {
  readonly name = 'x86-vmx';
  readonly pageTable = extendedPages;
  readonly #regions: number[] = [];
  readonly #vpids = new Set<number>();
  /** By number of the CPU: whose VMCS is current, and whose x87, SSE, XCR0 and debug registers it holds. */
  readonly #current: (VmxDriverVcpu | undefined)[] = [];
  readonly #resident: (VmxDriverVcpu | undefined)[] = [];
  readonly #mxcsrMask = 0xffff;
  #controls!: Controls;
  #eptFlags = 0;
  #inveptType: number = Invalidate.all;
  #invvpidType: number = Invalidate.all;

  readonly #xcr0Mask: bigint;

  constructor(private readonly computer: HostComputer) {
    this.#xcr0Mask = this.#boot.cpuid(1).ecx & (1 << 26) ? xcr0Allowed : 0n;
  }

  get #boot(): HostCpu {
    return this.computer.cpus[0]!;
  }

  ident(): boolean {
    const cpu = this.#boot;
    if (!(cpu.cpuid(1).ecx & (1 << 5))) return false;
    const control = cpu.rdmsr(Msr.featureControl);
    if (control & FeatureControl.lock && !(control & FeatureControl.vmx)) return false;
    const basic = cpu.rdmsr(Msr.basic);
    if (!(basic & (1n << 54n)) || !(basic & (1n << 55n)) || ((basic >> 50n) & 15n) !== 6n) return false;
    const ept = cpu.rdmsr(Msr.eptVpid);
    const needed = Capabilities.walk4 | Capabilities.writeBack | Capabilities.invept | Capabilities.invvpid;
    return (ept & needed) === needed && resolveControls(cpu) !== undefined;
  }

  init(): void {
    const ept = this.#boot.rdmsr(Msr.eptVpid);
    this.#controls = resolveControls(this.#boot)!;
    // Write-back structures, four levels.
    this.#eptFlags = 6 | (3 << 3) | (ept & Capabilities.accessedDirty ? 1 << 6 : 0);
    this.#inveptType = ept & Capabilities.inveptSingle ? Invalidate.single : Invalidate.all;
    this.#invvpidType = ept & Capabilities.invvpidSingle ? Invalidate.single : Invalidate.all;
    const revision = Number(this.#boot.rdmsr(Msr.basic) & 0x7fff_ffffn);
    for (const cpu of this.computer.cpus) {
      const control = cpu.rdmsr(Msr.featureControl);
      if (!(control & FeatureControl.lock))
        cpu.wrmsr(Msr.featureControl, control | FeatureControl.lock | FeatureControl.vmx);
      cpu.writeControl(0, cpu.readControl(0) | 0x20n);
      cpu.writeControl(4, cpu.readControl(4) | BigInt(cr4Vmxe));
      const region = this.#region(revision);
      this.#regions.push(region);
      if (cpu.vmxon(region) !== VmxOutcome.succeed) throw new Error('VMXON failed');
    }
  }

  fini(): void {
    this.computer.cpus.forEach((cpu, n) => {
      cpu.vmxoff();
      cpu.writeControl(4, cpu.readControl(4) & ~BigInt(cr4Vmxe));
      this.computer.memory.free(this.#regions[n]!, 1);
    });
    this.#regions.length = 0;
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

  vcpuCreate(machine: Machine, vcpu: VmxDriverVcpu): Errno {
    const { cpu } = vcpu;
    const { memory } = this.computer;
    const data = new VmxVcpu(this.computer, machine, this.#allocateVpid());
    vcpu.data = data;
    memory.words[memory.offset(data.vmcs) >>> 2] = Number(cpu.rdmsr(Msr.basic) & 0x7fff_ffffn);
    fillBitmap(memory.bytes.subarray(memory.offset(data.msrBitmap), memory.offset(data.msrBitmap) + 4096));
    areaMsrs.forEach((msr, n) => {
      memory.words[data.msrWord(n) - 2] = msr | 0;
    });
    cpu.vmclear(data.vmcs);
    this.#makeCurrent(vcpu);
    this.#writeControls(machine, vcpu);
    this.#writeHostState(vcpu);
    return Errno.OK;
  }

  vcpuDestroy(_machine: Machine, vcpu: VmxDriverVcpu): void {
    const { cpu, data } = vcpu;
    cpu.vmclear(data.vmcs);
    if (this.#current[cpu.index] === vcpu) this.#current[cpu.index] = undefined;
    if (this.#resident[cpu.index] === vcpu) this.#resident[cpu.index] = undefined;
    this.#vpids.delete(data.vpid);
    data.destroy();
  }

  vcpuConfigureCpuid(vcpu: VmxDriverVcpu, configuration: CpuidConf): Errno {
    return configure(vcpu.cpuidOverrides, configuration);
  }

  vcpuConfigureTpr(vcpu: VmxDriverVcpu, configuration: TprConf): Errno {
    vcpu.data.exitOnTpr = configuration.exitChanged;
    return Errno.OK;
  }

  vcpuSetState(vcpu: VmxDriverVcpu, flags: number): void {
    const { data } = vcpu;
    if (flags & residentComponents) this.#evict(vcpu);
    this.#makeCurrent(vcpu);
    setState(this.computer.memory, data.machine, vcpu, flags, this.#xcr0Mask, this.#mxcsrMask);
  }

  vcpuGetState(vcpu: VmxDriverVcpu, flags: number): void {
    // CR2 and DR6 are resident registers too.
    if (flags & residentComponents) this.#evict(vcpu);
    this.#makeCurrent(vcpu);
    getState(this.computer.memory, vcpu, flags);
  }

  vcpuInject(vcpu: VmxDriverVcpu): Errno {
    this.#makeCurrent(vcpu);
    return inject(vcpu);
  }

  vcpuRun(machine: Machine, vcpu: VmxDriverVcpu, exit: VcpuExit): void {
    const { cpu, data } = vcpu;
    const context = data.context?.exit === exit ? data.context : this.#contextOf(machine, vcpu, exit);
    context.preempted = false;
    exit.reason = ExitReason.none;
    this.#makeCurrent(vcpu);
    this.#makeResident(vcpu);
    while (exit.reason === ExitReason.none && !context.preempted) {
      this.#flush(machine, vcpu);
      cpu.loadGeneral(data.gprs, true);
      const outcome = data.launched ? cpu.vmresume() : cpu.vmlaunch();
      cpu.storeGeneral(data.gprs, true);
      if (outcome !== VmxOutcome.succeed) {
        exit.reason = ExitReason.invalid;
        exit.hwcode = -1;
        break;
      }
      if (cpu.vmread(Field.exitReason) >= 0) {
        data.launched = true;
        requeue(cpu, data);
        this.#unblockNmi(cpu);
      }
      handleExit(context);
    }
    const { state } = exit;
    state.rflags = cpu.vmread(Field.guestRflags);
    state.cr8 = data.cr8;
    state.interruptShadow =
      (cpu.vmread(Field.guestInterruptibility) & (Interruptibility.sti | Interruptibility.movSs)) !== 0;
    state.interruptWindow = data.interruptWindow;
    state.nmiWindow = data.nmiWindow;
    state.eventPending = data.eventPending;
    this.#provide(vcpu, exit.reason);
  }

  /** Made once for each VCPU: its exits allocate nothing. */
  #contextOf(machine: Machine, vcpu: VmxDriverVcpu, exit: VcpuExit): ExitContext {
    const invpcid = (this.#controls.secondary & Secondary.invpcid) !== 0;
    const { cpu, data } = vcpu;
    data.context = {
      host: this.computer,
      machine,
      cpu,
      vcpu,
      exit,
      xcr0Mask: this.#xcr0Mask,
      invpcid,
      preempted: false,
    };
    return data.context;
  }

  /** What the emulator is sure to ask for next. */
  #provide(vcpu: VmxDriverVcpu, reason: number): void {
    if (reason === ExitReason.io || reason === ExitReason.memory) {
      vcpu.data.cr2 = vcpu.cpu.readControl(2);
      getState(this.computer.memory, vcpu, 0x17);
    } else if (reason === ExitReason.rdmsr || reason === ExitReason.wrmsr) {
      getState(this.computer.memory, vcpu, 0x02);
    }
  }

  /** IRET had unblocked NMIs when it faulted: they stay blocked (SDM vol. 3, section 28.2.3). */
  #unblockNmi(cpu: HostCpu): void {
    const info = cpu.vmread(Field.exitInterruption);
    if (info < 0 && info & (1 << 12) && (info & 0xff) !== 8 && cpu.vmread(Field.vectoringInfo) >= 0) {
      cpu.vmwrite(Field.guestInterruptibility, cpu.vmread(Field.guestInterruptibility) | Interruptibility.nmi);
    }
  }

  #flush(machine: Machine, { cpu, data }: VmxDriverVcpu): void {
    if (data.generation !== machine.data.generation) {
      cpu.invept(this.#inveptType, BigInt(machine.vmspace.table.root) | BigInt(this.#eptFlags));
      data.generation = machine.data.generation;
    }
    if (data.flushGuest) {
      cpu.invvpid(this.#invvpidType, data.vpid, 0n);
      data.flushGuest = false;
    }
  }

  #writeControls(machine: Machine, { cpu, data }: VmxDriverVcpu): void {
    const { pin, primary, secondary, exit, entry } = this.#controls;
    const { root } = machine.vmspace.table;
    const rows: readonly (readonly [field: number, low: number, high?: number])[] = [
      [Field.pinControls, pin],
      [Field.processorControls, primary],
      [Field.secondaryControls, secondary],
      [Field.exitControls, exit],
      [Field.entryControls, entry],
      [Field.exceptionBitmap, 0],
      [Field.cr3TargetCount, 0],
      [Field.vpid, data.vpid],
      [Field.eptPointer, root | this.#eptFlags | 0, Math.floor(root / 2 ** 32)],
      [Field.msrBitmap, data.msrBitmap | 0, Math.floor(data.msrBitmap / 2 ** 32)],
      [Field.entryMsrLoad, data.msrArea | 0, Math.floor(data.msrArea / 2 ** 32)],
      [Field.exitMsrStore, data.msrArea | 0, Math.floor(data.msrArea / 2 ** 32)],
      [Field.entryMsrLoadCount, areaMsrs.length],
      [Field.exitMsrStoreCount, areaMsrs.length],
      [Field.exitMsrLoadCount, 0],
      [Field.cr0Mask, cr0Mask, 0],
      [Field.cr4Mask, ~cr4Guest, 0],
      [Field.cr4Shadow, 0, 0],
      [Field.linkPointer, -1, -1],
      [Field.guestDebugControl, 0, 0],
      [Field.guestActivity, 0],
      [Field.guestInterruptibility, 0],
      [Field.entryInterruption, 0],
    ];
    for (const [field, low, high] of rows) cpu.vmwrite(field, low, high ?? 0);
  }

  #writeHostState({ cpu }: VmxDriverVcpu): void {
    const write64 = (field: number, value: bigint): void => {
      cpu.vmwrite(field, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    };
    const taskSwitched = 8n;
    write64(Field.hostCr0, cpu.readControl(0) & ~taskSwitched);
    write64(Field.hostCr3, cpu.readControl(3));
    write64(Field.hostCr4, cpu.readControl(4));
    write64(Field.hostPat, cpu.rdmsr(Msr.pat));
    write64(Field.hostEfer, cpu.rdmsr(Msr.efer));
    const rows: readonly (readonly [field: number, low: number, high: number])[] = [
      [Field.hostEs, 0, 0],
      [Field.hostCs, host.cs, 0],
      [Field.hostSs, host.ss, 0],
      [Field.hostDs, 0, 0],
      [Field.hostFs, 0, 0],
      [Field.hostGs, 0, 0],
      [Field.hostTr, host.tr, 0],
      [Field.hostFsBase, 0, 0],
      [Field.hostGsBase, 0, 0],
      [Field.hostTrBase, 0, 0],
      [Field.hostGdtrBase, 0, 0],
      [Field.hostIdtrBase, 0, 0],
      [Field.hostSysenterCs, 0, 0],
      [Field.hostSysenterEsp, 0, 0],
      [Field.hostSysenterEip, 0, 0],
      [Field.hostRsp, 0, host.stack],
      [Field.hostRip, 0, host.rip],
    ];
    for (const [field, low, high] of rows) cpu.vmwrite(field, low, high);
  }

  #makeCurrent(vcpu: VmxDriverVcpu): void {
    const { cpu, data } = vcpu;
    if (this.#current[cpu.index] === vcpu) return;
    if (cpu.vmptrld(data.vmcs) !== VmxOutcome.succeed) throw new Error('VMPTRLD failed');
    this.#current[cpu.index] = vcpu;
  }

  #makeResident(vcpu: VmxDriverVcpu): void {
    const { cpu, data } = vcpu;
    const other = this.#resident[cpu.index];
    if (other === vcpu) return;
    if (other) this.#evict(other);
    cpu.fxrstor(data.fpu);
    if (this.#xcr0Mask) cpu.xsetbv(data.xcr0);
    for (const n of [0, 1, 2, 3] as const) cpu.writeDebug(n, data.debug[n]!);
    cpu.writeDebug(6, data.dr6);
    cpu.writeControl(2, data.cr2);
    this.#resident[cpu.index] = vcpu;
  }

  #evict(vcpu: VmxDriverVcpu): void {
    const { cpu, data } = vcpu;
    if (this.#resident[cpu.index] !== vcpu) return;
    cpu.fxsave(data.fpu);
    for (const n of [0, 1, 2, 3] as const) data.debug[n] = cpu.readDebug(n);
    data.dr6 = cpu.readDebug(6);
    data.cr2 = cpu.readControl(2);
    this.#resident[cpu.index] = undefined;
  }

  #region(revision: number): number {
    const { memory } = this.computer;
    const page = memory.allocate(1);
    memory.words[memory.offset(page) >>> 2] = revision;
    return page;
  }

  #allocateVpid(): number {
    let vpid = 1;
    while (this.#vpids.has(vpid)) vpid++;
    this.#vpids.add(vpid);
    return vpid;
  }
}
