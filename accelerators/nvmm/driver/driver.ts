/**
 * NVMM's kernel half, machine-independent (nvmm.c): machines, VCPUs, ownership, limits. Each method is one ioctl and answers with
 * an errno. The architecture is the first backend that recognises the host's CPU.
 */
import type { HostComputer } from '#core';
import {
  type Capability,
  type CpuidConf,
  type DebugConf,
  type EveryCpuidConf,
  ExitReason,
  Limit,
  nvmmVersion,
  type PauseConf,
  StateFlag,
  type TimestampConf,
  type TprConf,
  VcpuConf,
  type VcpuExit,
  X64State,
} from '../abi.ts';
import type { Backend, BackendConstructor } from '../backend.ts';
import { Errno } from '../errno.ts';
import { type MsrOutcome, msrAnswer } from '../x86/exits.ts';
import { writeResetState } from '../x86/reset-state.ts';
import { CommPage, type DriverMachine, type DriverVcpu, type MachineInfo, type Owner } from './machine.ts';
import { Vmspace } from './vmspace.ts';

export type { MachineInfo, Owner } from './machine.ts';

/** Pages that a machine or a VCPU may need for itself, its first page tables included. */
const smallReserve = 16;

export class NvmmDriver {
  readonly backend: Backend;
  readonly #machines: (DriverMachine | undefined)[] = new Array(Limit.machines).fill(undefined);
  readonly #owners = new Set<Owner>();

  private constructor(
    readonly host: HostComputer,
    backend: Backend,
  ) {
    this.backend = backend;
    backend.init();
  }

  /** Loads the driver; undefined (ENOTSUP) where no backend recognises the CPU. */
  static load(host: HostComputer, backends: readonly BackendConstructor[]): NvmmDriver | undefined {
    for (const Candidate of backends) {
      const backend = new Candidate(host);
      if (backend.ident()) return new NvmmDriver(host, backend);
    }
    return undefined;
  }

  /** EBUSY while a machine exists. */
  unload(): Errno {
    if (this.#machines.some(machine => machine)) return Errno.EBUSY;
    this.backend.fini();
    return Errno.OK;
  }

  open(options: { readonly pid: number; readonly closeOnExec: boolean; readonly writeOnly?: boolean }): Owner | Errno {
    if (!options.closeOnExec) return Errno.EINVAL;
    const owner: Owner = { pid: options.pid, root: options.writeOnly ?? false };
    this.#owners.add(owner);
    return owner;
  }

  /** Close, or the end of the process: all its machines are torn down. */
  close(owner: Owner): Errno {
    if (!this.#owners.delete(owner)) return Errno.EBADF;
    for (const machine of this.#machines) if (machine?.owner === owner) this.#teardown(machine);
    return Errno.OK;
  }

  capability(capability: Capability): Errno {
    capability.version = nvmmVersion;
    capability.stateSize = X64State.size;
    capability.maxMachines = Limit.machines;
    capability.maxVcpus = Limit.vcpus;
    capability.maxRam = Limit.ram;
    this.backend.capability(capability);
    return Errno.OK;
  }

  /** The new machine's id goes to `machine.machid`. */
  machineCreate(owner: Owner, machine: { machid: number }): Errno {
    if (!this.#owners.has(owner)) return Errno.EBADF;
    const id = this.#machines.indexOf(undefined);
    if (id < 0) return Errno.ENOBUFS;
    if (this.host.memory.free4k < smallReserve) return Errno.ENOMEM;
    const created: DriverMachine = {
      id,
      owner,
      created: Math.floor(this.host.time.ticks / 1e9),
      vmspace: new Vmspace(this.host.memory, this.backend.pageTable),
      vcpus: new Map(),
      data: undefined,
    };
    this.backend.machineCreate(created);
    this.#machines[id] = created;
    machine.machid = id;
    return Errno.OK;
  }

  machineDestroy(owner: Owner, id: number): Errno {
    const machine = this.#machine(owner, id);
    if (typeof machine === 'number') return machine;
    this.#teardown(machine);
    return Errno.OK;
  }

  machineConfigure(owner: Owner, id: number, op: number, configuration: unknown): Errno {
    const machine = this.#machine(owner, id);
    return typeof machine === 'number' ? machine : this.backend.machineConfigure(machine, op, configuration);
  }

  vcpuCreate(owner: Owner, id: number, cpuid: number): Errno {
    const machine = this.#machine(owner, id);
    if (typeof machine === 'number') return machine;
    if (!inRange(cpuid, Limit.vcpus)) return Errno.EINVAL;
    if (machine.vcpus.has(cpuid)) return Errno.EBUSY;
    const { cpus, memory } = this.host;
    if (memory.free4k < smallReserve) return Errno.ENOMEM;
    const vcpu: DriverVcpu = {
      cpuid,
      cpu: cpus[machine.vcpus.size % cpus.length],
      comm: new CommPage(memory, memory.allocate(1)),
      cpuidOverrides: new Map(),
      everyCpuid: false,
      exitOnTimestamp: false,
      data: undefined,
    };
    const error = this.backend.vcpuCreate(machine, vcpu);
    if (error) {
      memory.free(vcpu.comm.physical, 1);
      return error;
    }
    machine.vcpus.set(cpuid, vcpu);
    writeResetState(vcpu.comm);
    this.backend.vcpuSetState(vcpu, StateFlag.all);
    return Errno.OK;
  }

  vcpuDestroy(owner: Owner, id: number, cpuid: number): Errno {
    const found = this.#vcpu(owner, id, cpuid);
    if (typeof found === 'number') return found;
    this.#destroyVcpu(this.#machines[id]!, found);
    return Errno.OK;
  }

  vcpuConfigure(owner: Owner, id: number, cpuid: number, op: number, configuration: unknown): Errno {
    const vcpu = this.#vcpu(owner, id, cpuid);
    if (typeof vcpu === 'number') return vcpu;
    switch (op) {
      case VcpuConf.cpuid:
        return this.backend.vcpuConfigureCpuid(vcpu, configuration as CpuidConf);
      case VcpuConf.everyCpuid:
        vcpu.everyCpuid = (configuration as EveryCpuidConf).exit;
        return Errno.OK;
      case VcpuConf.timestamp:
        vcpu.exitOnTimestamp = (configuration as TimestampConf).exitChanged;
        return Errno.OK;
      case VcpuConf.tpr:
        return this.backend.vcpuConfigureTpr(vcpu, configuration as TprConf);
      case VcpuConf.debug:
        return this.backend.vcpuConfigureDebug(vcpu, configuration as DebugConf);
      case VcpuConf.pause:
        return this.backend.vcpuConfigurePause(vcpu, configuration as PauseConf);
      default:
        return Errno.EINVAL;
    }
  }

  /** The comm page, as mmap(2) of the device would give it. */
  vcpuMap(owner: Owner, id: number, cpuid: number): CommPage | Errno {
    const vcpu = this.#vcpu(owner, id, cpuid);
    return typeof vcpu === 'number' ? vcpu : vcpu.comm;
  }

  vcpuSetState(owner: Owner, id: number, cpuid: number): Errno {
    const vcpu = this.#vcpu(owner, id, cpuid);
    if (typeof vcpu === 'number') return vcpu;
    this.backend.vcpuSetState(vcpu, vcpu.comm.wanted);
    vcpu.comm.wanted = 0;
    return Errno.OK;
  }

  vcpuGetState(owner: Owner, id: number, cpuid: number): Errno {
    const vcpu = this.#vcpu(owner, id, cpuid);
    if (typeof vcpu === 'number') return vcpu;
    this.backend.vcpuGetState(vcpu, vcpu.comm.wanted);
    vcpu.comm.wanted = 0;
    return Errno.OK;
  }

  /** Ours: the registers that the driver answers itself, as the guest's RDMSR finds them. ENOENT: none of those. EFAULT: #GP. */
  vcpuReadMsr(owner: Owner, id: number, cpuid: number, msr: number, into: { low: number; high: number }): Errno {
    const vcpu = this.#vcpu(owner, id, cpuid);
    if (typeof vcpu === 'number') return vcpu;
    const error = msrErrno(this.backend.vcpuReadMsr(vcpu, msr));
    if (!error) Object.assign(into, msrAnswer);
    return error;
  }

  /** Ours. */
  vcpuWriteMsr(owner: Owner, id: number, cpuid: number, msr: number, low: number, high: number): Errno {
    const vcpu = this.#vcpu(owner, id, cpuid);
    return typeof vcpu === 'number' ? vcpu : msrErrno(this.backend.vcpuWriteMsr(vcpu, msr, low, high));
  }

  vcpuInject(owner: Owner, id: number, cpuid: number): Errno {
    const vcpu = this.#vcpu(owner, id, cpuid);
    return typeof vcpu === 'number' ? vcpu : this.backend.vcpuInject(vcpu);
  }

  /** The one system call of an exit, its assist and the next entry: dirty state in, event in, run, needed state out. */
  vcpuRun(owner: Owner, id: number, cpuid: number, exit: VcpuExit): Errno {
    const vcpu = this.#vcpu(owner, id, cpuid);
    if (typeof vcpu === 'number') return vcpu;
    const machine = this.#machines[id]!;
    const { comm } = vcpu;
    const { commit } = comm;
    if (commit) {
      comm.commit = 0;
      this.backend.vcpuSetState(vcpu, commit);
    }
    // What an exit that ends here has provided is stale after the next entry.
    comm.cached = 0;
    if (comm.eventCommit) {
      comm.eventCommit = false;
      if (this.backend.vcpuInject(vcpu)) return Errno.EINVAL;
    }
    for (;;) {
      if (comm.stop) {
        comm.stop = false;
        exit.reason = ExitReason.stopped;
        return Errno.OK;
      }
      this.backend.vcpuRun(machine, vcpu, exit);
      if (exit.reason !== ExitReason.memory) return Errno.OK;
      const error = machine.vmspace.fault(exit.gpa, exit.prot);
      if (error) return error === Errno.EFAULT ? Errno.OK : error;
      comm.cached = 0;
      if (vcpu.cpu.preemptionNeeded) {
        exit.reason = ExitReason.none;
        return Errno.OK;
      }
    }
  }

  hvaMap(owner: Owner, id: number, hva: number, size: number): Errno {
    const machine = this.#machine(owner, id);
    return typeof machine === 'number' ? machine : machine.vmspace.hvaMap(hva, size);
  }

  hvaUnmap(owner: Owner, id: number, hva: number, size: number): Errno {
    const machine = this.#machine(owner, id);
    if (typeof machine === 'number') return machine;
    const error = machine.vmspace.hvaUnmap(hva, size);
    if (!error) this.backend.machineFlush(machine);
    return error;
  }

  gpaMap(owner: Owner, id: number, hva: number, gpa: number, size: number, prot: number): Errno {
    const machine = this.#machine(owner, id);
    if (typeof machine === 'number') return machine;
    const error = machine.vmspace.gpaMap(hva, gpa, size, prot);
    if (!error) this.backend.machineFlush(machine);
    return error;
  }

  gpaUnmap(owner: Owner, id: number, gpa: number, size: number): Errno {
    const machine = this.#machine(owner, id);
    if (typeof machine === 'number') return machine;
    const error = machine.vmspace.gpaUnmap(gpa, size);
    if (!error) this.backend.machineFlush(machine);
    return error;
  }

  /** Ours: writes to the pages of a range are noted from now on, or no longer. */
  gpaTrack(owner: Owner, id: number, gpa: number, size: number, on: boolean): Errno {
    const machine = this.#machine(owner, id);
    if (typeof machine === 'number') return machine;
    const error = machine.vmspace.gpaTrack(gpa, size, on);
    if (!error) this.backend.machineFlush(machine);
    return error;
  }

  /** Ours: sets a byte for each page from `gpa` on that has been written since. `clear`: they count as unwritten again. */
  gpaWritten(owner: Owner, id: number, gpa: number, written: Uint8Array, clear: boolean): Errno {
    const machine = this.#machine(owner, id);
    if (typeof machine === 'number') return machine;
    const error = machine.vmspace.gpaWritten(gpa, written, clear);
    if (!error && clear) this.backend.machineFlush(machine);
    return error;
  }

  /** Where host-virtual memory of a machine is in physical memory: what the emulator's own page tables would say. -1: nowhere. */
  physicalOf(owner: Owner, id: number, hva: number, size: number): number {
    const machine = this.#machine(owner, id);
    return typeof machine === 'number' ? -1 : machine.vmspace.physicalOf(hva, size);
  }

  /** NVMM_CTL_MACH_INFO. */
  machineInfo(owner: Owner, id: number): MachineInfo | Errno {
    const machine = this.#machine(owner, id);
    if (typeof machine === 'number') return machine;
    return { vcpus: machine.vcpus.size, ram: machine.vmspace.ram, pid: machine.owner.pid, time: machine.created };
  }

  #machine(owner: Owner, id: number): DriverMachine | Errno {
    if (!this.#owners.has(owner)) return Errno.EBADF;
    if (!inRange(id, Limit.machines)) return Errno.EINVAL;
    const machine = this.#machines[id];
    if (!machine) return Errno.ENOENT;
    return machine.owner === owner || owner.root ? machine : Errno.EPERM;
  }

  #vcpu(owner: Owner, id: number, cpuid: number): DriverVcpu | Errno {
    const machine = this.#machine(owner, id);
    if (typeof machine === 'number') return machine;
    if (!inRange(cpuid, Limit.vcpus)) return Errno.EINVAL;
    return machine.vcpus.get(cpuid) ?? Errno.ENOENT;
  }

  #destroyVcpu(machine: DriverMachine, vcpu: DriverVcpu): void {
    this.backend.vcpuDestroy(machine, vcpu);
    this.host.memory.free(vcpu.comm.physical, 1);
    machine.vcpus.delete(vcpu.cpuid);
  }

  #teardown(machine: DriverMachine): void {
    for (const vcpu of [...machine.vcpus.values()]) this.#destroyVcpu(machine, vcpu);
    this.backend.machineDestroy(machine);
    machine.vmspace.destroy();
    this.#machines[machine.id] = undefined;
  }
}

const msrErrno = (outcome: MsrOutcome): Errno =>
  outcome === 'fault' ? Errno.EFAULT : outcome ? Errno.OK : Errno.ENOENT;
const inRange = (value: number, end: number): boolean => Number.isInteger(value) && value >= 0 && value < end;
