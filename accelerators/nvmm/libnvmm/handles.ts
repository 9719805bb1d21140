/**
 * The types of libnvmm(3): what a program holds of a machine and of a VCPU (struct nvmm_machine, struct nvmm_vcpu), what the assists call it back with,
 * and the calls that the assists make themselves.
 */
import type { HostComputer } from '#core';
import { VcpuExit } from '../abi.ts';
import { CommPage } from '../driver/machine.ts';
import { X64StateView } from './state-view.ts';

/** A port access, for the `io` callback: `data` holds `size` bytes, to be filled or to be taken. */
export interface IoAccess {
  readonly mach: NvmmMachine;
  readonly vcpu: NvmmVcpu;
  port: number;
  in: boolean;
  size: number;
  readonly data: DataView;
}

/** A memory-mapped access, for the `mem` callback. */
export interface MemAccess {
  readonly mach: NvmmMachine;
  readonly vcpu: NvmmVcpu;
  gpa: number;
  write: boolean;
  size: number;
  readonly data: DataView;
}

export interface AssistCallbacks {
  readonly io?: (access: IoAccess) => void;
  readonly mem?: (access: MemAccess) => void;
}

interface Area {
  readonly gpa: number;
  readonly hva: number;
  readonly size: number;
  readonly prot: number;
}

/** struct nvmm_machine. */
export class NvmmMachine {
  machid = -1;
  readonly areas: Area[] = [];
  /**
   * Ours: asked before an assist makes an access of its guest's to guest-physical memory (a Prot bit), whether the area grants it or not. It may throw;
   * then the assist ends there, and nothing of its instruction has happened.
   */
  admit: ((gpa: number, access: number) => void) | undefined;
  /** Their comm pages go with the machine. */
  readonly vcpus = new Set<NvmmVcpu>();
}

/** What the guest's page tables say of an address. */
export interface Walk {
  gpa: number;
  /** NvmmProt bits. */
  prot: number;
}

/** The calls of libnvmm(3) that its own assists make. Each returns 0, or -1 with `errno` set. */
export interface LibraryCalls {
  readonly driver: { readonly host: HostComputer };
  vcpuGetState(mach: NvmmMachine, vcpu: NvmmVcpu, flags: number): number;
  vcpuSetState(mach: NvmmMachine, vcpu: NvmmVcpu, flags: number): number;
  vcpuInject(mach: NvmmMachine, vcpu: NvmmVcpu): number;
  gvaToGpa(mach: NvmmMachine, vcpu: NvmmVcpu, gva: bigint, walk: Walk): number;
  gpaToHva(mach: NvmmMachine, gpa: number, into: { hva: number; prot: number }): number;
  /** Bytes of host-virtual memory. undefined: not mapped. */
  hvaBytes(mach: NvmmMachine, hva: number, size: number): Uint8Array | undefined;
}

/** struct nvmm_vcpu. */
export class NvmmVcpu {
  cpuid = -1;
  readonly exit = new VcpuExit();
  comm!: CommPage;
  state!: X64StateView;
  callbacks: AssistCallbacks = {};
  /** The argument of the `io` callback. It is made at the first access. */
  ioAccess: IoAccess | undefined;
  /** How many instructions assists have completed. The provider adds them to the guest's virtual time. */
  completed = 0;

  /** `vcpu.event`: takes effect by `vcpuInject`. */
  readonly event = new VcpuEvent(this);

  map(comm: CommPage): void {
    this.comm = comm;
    this.state = new X64StateView(comm);
  }
  unmap(): void {
    this.map(CommPage.detached());
  }
}

export class VcpuEvent {
  constructor(private readonly vcpu: NvmmVcpu) {}

  get type(): number {
    return this.vcpu.comm.eventType;
  }
  set type(type: number) {
    this.vcpu.comm.eventType = type;
  }
  get vector(): number {
    return this.vcpu.comm.eventVector;
  }
  set vector(vector: number) {
    this.vcpu.comm.eventVector = vector;
  }
  get error(): number {
    return this.vcpu.comm.eventError;
  }
  set error(error: number) {
    this.vcpu.comm.eventError = error;
  }
}
