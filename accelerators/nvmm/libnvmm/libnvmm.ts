/**
 * libnvmm(3), the unprivileged half of NVMM: the same functions, arguments and results as NetBSD's at API level 2. A function
 * returns 0, or -1 with `errno` set. State moves lazily through the comm page: setting and injecting cost no call into the
 * driver, getting costs one only for what is not there already.
 */
import {
  type Capability,
  type CpuidConf,
  Ctl,
  type CtlMachineInfo,
  type DebugConf,
  type EveryCpuidConf,
  ExitReason,
  nvmmVersion,
  type PauseConf,
  StateFlag,
  type TprConf,
  VcpuConf,
} from '../abi.ts';
import type { NvmmDriver, Owner } from '../driver/driver.ts';
import type { CommPage } from '../driver/machine.ts';
import { Errno } from '../errno.ts';
import { assistIo } from './assist-io.ts';
import { assistMem } from './assist-mem.ts';
import { dump } from './dump.ts';
import type { AssistCallbacks, LibraryCalls, NvmmMachine, NvmmVcpu, Walk } from './handles.ts';
import { gvaToGpa } from './walk.ts';

export { type AssistCallbacks, type IoAccess, type MemAccess, NvmmMachine, NvmmVcpu, VcpuEvent } from './handles.ts';

export class Libnvmm implements LibraryCalls {
  errno: number = Errno.OK;
  #owner: Owner | undefined;
  #capability: Capability | undefined;

  constructor(
    readonly driver: NvmmDriver,
    readonly pid = 1,
  ) {}

  init(): number {
    return this.#open(false);
  }

  rootInit(): number {
    return this.#open(true);
  }

  /** What the end of the process does: every machine of this library is torn down. */
  close(): void {
    if (this.#owner) this.driver.close(this.#owner);
    this.#owner = undefined;
  }

  capability(into: Partial<Capability>): number {
    Object.assign(into, structuredClone(this.#capability));
    return 0;
  }

  machineCreate(mach: NvmmMachine): number {
    return this.#result(this.driver.machineCreate(this.#handle, mach));
  }

  machineDestroy(mach: NvmmMachine): number {
    const error = this.driver.machineDestroy(this.#handle, mach.machid);
    if (error) return this.#result(error);
    mach.areas.length = 0;
    for (const vcpu of mach.vcpus) vcpu.unmap();
    mach.vcpus.clear();
    return 0;
  }

  machineConfigure(mach: NvmmMachine, op: number, configuration: unknown): number {
    return this.#result(this.driver.machineConfigure(this.#handle, mach.machid, op, configuration));
  }

  vcpuCreate(mach: NvmmMachine, cpuid: number, vcpu: NvmmVcpu): number {
    const error = this.driver.vcpuCreate(this.#handle, mach.machid, cpuid);
    if (error) return this.#result(error);
    vcpu.cpuid = cpuid;
    vcpu.map(this.driver.vcpuMap(this.#handle, mach.machid, cpuid) as CommPage);
    mach.vcpus.add(vcpu);
    return 0;
  }

  vcpuDestroy(mach: NvmmMachine, vcpu: NvmmVcpu): number {
    const error = this.driver.vcpuDestroy(this.#handle, mach.machid, vcpu.cpuid);
    if (error) return this.#result(error);
    vcpu.unmap();
    mach.vcpus.delete(vcpu);
    return 0;
  }

  vcpuConfigure(
    mach: NvmmMachine,
    vcpu: NvmmVcpu,
    op: number,
    configuration: AssistCallbacks | CpuidConf | DebugConf | EveryCpuidConf | PauseConf | TprConf,
  ): number {
    if (op === VcpuConf.callbacks) {
      vcpu.callbacks = configuration as AssistCallbacks;
      return 0;
    }
    return this.#result(this.driver.vcpuConfigure(this.#handle, mach.machid, vcpu.cpuid, op, configuration));
  }

  vcpuSetState(_mach: NvmmMachine, vcpu: NvmmVcpu, flags: number): number {
    vcpu.comm.commit |= flags;
    vcpu.comm.cached |= flags;
    return 0;
  }

  /** The ioctl that nvmm_vcpu_setstate(3) leaves to the next entry: for what counts from the moment at which it is set. */
  vcpuCommitState(mach: NvmmMachine, vcpu: NvmmVcpu, flags: number): number {
    vcpu.comm.commit &= ~flags;
    vcpu.comm.cached |= flags;
    vcpu.comm.wanted = flags;
    return this.#result(this.driver.vcpuSetState(this.#handle, mach.machid, vcpu.cpuid));
  }

  vcpuGetState(mach: NvmmMachine, vcpu: NvmmVcpu, flags: number): number {
    const missing = flags & ~vcpu.comm.cached;
    if (missing === 0) return 0;
    vcpu.comm.wanted = missing;
    return this.#result(this.driver.vcpuGetState(this.#handle, mach.machid, vcpu.cpuid));
  }

  /** Ours: RDMSR of what the driver answers itself. ENOENT: it is state, or the emulator's. EFAULT: #GP. */
  vcpuReadMsr(mach: NvmmMachine, vcpu: NvmmVcpu, msr: number, into: { low: number; high: number }): number {
    return this.#result(this.driver.vcpuReadMsr(this.#handle, mach.machid, vcpu.cpuid, msr, into));
  }

  vcpuWriteMsr(mach: NvmmMachine, vcpu: NvmmVcpu, msr: number, low: number, high: number): number {
    return this.#result(this.driver.vcpuWriteMsr(this.#handle, mach.machid, vcpu.cpuid, msr, low, high));
  }

  vcpuInject(_mach: NvmmMachine, vcpu: NvmmVcpu): number {
    vcpu.comm.eventCommit = true;
    return 0;
  }

  vcpuRun(mach: NvmmMachine, vcpu: NvmmVcpu): number {
    return this.#result(this.driver.vcpuRun(this.#handle, mach.machid, vcpu.cpuid, vcpu.exit));
  }

  /** Makes a running or the next run return STOPPED. */
  vcpuStop(vcpu: NvmmVcpu): number {
    vcpu.comm.stop = true;
    return 0;
  }

  hvaMap(mach: NvmmMachine, hva: number, size: number): number {
    return this.#result(this.driver.hvaMap(this.#handle, mach.machid, hva, size));
  }

  hvaUnmap(mach: NvmmMachine, hva: number, size: number): number {
    return this.#result(this.driver.hvaUnmap(this.#handle, mach.machid, hva, size));
  }

  /** Bytes of host-virtual memory: what a pointer is in C. undefined: not mapped. */
  hvaBytes(mach: NvmmMachine, hva: number, size: number): Uint8Array | undefined {
    const physical = this.driver.physicalOf(this.#handle, mach.machid, hva, size);
    if (physical < 0) return undefined;
    const { memory } = this.driver.host;
    return new Uint8Array(memory.words.buffer, memory.offset(physical), size);
  }

  gpaMap(mach: NvmmMachine, hva: number, gpa: number, size: number, prot: number): number {
    if (mach.areas.some(area => gpa < area.gpa + area.size && area.gpa < gpa + size)) return this.#result(Errno.EINVAL);
    const error = this.driver.gpaMap(this.#handle, mach.machid, hva, gpa, size, prot);
    if (!error) mach.areas.push({ gpa, hva, size, prot });
    return this.#result(error);
  }

  gpaUnmap(mach: NvmmMachine, hva: number, gpa: number, size: number): number {
    const index = mach.areas.findIndex(area => area.hva === hva && area.gpa === gpa && area.size === size);
    if (index < 0) return this.#result(Errno.ENOENT);
    const error = this.driver.gpaUnmap(this.#handle, mach.machid, gpa, size);
    if (!error) mach.areas.splice(index, 1);
    return this.#result(error);
  }

  /** Ours: from now on the driver notes which pages of a range are written, or no longer. */
  gpaTrack(mach: NvmmMachine, gpa: number, size: number, on: boolean): number {
    return this.#result(this.driver.gpaTrack(this.#handle, mach.machid, gpa, size, on));
  }

  /** Ours: sets a byte for each page from `gpa` on that guests have written. What assists write is told to `NvmmMachine.wrote`. */
  gpaWritten(mach: NvmmMachine, gpa: number, written: Uint8Array, clear: boolean): number {
    return this.#result(this.driver.gpaWritten(this.#handle, mach.machid, gpa, written, clear));
  }

  /** The guest's own page tables: EFAULT where they do not translate. `walk` gets gpa and prot. */
  gvaToGpa(mach: NvmmMachine, vcpu: NvmmVcpu, gva: bigint, walk: Walk): number {
    return this.#result(gvaToGpa(this, mach, vcpu, gva, walk));
  }

  /** ENOENT where nothing is mapped: that is MMIO. */
  gpaToHva(mach: NvmmMachine, gpa: number, into: { hva: number; prot: number }): number {
    const area = mach.areas.find(candidate => gpa >= candidate.gpa && gpa < candidate.gpa + candidate.size);
    if (!area) return this.#result(Errno.ENOENT);
    into.hva = area.hva + (gpa - area.gpa);
    into.prot = area.prot;
    return 0;
  }

  assistIo(mach: NvmmMachine, vcpu: NvmmVcpu): number {
    if (vcpu.exit.reason !== ExitReason.io) return this.#result(Errno.EINVAL);
    return this.#result(assistIo(this, mach, vcpu));
  }

  /** Of a MEMORY exit; of a numeric error too, whose instruction it executes as a CPU without CR0.NE does. */
  assistMem(mach: NvmmMachine, vcpu: NvmmVcpu): number {
    const { reason } = vcpu.exit;
    if (reason !== ExitReason.memory && reason !== ExitReason.numericError) return this.#result(Errno.EINVAL);
    return this.#result(assistMem(this, mach, vcpu));
  }

  /** `size` is the structure's in C: there is nothing to check here. */
  ctl(op: number, info: CtlMachineInfo): number {
    if (op !== Ctl.machineInfo) return this.#result(Errno.EINVAL);
    const found = this.driver.machineInfo(this.#handle, info.machid);
    if (typeof found === 'number') return this.#result(found);
    Object.assign(info, found);
    return 0;
  }

  /** What nvmm_vcpu_dump(3) prints: the registers, a line each. Empty where they cannot be had. */
  vcpuDump(mach: NvmmMachine, vcpu: NvmmVcpu): string {
    return this.vcpuGetState(mach, vcpu, StateFlag.all) === 0 ? dump(vcpu.state) : '';
  }

  #open(writeOnly: boolean): number {
    if (this.#owner) return 0;
    const owner = this.driver.open({ pid: this.pid, closeOnExec: true, writeOnly });
    if (typeof owner === 'number') return this.#result(owner);
    const capability = {} as Capability;
    this.driver.capability(capability);
    if (capability.version !== nvmmVersion) return this.#result(Errno.EPROGMISMATCH);
    this.#owner = owner;
    this.#capability = capability;
    return 0;
  }

  /** Before `init`, every call fails as on a closed descriptor. */
  get #handle(): Owner {
    return this.#owner ?? closed;
  }

  #result(error: Errno): number {
    if (error === Errno.OK) return 0;
    this.errno = error;
    return -1;
  }
}

const closed: Owner = { pid: 0, root: false };
