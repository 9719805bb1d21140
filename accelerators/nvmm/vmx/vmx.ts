/** NVMM's backend for Intel VMX (SDM vol. 3, chapters 24 to 34; nvmm_x86_vmx.c). */
import { Cr0, Cr4, VmxOutcome } from '#core';
import { type DebugConf, ExitReason, type PauseConf, StateFlag, type TprConf, type VcpuExit } from '../abi.ts';
import type { DriverMachine } from '../driver/machine.ts';
import type { EntryFormat } from '../driver/page-table.ts';
import { Errno } from '../errno.ts';
import { X86Backend, type X86Machine } from '../x86/backend.ts';
import type { MsrOutcome } from '../x86/exits.ts';
import { Residency } from '../x86/residency.ts';
import { VmxContext } from './context.ts';
import { writeControls, writeHostState } from './control-block.ts';
import { allowsPrimary, type Controls, Primary, resolveControls, Secondary } from './controls.ts';
import { inject, requeue } from './event.ts';
import { handleExit } from './exits.ts';
import { Field, Interruptibility } from './fields.ts';
import { fillBitmap, readMsr, residentMsrs, writeMsr } from './msr.ts';
import { getState, setState } from './state.ts';
import { type VmxDriverVcpu, VmxVcpu } from './vcpu.ts';

const Msr = { featureControl: 0x3a, basic: 0x480, eptVpid: 0x48c } as const;
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

/** Whose state is in x87, SSE and debug registers. */
const extendedComponents = StateFlag.drs | StateFlag.fpu | StateFlag.vector;

/** #DB in the exception bitmap. */
const debugBit = 1 << 1;

type Machine = DriverMachine<X86Machine>;

export class Vmx extends X86Backend<VmxVcpu> {
  readonly name = 'x86-vmx';
  readonly pageTable = extendedPages;
  readonly #regions: number[] = [];
  readonly #vpids = new Set<number>();
  /** By number of the CPU: whose VMCS is current. */
  readonly #current: (VmxDriverVcpu | undefined)[] = [];
  readonly #msrs = new Residency<VmxVcpu>(
    ({ cpu, data }) => {
      for (let n = 0; n < residentMsrs.length; n++)
        cpu.wrmsrPair(residentMsrs[n], data.msrs[2 * n], data.msrs[2 * n + 1]);
    },
    ({ cpu, data }) => {
      for (let n = 0; n < residentMsrs.length; n++) {
        data.msrs[2 * n] = cpu.rdmsrLow(residentMsrs[n]);
        data.msrs[2 * n + 1] = cpu.rdmsrHigh;
      }
    },
  );
  #controls!: Controls;
  #eptFlags = 0;
  #inveptType: number = Invalidate.all;
  #invvpidType: number = Invalidate.all;

  ident(): boolean {
    const cpu = this.boot;
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
    const ept = this.boot.rdmsr(Msr.eptVpid);
    this.#controls = resolveControls(this.boot)!;
    // Write-back structures, four levels.
    this.#eptFlags = 6 | (3 << 3) | (ept & Capabilities.accessedDirty ? 1 << 6 : 0);
    this.#inveptType = ept & Capabilities.inveptSingle ? Invalidate.single : Invalidate.all;
    this.#invvpidType = ept & Capabilities.invvpidSingle ? Invalidate.single : Invalidate.all;
    const revision = Number(this.boot.rdmsr(Msr.basic) & 0x7fff_ffffn);
    for (const cpu of this.host.cpus) {
      const control = cpu.rdmsr(Msr.featureControl);
      if (!(control & FeatureControl.lock))
        cpu.wrmsr(Msr.featureControl, control | FeatureControl.lock | FeatureControl.vmx);
      cpu.writeControl(0, cpu.readControl(0) | BigInt(Cr0.ne));
      cpu.writeControl(4, cpu.readControl(4) | BigInt(Cr4.vmxe));
      const region = this.#region(revision);
      this.#regions.push(region);
      if (cpu.vmxon(region) !== VmxOutcome.succeed) throw new Error('VMXON failed');
    }
  }

  fini(): void {
    this.host.cpus.forEach((cpu, n) => {
      cpu.vmxoff();
      cpu.writeControl(4, cpu.readControl(4) & ~BigInt(Cr4.vmxe));
      this.host.memory.free(this.#regions[n], 1);
    });
    this.#regions.length = 0;
  }

  vcpuCreate(machine: Machine, vcpu: VmxDriverVcpu): Errno {
    const { cpu } = vcpu;
    const { memory } = this.host;
    const data = new VmxVcpu(this.host, machine, this.#allocateVpid());
    vcpu.data = data;
    memory.words[memory.offset(data.vmcs) >>> 2] = Number(cpu.rdmsr(Msr.basic) & 0x7fff_ffffn);
    fillBitmap(memory.bytes.subarray(memory.offset(data.msrBitmap), memory.offset(data.msrBitmap) + 4096));
    cpu.vmclear(data.vmcs);
    this.#makeCurrent(vcpu);
    writeControls(vcpu, this.#controls, machine.vmspace.table.root, this.#eptFlags);
    writeHostState(cpu);
    return Errno.OK;
  }

  vcpuDestroy(_machine: Machine, vcpu: VmxDriverVcpu): void {
    const { cpu, data } = vcpu;
    cpu.vmclear(data.vmcs);
    if (this.#current[cpu.index] === vcpu) this.#current[cpu.index] = undefined;
    this.extended.forget(vcpu);
    this.#msrs.forget(vcpu);
    this.#vpids.delete(data.vpid);
    data.destroy();
  }

  vcpuConfigureTpr(vcpu: VmxDriverVcpu, configuration: TprConf): Errno {
    vcpu.data.exitOnTpr = configuration.exitChanged;
    return Errno.OK;
  }

  vcpuConfigurePause(vcpu: VmxDriverVcpu, { exit }: PauseConf): Errno {
    const { cpu } = vcpu;
    if (exit && !allowsPrimary(cpu, Primary.pause)) return Errno.EINVAL;
    this.#makeCurrent(vcpu);
    const others = cpu.vmread(Field.processorControls) & ~Primary.pause;
    cpu.vmwrite(Field.processorControls, exit ? others | Primary.pause : others);
    return Errno.OK;
  }

  protected hideDebug(vcpu: VmxDriverVcpu, hidden: DebugConf | undefined): void {
    const { cpu, data } = vcpu;
    this.#makeCurrent(vcpu);
    if (!data.hidden) data.shadowControl = cpu.vmread(Field.guestDr7);
    data.hidden = hidden;
    const controls = cpu.vmread(Field.processorControls) & ~Primary.movDebug;
    cpu.vmwrite(Field.processorControls, hidden ? controls | Primary.movDebug : controls);
    const exceptions = cpu.vmread(Field.exceptionBitmap) & ~debugBit;
    cpu.vmwrite(Field.exceptionBitmap, hidden ? exceptions | debugBit : exceptions);
    cpu.vmwrite(Field.guestDr7, hidden ? hidden.control : data.shadowControl, 0);
  }

  vcpuSetState(vcpu: VmxDriverVcpu, flags: number): void {
    const { cpu, data } = vcpu;
    if (flags & extendedComponents) this.extended.evict(vcpu);
    if (flags & StateFlag.msrs) this.#msrs.evict(vcpu);
    this.#makeCurrent(vcpu);
    setState(this.host.memory, data.machine, vcpu, flags, this.xcr0Mask, this.mxcsrMask);
    if (!(flags & StateFlag.crs && this.extended.holds(vcpu))) return;
    if (this.xcr0Mask) cpu.xsetbv(data.xcr0);
    cpu.writeControl(2, data.cr2);
  }

  vcpuGetState(vcpu: VmxDriverVcpu, flags: number): void {
    const { cpu, data } = vcpu;
    if (flags & extendedComponents) this.extended.refresh(vcpu);
    else if (flags & StateFlag.crs && this.extended.holds(vcpu)) data.cr2 = cpu.readControl(2);
    if (flags & StateFlag.msrs) this.#msrs.refresh(vcpu);
    this.#makeCurrent(vcpu);
    getState(this.host.memory, vcpu, flags);
  }

  vcpuReadMsr(vcpu: VmxDriverVcpu, msr: number): MsrOutcome {
    this.#makeCurrent(vcpu);
    return readMsr(vcpu, msr);
  }

  vcpuWriteMsr(vcpu: VmxDriverVcpu, msr: number, low: number, high: number): MsrOutcome {
    this.#makeCurrent(vcpu);
    return writeMsr(vcpu, msr, low, high);
  }

  vcpuInject(vcpu: VmxDriverVcpu): Errno {
    this.#makeCurrent(vcpu);
    return inject(vcpu);
  }

  protected prepare(vcpu: VmxDriverVcpu): void {
    this.#makeCurrent(vcpu);
    this.#msrs.bring(vcpu);
  }

  protected enter(context: VmxContext, machine: X86Machine): void {
    const { cpu, data, exit } = context;
    if (data.flushGuest || data.generation !== machine.generation) this.#flush(context, machine);
    cpu.loadGeneral(data.gprs, true);
    const outcome = data.launched ? cpu.vmresume() : cpu.vmlaunch();
    cpu.storeGeneral(data.gprs, true);
    if (outcome !== VmxOutcome.succeed) {
      exit.reason = ExitReason.invalid;
      exit.hwcode = -1;
      return;
    }
    const reason = cpu.vmread(Field.exitReason);
    if (reason >= 0) {
      data.launched = true;
      requeue(cpu, data);
    }
    handleExit(context, reason);
  }

  protected describe({ cpu, data }: VmxDriverVcpu, { state }: VcpuExit): void {
    state.rflags = cpu.vmread(Field.guestRflags);
    state.cr8 = data.cr8;
    state.interruptShadow =
      (cpu.vmread(Field.guestInterruptibility) & (Interruptibility.sti | Interruptibility.movSs)) !== 0;
    state.interruptWindow = data.interruptWindow;
    state.nmiWindow = data.nmiWindow;
    state.eventPending = data.eventPending;
  }

  protected createContext(machine: Machine, vcpu: VmxDriverVcpu, exit: VcpuExit): VmxContext {
    const invpcid = (this.#controls.secondary & Secondary.invpcid) !== 0;
    return new VmxContext(this.host, machine, vcpu, exit, this.xcr0Mask, invpcid);
  }

  #flush({ cpu, data, machine }: VmxContext, { generation }: X86Machine): void {
    if (data.generation !== generation) {
      cpu.invept(this.#inveptType, BigInt(machine.vmspace.table.root) | BigInt(this.#eptFlags));
      data.generation = generation;
    }
    if (data.flushGuest) {
      cpu.invvpid(this.#invvpidType, data.vpid, 0n);
      data.flushGuest = false;
    }
  }

  #makeCurrent(vcpu: VmxDriverVcpu): void {
    const { cpu, data } = vcpu;
    if (this.#current[cpu.index] === vcpu) return;
    if (cpu.vmptrld(data.vmcs) !== VmxOutcome.succeed) throw new Error('VMPTRLD failed');
    this.#current[cpu.index] = vcpu;
  }

  protected override loadExtended(vcpu: VmxDriverVcpu): void {
    super.loadExtended(vcpu);
    vcpu.cpu.writeDebug(6, vcpu.data.dr6);
    vcpu.cpu.writeControl(2, vcpu.data.cr2);
  }

  protected override saveExtended(vcpu: VmxDriverVcpu): void {
    super.saveExtended(vcpu);
    vcpu.data.dr6 = vcpu.cpu.readDebug(6);
    vcpu.data.cr2 = vcpu.cpu.readControl(2);
  }

  #region(revision: number): number {
    const { memory } = this.host;
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
