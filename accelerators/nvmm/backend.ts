/**
 * What the machine-independent half of the driver asks of a processor architecture: NetBSD's `struct nvmm_impl`. Two backends
 * implement it, svm and vmx; the driver takes the first whose `ident` succeeds on the host's CPU.
 */
import type { HostComputer } from '#core';
import type { Capability, CpuidConf, DebugConf, PauseConf, TprConf, VcpuExit } from './abi.ts';
import type { DriverMachine, DriverVcpu } from './driver/machine.ts';
import type { EntryFormat } from './driver/page-table.ts';
import type { Errno } from './errno.ts';
import type { MsrOutcome } from './x86/exits.ts';

export interface Backend<MachineData = unknown, VcpuData = unknown> {
  /** `x86-svm`, `x86-vmx`. */
  readonly name: string;
  /** Format of the nested page tables. */
  readonly pageTable: EntryFormat;

  /** Can this computer's CPUs do it? Reads CPUID and MSRs only. */
  ident(): boolean;
  /** Turns the extension on, on every CPU; `fini` off again. */
  init(): void;
  fini(): void;
  capability(capability: Capability): void;

  machineCreate(machine: DriverMachine<MachineData>): void;
  machineDestroy(machine: DriverMachine<MachineData>): void;
  machineConfigure(machine: DriverMachine<MachineData>, op: number, configuration: unknown): Errno;
  /** A mapping was taken away or lost rights: no VCPU may enter again before its nested translations are gone. */
  machineFlush(machine: DriverMachine<MachineData>): void;

  vcpuCreate(machine: DriverMachine<MachineData>, vcpu: DriverVcpu<VcpuData>): Errno;
  vcpuDestroy(machine: DriverMachine<MachineData>, vcpu: DriverVcpu<VcpuData>): void;
  vcpuConfigureCpuid(vcpu: DriverVcpu<VcpuData>, configuration: CpuidConf): Errno;
  vcpuConfigureTpr(vcpu: DriverVcpu<VcpuData>, configuration: TprConf): Errno;
  vcpuConfigurePause(vcpu: DriverVcpu<VcpuData>, configuration: PauseConf): Errno;
  vcpuConfigureDebug(vcpu: DriverVcpu<VcpuData>, configuration: DebugConf): Errno;
  /** Loads the components in `flags` from the comm page. */
  vcpuSetState(vcpu: DriverVcpu<VcpuData>, flags: number): void;
  /** Stores the components in `flags` to the comm page and marks them cached. */
  vcpuGetState(vcpu: DriverVcpu<VcpuData>, flags: number): void;
  /**
   * RDMSR and WRMSR at CPL 0, of the registers that the driver answers itself: `x86/exits.ts` has the value. False: it is the emulator's; those that
   * guests access without an exit are state.
   */
  vcpuReadMsr(vcpu: DriverVcpu<VcpuData>, msr: number): MsrOutcome;
  vcpuWriteMsr(vcpu: DriverVcpu<VcpuData>, msr: number, low: number, high: number): MsrOutcome;
  /** Takes the event from the comm page. EINVAL for one that cannot be. */
  vcpuInject(vcpu: DriverVcpu<VcpuData>): Errno;
  /**
   * Enters the guest and stays there until an exit is not dealt with in the backend, or a host interrupt came (reason NONE).
   */
  vcpuRun(machine: DriverMachine<MachineData>, vcpu: DriverVcpu<VcpuData>, exit: VcpuExit): void;
}

export type BackendConstructor = new (host: HostComputer) => Backend;
