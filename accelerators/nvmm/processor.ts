/** A virtual processor on NVMM, in the terms of the contract. */
import type { CpuState, CpuStateChange, HostCpu, StateComponent } from '#core';
import type { Breakpoint } from '../breakpoint.ts';
import type { Exit } from '../exit.ts';
import { VirtualProcessor } from '../processor.ts';
import { initialState, initState, startupState } from '../reset-state.ts';
import type { ProcessorParts } from '../specification.ts';
import { EventType, VcpuConf } from './abi.ts';
import { debugControl } from './debug-control.ts';
import { Errno } from './errno.ts';
import { ExitService } from './exit-service.ts';
import { readGuestMsr, writeGuestMsr } from './guest-msrs.ts';
import { GuestVcpu } from './guest-vcpu.ts';
import { InterruptDelivery } from './interrupt-delivery.ts';
import type { IoAccess, Libnvmm, MemAccess, NvmmMachine } from './libnvmm/libnvmm.ts';
import { readProcessorState, writeProcessorState } from './processor-state.ts';

const refusal = (errno: number): string =>
  errno === Errno.ENOMEM
    ? 'the emulated host has no memory left for nested page tables'
    : 'NVMM refused the event to be injected';

export class NvmmProcessor extends VirtualProcessor {
  readonly #guest: GuestVcpu;
  readonly #cpu: HostCpu;
  readonly #delivery: InterruptDelivery;
  readonly #exits: ExitService;
  /** The last `enter` did enter. */
  #entered = false;

  constructor(lib: Libnvmm, mach: NvmmMachine, index: number, parts: ProcessorParts) {
    super(index, parts);
    const { specification, board, memory } = parts;
    const { cpus } = lib.driver.host;
    const guest = new GuestVcpu(lib, mach, index);
    this.#guest = guest;
    this.#cpu = cpus[index % cpus.length];
    this.#delivery = new InterruptDelivery(guest, this.interrupts);
    this.#exits = new ExitService({
      specification,
      board,
      memory,
      guest,
      cpu: this.#cpu,
      timestampChanged: () => this.timestampChanged(),
    });
    const { ports, mmio } = board;
    guest.configure(VcpuConf.callbacks, {
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
    guest.configure(VcpuConf.everyCpuid, { exit: true });
    // An interrupt may wait for just this.
    guest.configure(VcpuConf.tpr, { exitChanged: true });
    // A timer may wait for just this.
    guest.configure(VcpuConf.timestamp, { exitChanged: true });
    if (board.exitOnPause) guest.configure(VcpuConf.pause, { exit: true });
    this.reset();
  }

  protected readState(wanted: readonly StateComponent[]): Partial<CpuState> {
    return readProcessorState(this.#guest, this.interrupts, wanted);
  }

  protected writeState(state: CpuStateChange): void {
    writeProcessorState(this.#guest, this.interrupts, state);
  }

  protected injectException(vector: number, errorCode: number): void {
    this.#guest.inject(EventType.exception, vector, Math.max(errorCode, 0));
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

  protected readMsr(index: number): bigint | 'fault' | 'board' {
    return readGuestMsr(this.#guest, this, index);
  }

  protected writeMsr(index: number, value: bigint): 'done' | 'fault' | 'board' {
    return writeGuestMsr(this.#guest, this, index, value);
  }

  protected get owes(): boolean {
    const { comm, exit } = this.#guest.vcpu;
    return comm.eventCommit || exit.state.eventPending;
  }

  protected get progressed(): boolean {
    return this.#entered && this.#cpu.timerCount === 0;
  }

  protected get asleep(): boolean {
    return this.#guest.halted && !this.#delivery.wakes;
  }

  protected holdInterrupts(hold: boolean): void {
    this.#delivery.held = hold;
  }

  protected arm(list: readonly Breakpoint[]): void {
    this.#guest.breakpoints = list;
    this.#guest.configure(VcpuConf.debug, {
      addresses: list.map(({ address }) => address),
      control: debugControl(list),
    });
  }

  protected enter(budget: number): Exit | undefined {
    this.#entered = false;
    const guest = this.#guest;
    const { lib, mach, vcpu } = guest;
    if (budget > 0) {
      this.#delivery.deliver();
      if (guest.halted) return { reason: 'halt' };
    }
    // Other machines may share the CPU: it is told anew at each entry.
    this.#cpu.isWanted = this.isOverdue;
    this.#entered = true;
    this.#cpu.armTimer(budget);
    if (this.#delivery.nmiWaits) this.#cpu.raiseInterrupt();
    if (lib.vcpuRun(mach, vcpu)) return { reason: 'error', code: lib.errno, message: refusal(lib.errno) };
    guest.eventWaiting = false;
    this.#delivery.noteTaskPriority();
    return this.#exits.handle();
  }
}
