/**
 * What the two backends have in common, x86 being x86: capabilities, machines, CPUID overrides, the loop around entries, and the state that
 * stays in the CPU between them.
 */
import type { HostComputer, HostCpu } from '#core';
import {
  type Capability,
  type CpuidConf,
  type DebugConf,
  ExitReason,
  Limit,
  type PauseConf,
  StateFlag,
  type TprConf,
  type VcpuExit,
} from '../abi.ts';
import type { Backend } from '../backend.ts';
import type { DriverMachine, DriverVcpu } from '../driver/machine.ts';
import type { EntryFormat } from '../driver/page-table.ts';
import { Errno } from '../errno.ts';
import type { ExitContext } from './context.ts';
import { configure } from './cpuid.ts';
import { addressOf, hiddenBy } from './debug.ts';
import type { MsrOutcome } from './exits.ts';
import { Residency } from './residency.ts';
import type { X86Vcpu } from './vcpu.ts';
import { Xcr0Component, xcr0Allowed } from './xcr0.ts';

export interface X86Machine {
  /** Grows whenever nested translations of the machine must be dropped. */
  generation: number;
}

const xsaveBit = 1 << 26;
const everything = StateFlag.gprs | StateFlag.segs | StateFlag.crs | StateFlag.msrs;

export abstract class X86Backend<Data extends X86Vcpu> implements Backend<X86Machine, Data> {
  abstract readonly name: string;
  abstract readonly pageTable: EntryFormat;
  protected readonly xcr0Mask: bigint;
  protected readonly mxcsrMask = 0xffff;
  /** x87, SSE, XCR0 and debug registers. */
  protected readonly extended: Residency<Data>;

  constructor(protected readonly host: HostComputer) {
    const { boot } = this;
    this.xcr0Mask = boot.cpuid(1).ecx & xsaveBit ? BigInt(boot.cpuid(0xd).eax) & xcr0Allowed : 0n;
    this.extended = new Residency<Data>(
      vcpu => this.loadExtended(vcpu),
      vcpu => this.saveExtended(vcpu),
    );
  }

  protected get boot(): HostCpu {
    return this.host.cpus[0];
  }

  abstract ident(): boolean;
  abstract init(): void;
  abstract fini(): void;

  capability(capability: Capability): void {
    capability.arch = {
      machConfSupport: 0,
      vcpuConfSupport: 3,
      xcr0Mask: this.xcr0Mask,
      mxcsrMask: this.mxcsrMask,
      confCpuidMaxops: Limit.cpuidOverrides,
    };
  }

  machineCreate(machine: DriverMachine<X86Machine>): void {
    machine.data = { generation: 0 };
  }

  machineDestroy(): void {}

  machineConfigure(): Errno {
    return Errno.EINVAL;
  }

  machineFlush(machine: DriverMachine<X86Machine>): void {
    machine.data.generation++;
  }

  abstract vcpuCreate(machine: DriverMachine<X86Machine>, vcpu: DriverVcpu<Data>): Errno;
  abstract vcpuDestroy(machine: DriverMachine<X86Machine>, vcpu: DriverVcpu<Data>): void;

  vcpuConfigureCpuid(vcpu: DriverVcpu<Data>, configuration: CpuidConf): Errno {
    return configure(vcpu.cpuidOverrides, configuration);
  }

  abstract vcpuConfigureTpr(vcpu: DriverVcpu<Data>, configuration: TprConf): Errno;
  abstract vcpuConfigurePause(vcpu: DriverVcpu<Data>, configuration: PauseConf): Errno;
  vcpuConfigureDebug(vcpu: DriverVcpu<Data>, configuration: DebugConf): Errno {
    if (configuration.addresses.length > Limit.breakpoints) return Errno.EINVAL;
    const hidden = hiddenBy(configuration);
    if (!hidden && !vcpu.data.hidden) return Errno.OK;
    this.extended.evict(vcpu);
    this.hideDebug(vcpu, hidden);
    return Errno.OK;
  }
  /** Loads the emulator's DR7 and intercepts what would show it; undefined: the guest's own again. Sets `data.hidden`. */
  protected abstract hideDebug(vcpu: DriverVcpu<Data>, hidden: DebugConf | undefined): void;

  abstract vcpuSetState(vcpu: DriverVcpu<Data>, flags: number): void;
  abstract vcpuGetState(vcpu: DriverVcpu<Data>, flags: number): void;
  abstract vcpuReadMsr(vcpu: DriverVcpu<Data>, msr: number): MsrOutcome;
  abstract vcpuWriteMsr(vcpu: DriverVcpu<Data>, msr: number, low: number, high: number): MsrOutcome;
  abstract vcpuInject(vcpu: DriverVcpu<Data>): Errno;

  vcpuRun(machine: DriverMachine<X86Machine>, vcpu: DriverVcpu<Data>, exit: VcpuExit): void {
    const context = this.#contextOf(machine, vcpu, exit);
    context.preempted = false;
    exit.reason = ExitReason.none;
    this.prepare(vcpu);
    this.extended.bring(vcpu);
    while (exit.reason === ExitReason.none && !context.preempted) {
      this.enter(context, machine.data);
      if (context.cpu.preemptionNeeded) context.preempted = true;
    }
    this.describe(vcpu, exit);
    this.#provide(vcpu, exit);
  }

  /** The VCPU's control block is to be used on its CPU. */
  protected abstract prepare(vcpu: DriverVcpu<Data>): void;
  /** One entry, up to the end of its exit. */
  protected abstract enter(context: ExitContext<Data>, machine: X86Machine): void;
  /** `exit.state`. */
  protected abstract describe(vcpu: DriverVcpu<Data>, exit: VcpuExit): void;
  protected abstract createContext(
    machine: DriverMachine<X86Machine>,
    vcpu: DriverVcpu<Data>,
    exit: VcpuExit,
  ): ExitContext<Data>;

  #contextOf(machine: DriverMachine<X86Machine>, vcpu: DriverVcpu<Data>, exit: VcpuExit): ExitContext<Data> {
    const known = vcpu.data.context as ExitContext<Data> | undefined;
    if (known?.exit === exit) return known;
    const context = this.createContext(machine, vcpu, exit);
    vcpu.data.context = context;
    return context;
  }

  /** What the emulator is sure to ask for next. NetBSD's provides everything for all port accesses; only those of strings look at it. */
  #provide(vcpu: DriverVcpu<Data>, { reason, str }: VcpuExit): void {
    if (reason === ExitReason.memory || (reason === ExitReason.io && str)) this.vcpuGetState(vcpu, everything);
    else if (reason === ExitReason.io || reason === ExitReason.rdmsr || reason === ExitReason.wrmsr)
      this.vcpuGetState(vcpu, StateFlag.gprs);
  }

  protected loadExtended({ cpu, data }: DriverVcpu<Data>): void {
    cpu.fxrstor(data.fpu);
    if (this.xcr0Mask & Xcr0Component.avx) cpu.loadVector(data.vector);
    if (this.xcr0Mask) cpu.xsetbv(data.xcr0);
    for (const n of [0, 1, 2, 3] as const) cpu.writeDebug(n, addressOf(data, n));
  }

  protected saveExtended({ cpu, data }: DriverVcpu<Data>): void {
    cpu.fxsave(data.fpu);
    if (this.xcr0Mask & Xcr0Component.avx) cpu.storeVector(data.vector);
    if (!data.hidden) for (const n of [0, 1, 2, 3] as const) data.debug[n] = cpu.readDebug(n);
  }
}
