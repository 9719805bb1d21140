/** A virtual processor on NVMM: QEMU's loop around nvmm_vcpu_run(3), in the terms of the contract. */
import {
  type CpuState,
  type CpuStateChange,
  guestCpuid,
  type HostCpu,
  type InterruptController,
  type StateComponent,
  stateComponents,
} from '#core';
import type { Exit } from '../exit.ts';
import type { MachineSpecification } from '../machine.ts';
import { VirtualProcessor } from '../processor.ts';
import { initialState, initState, startupState } from '../reset-state.ts';
import { Cr, EventType, ExitReason, Gpr, Intr, Prot, StateFlag, VcpuConf, X64State } from './abi.ts';
import { Errno } from './errno.ts';
import { complete } from './libnvmm/complete.ts';
import { type IoAccess, type Libnvmm, type MemAccess, type NvmmMachine, NvmmVcpu } from './libnvmm/libnvmm.ts';
import { flagOf, readComponent, writeComponent } from './state.ts';
import { Vector } from './x86/exception.ts';

const interruptFlag = 1 << 9;
const nmiVector = 2;
const found = { hva: 0, prot: 0 };

const refusal = (errno: number): string =>
  errno === Errno.ENOMEM
    ? 'the emulated host has no memory left for nested page tables'
    : 'NVMM refused the event to be injected';

export class NvmmProcessor extends VirtualProcessor {
  readonly #vcpu = new NvmmVcpu();
  readonly #cpu: HostCpu;
  readonly #interrupts: InterruptController;
  #halted = false;
  /** An event waits in the comm page for the next entry. */
  #eventWaiting = false;
  /** An NMI can be taken once the event that waits has been: the processor is to come back before anything else. */
  #nmiWaits = false;
  #completed = 0;

  constructor(
    private readonly lib: Libnvmm,
    private readonly mach: NvmmMachine,
    specification: MachineSpecification,
    index: number,
  ) {
    super(index, specification);
    lib.vcpuCreate(mach, index, this.#vcpu);
    const { cpus } = lib.driver.host;
    this.#cpu = cpus[index % cpus.length]!;
    this.#interrupts = specification.interrupts[index]!;
    const { ports, mmio } = specification;
    lib.vcpuConfigure(mach, this.#vcpu, VcpuConf.callbacks, {
      io: (access: IoAccess) => {
        const { port, size, data } = access;
        if (access.in) data.setUint32(0, ports.read(port, size as 1 | 2 | 4), true);
        else ports.write(port, size as 1 | 2 | 4, data.getUint32(0, true));
      },
      mem: ({ gpa, size, write, data }: MemAccess) => {
        if (write) mmio.write(gpa, size as 1 | 2 | 4 | 8, data, index);
        else mmio.read(gpa, size as 1 | 2 | 4 | 8, data, index);
      },
    });
    // The guest's CPU is the profile's, not the host's: its leaves are answered here.
    lib.vcpuConfigure(mach, this.#vcpu, VcpuConf.everyCpuid, { exit: true });
    // An interrupt may wait for just this.
    lib.vcpuConfigure(mach, this.#vcpu, VcpuConf.tpr, { exitChanged: true });
    // A timer may wait for just this.
    lib.vcpuConfigure(mach, this.#vcpu, VcpuConf.timestamp, { exitChanged: true });
    if (specification.exitOnPause) lib.vcpuConfigure(mach, this.#vcpu, VcpuConf.pause, { exit: true });
    this.reset();
  }

  /** Other machines may share the CPU: it is told anew at each entry. */
  readonly #isWanted = (): boolean => this.specification.pacer.isOverdue?.() ?? false;

  protected readState(wanted: readonly StateComponent[]): Partial<CpuState> {
    // The time-stamp counter has gone on since it was provided last.
    if (wanted.includes('msrs')) this.#vcpu.comm.cached &= ~StateFlag.msrs;
    this.lib.vcpuGetState(
      this.mach,
      this.#vcpu,
      wanted.reduce((flags, component) => flags | flagOf[component], 0),
    );
    return Object.fromEntries(
      wanted.map(component => [component, readComponent(this.#vcpu.state, component, this.#halted)]),
    );
  }

  protected writeState(state: CpuStateChange): void {
    for (const component of stateComponents) {
      const value = state[component];
      if (value === undefined) continue;
      if (component === 'msrs') this.#writeMsrs(value as Required<CpuStateChange>['msrs']);
      else {
        writeComponent(this.#vcpu.state, component, value as never);
        this.lib.vcpuSetState(this.mach, this.#vcpu, flagOf[component]);
      }
    }
    const { exit } = this.#vcpu;
    if (state.general && state.interrupts) {
      // Another point in the guest's life: what was due at the last one is not due here.
      this.#vcpu.comm.eventCommit = false;
      this.#eventWaiting = false;
    }
    if (state.general) exit.state.rflags = Number(state.general.rflags);
    if (state.controls) this.#interrupts.taskPriority = exit.state.cr8 = Number(state.controls.cr8);
    if (state.interrupts) {
      exit.state.eventPending = false;
      exit.state.interruptShadow = state.interrupts.shadow;
      exit.state.interruptWindow = false;
      exit.state.nmiWindow = state.interrupts.nmiBlocked;
      this.#halted = state.interrupts.halted;
    }
  }

  /**
   * The component has the time-stamp counter in it, which does not wait for the next entry: it goes to the driver at once, at the moment at
   * which it was given, or at which it was read.
   */
  #writeMsrs(msrs: Required<CpuStateChange>['msrs']): void {
    const { lib, mach } = this;
    const vcpu = this.#vcpu;
    const { time } = lib.driver.host;
    time.hold();
    try {
      if (msrs.tsc === undefined) {
        vcpu.comm.cached &= ~StateFlag.msrs;
        lib.vcpuGetState(mach, vcpu, StateFlag.msrs);
      }
      writeComponent(vcpu.state, 'msrs', msrs);
      lib.vcpuCommitState(mach, vcpu, StateFlag.msrs);
    } finally {
      time.release();
    }
  }

  protected injectException(vector: number, errorCode: number): void {
    const { event } = this.#vcpu;
    event.type = EventType.exception;
    event.vector = vector;
    event.error = Math.max(errorCode, 0);
    this.lib.vcpuInject(this.mach, this.#vcpu);
    this.#eventWaiting = true;
  }

  reset(): void {
    this.setState(initialState(this.specification.cpu));
  }

  init(): void {
    this.setState(initState(this.specification.cpu, this.getState('controls', 'msrs')));
  }

  startup(vector: number): void {
    this.setState(startupState(this.specification.cpu, vector));
  }

  protected get owes(): boolean {
    const { comm, exit } = this.#vcpu;
    return comm.eventCommit || exit.state.eventPending;
  }

  protected enter(budget: number): Exit | undefined {
    const { lib, mach } = this;
    const vcpu = this.#vcpu;
    if (budget > 0) {
      this.#deliver();
      if (this.#halted) return { reason: 'halt' };
    }
    this.#cpu.isWanted = this.#isWanted;
    this.#cpu.armTimer(budget);
    if (this.#nmiWaits) this.#cpu.raiseInterrupt();
    if (lib.vcpuRun(mach, vcpu)) return { reason: 'error', code: lib.errno, message: refusal(lib.errno) };
    this.#eventWaiting = false;
    if (vcpu.exit.state.cr8 !== this.#interrupts.taskPriority) this.#interrupts.taskPriority = vcpu.exit.state.cr8;
    return this.#handle();
  }

  /** Hands the controller's interrupt to the guest if it can take it now; asks for a window otherwise. */
  #deliver(): void {
    const { exit, state } = this.#vcpu;
    const interrupts = this.#interrupts;
    const status = exit.state;
    if (interrupts.taskPriority !== status.cr8) this.#setTaskPriority(interrupts.taskPriority);
    const nmi = interrupts.nmiPending && !status.nmiWindow;
    const busy = this.#eventWaiting || status.eventPending;
    this.#nmiWaits = nmi && busy;
    if (busy) return;
    if (nmi) {
      interrupts.acknowledgeNmi();
      this.#event(nmiVector);
      this.#halted = false;
      return;
    }
    if (interrupts.pending) {
      const ready = (status.rflags & interruptFlag) !== 0 && !status.interruptShadow;
      if (ready) {
        this.#event(interrupts.acknowledge());
        this.#halted = false;
      }
      // Another one may be waiting for the first one's end.
      if (interrupts.pending && !status.interruptWindow && !this.#halted) {
        state.intr =
          (status.interruptShadow ? Intr.shadow : 0) |
          Intr.windowExiting |
          (status.nmiWindow ? Intr.nmiWindowExiting : 0);
        this.lib.vcpuSetState(this.mach, this.#vcpu, StateFlag.intr);
        status.interruptWindow = true;
      }
    }
  }

  #event(vector: number): void {
    const { event } = this.#vcpu;
    event.type = EventType.interrupt;
    event.vector = vector;
    event.error = 0;
    this.lib.vcpuInject(this.mach, this.#vcpu);
    this.#eventWaiting = true;
  }

  /** The board moved the task priority (its APIC register is the same thing as CR8). */
  #setTaskPriority(priority: number): void {
    const { lib, mach } = this;
    lib.vcpuGetState(mach, this.#vcpu, StateFlag.crs);
    this.#vcpu.comm.set(X64State.crs + Cr.cr8 * 8, priority, 0);
    lib.vcpuSetState(mach, this.#vcpu, StateFlag.crs);
    this.#vcpu.exit.state.cr8 = priority;
  }

  #handle(): Exit | undefined {
    const { lib, mach } = this;
    const vcpu = this.#vcpu;
    const { exit } = vcpu;
    switch (exit.reason) {
      case ExitReason.none:
      case ExitReason.interruptReady:
      case ExitReason.nmiReady:
      case ExitReason.tprChanged:
        return undefined;
      case ExitReason.timestampChanged:
        this.specification.timestamps.changed(this.index);
        return undefined;
      case ExitReason.io:
        if (lib.assistIo(mach, vcpu)) return this.#failed('port access', exit.port);
        return this.#account();
      case ExitReason.memory:
        if (exit.prot & Prot.execute && lib.gpaToHva(mach, exit.gpa, found)) return this.#failed('code', exit.gpa);
        if (lib.assistMem(mach, vcpu)) return this.#failed('memory access', exit.gpa);
        this.#account();
        // An event's delivery, finished there, may have come to a triple fault.
        return (exit.reason as number) === ExitReason.shutdown ? { reason: 'shutdown' } : undefined;
      case ExitReason.numericError:
        if (lib.assistMem(mach, vcpu))
          return { reason: 'error', code: lib.errno, message: 'an x87 instruction could not be emulated' };
        return this.#account();
      case ExitReason.rdmsr: {
        const value = this.specification.msrs.read(this.index, exit.msr);
        if (value === undefined) return this.#fault(Vector.gp);
        vcpu.state.setGprPair(Gpr.rax, Number(BigInt.asIntN(32, value)), 0);
        vcpu.state.setGprPair(Gpr.rdx, Number(BigInt.asIntN(32, value >> 32n)), 0);
        return this.#advance();
      }
      case ExitReason.wrmsr: {
        const value = (BigInt(exit.valueHigh >>> 0) << 32n) | BigInt(exit.valueLow >>> 0);
        return this.specification.msrs.write(this.index, exit.msr, value) ? this.#advance() : this.#fault(Vector.gp);
      }
      case ExitReason.cpuid: {
        lib.vcpuGetState(mach, vcpu, StateFlag.gprs | StateFlag.crs);
        const { state } = vcpu;
        const leaf = state.gprLow(Gpr.rax) >>> 0;
        const result = guestCpuid(this.specification.cpu, leaf, state.gprLow(Gpr.rcx) >>> 0, {
          processor: this.index,
          processors: this.specification.processors,
          cr4: state.crLow(Cr.cr4),
          xcr0: state.crLow(Cr.xcr0),
        });
        state.setGprPair(Gpr.rax, result.eax, 0);
        state.setGprPair(Gpr.rbx, result.ebx, 0);
        state.setGprPair(Gpr.rcx, result.ecx, 0);
        state.setGprPair(Gpr.rdx, result.edx, 0);
        return this.#advance();
      }
      case ExitReason.monitor:
      case ExitReason.mwait:
        return this.#fault(Vector.ud);
      case ExitReason.halted:
        this.#halted = true;
        return undefined;
      case ExitReason.pause:
        return { reason: 'pause' };
      case ExitReason.stopped:
        return { reason: 'cancelled' };
      case ExitReason.shutdown:
        return { reason: 'shutdown' };
      default:
        return { reason: 'error', code: exit.hwcode, message: `exit with hardware code 0x${exit.hwcode.toString(16)}` };
    }
  }

  /** The instruction of an MSR or CPUID exit is done. */
  #advance(): undefined {
    const { lib, mach } = this;
    const vcpu = this.#vcpu;
    lib.vcpuGetState(mach, vcpu, StateFlag.gprs);
    vcpu.state.setGprPair(Gpr.rip, vcpu.exit.npcLow, vcpu.exit.npcHigh);
    complete(lib, mach, vcpu);
    return this.#account();
  }

  /** The guest's time goes on by what the assist completed. */
  #account(): undefined {
    if (this.#completed !== this.#vcpu.completed) {
      this.#completed = this.#vcpu.completed;
      this.#cpu.accountInstruction();
    }
    // An assist may have injected a fault.
    this.#eventWaiting = this.#vcpu.comm.eventCommit;
    return undefined;
  }

  #fault(vector: number): undefined {
    this.injectException(vector, -1);
    return undefined;
  }

  #failed(what: string, where: number): Exit {
    return {
      reason: 'error',
      code: this.lib.errno,
      message: `${what} at 0x${where.toString(16)} could not be emulated`,
    };
  }
}
