/** A virtual processor that is the emulated CPU itself. */
import {
  type Cpu,
  type CpuExit,
  type CpuState,
  type CpuStateChange,
  type Host,
  helperImplementations,
  LiveAssist,
  type StateComponent,
} from '#core';
import type { Breakpoint } from '../breakpoint.ts';
import type { Exit } from '../exit.ts';
import { VirtualProcessor } from '../processor.ts';
import { initialState, initState, startupState } from '../reset-state.ts';
import type { ProcessorParts } from '../specification.ts';

const generalProtection = 13;
/** IA32_TIME_STAMP_COUNTER */
const timestampCounter = 0x10;
/** EFER.SVME */
const svmEnable = 0x1000n;

export class SoftwareProcessor extends VirtualProcessor {
  readonly #cpu: Cpu;
  readonly #assist: LiveAssist;
  #breakpoints: readonly Breakpoint[] = [];
  /** Instructions retired before the last entry. */
  #before = 0;

  constructor(host: Host, index: number, parts: ProcessorParts) {
    super(index, parts);
    const { mmio, exitOnPause } = parts.board;
    this.#cpu = host.processors[index];
    this.#cpu.isOverdue = this.isOverdue;
    this.#cpu.leavesAtPause = exitOnPause ?? false;
    this.#cpu.connect(this.interrupts);
    this.#assist = new LiveAssist(
      this.#cpu,
      {
        read: (physical, bytes, data) => mmio.read(physical, bytes, data, index),
        write: (physical, bytes, data) => mmio.write(physical, bytes, data, index),
      },
      helperImplementations,
    );
    this.reset();
  }

  override get isHypervisor(): boolean {
    const { state, virtualization } = this.#cpu;
    return (
      state.guest !== 0 || virtualization?.initHeld === true || (this.getState('msrs').msrs.efer & svmEnable) !== 0n
    );
  }

  protected override get keepsBranches(): boolean {
    return this.specification.cpu.debugControl;
  }

  protected readState(components: readonly StateComponent[]): Partial<CpuState> {
    return this.#cpu.getState(components);
  }

  protected writeState(state: CpuStateChange): void {
    this.#cpu.setState(state);
    if (!state.general || !state.interrupts) return;
    // Another point in the guest's life: what was due at the last one is not due here.
    this.#cpu.faultQueued = false;
    this.#cpu.held.type = -1;
    this.#cpu.pendingDebug = 0;
  }

  protected readMsr(index: number): bigint | 'fault' | 'board' {
    const answer = this.#cpu.readMsr(index);
    return answer === 'unknown' ? 'board' : answer;
  }

  protected writeMsr(index: number, value: bigint): 'done' | 'fault' | 'board' {
    const outcome = this.#cpu.writeMsr(index, value);
    if (outcome === 'done' && index === timestampCounter) this.timestampChanged();
    return outcome === 'unknown' ? 'board' : outcome;
  }

  override get waiting(): boolean {
    return this.#cpu.waiting;
  }
  override get woken(): boolean {
    return this.#cpu.woken;
  }

  protected injectException(vector: number, errorCode: number): void {
    this.#cpu.injectFault(vector, errorCode);
  }

  reset(): void {
    this.#cpu.powerOn();
    this.setState(initialState(this.specification.cpu));
  }

  init(): void {
    this.setState(initState(this.specification.cpu, this.getState('controls', 'msrs')));
  }

  startup(vector: number): void {
    this.setState(startupState(this.specification.cpu, vector));
  }

  protected get owes(): boolean {
    return this.#cpu.owes;
  }

  protected get progressed(): boolean {
    return this.#cpu.retired !== this.#before;
  }

  /** The CPU says so itself. */
  protected get asleep(): boolean {
    return false;
  }

  protected holdInterrupts(hold: boolean): void {
    this.#cpu.pins.held = hold;
  }

  protected arm(list: readonly Breakpoint[]): void {
    this.#breakpoints = list;
    this.#cpu.mmu.setHostBreakpoints(list);
  }

  protected enter(budget: number): Exit | undefined {
    this.#before = this.#cpu.retired;
    return this.#handle(this.#cpu.run(budget));
  }

  #handle(exit: CpuExit): Exit | undefined {
    switch (exit.reason) {
      case 'budget':
      case 'vmexit':
        return undefined;
      case 'halt':
        return { reason: 'halt' };
      case 'pause':
        return { reason: 'pause' };
      case 'breakpoint':
        return { reason: 'breakpoint', breakpoint: this.#breakpoints[exit.index] };
      case 'shutdown':
        return { reason: 'shutdown' };
      case 'io':
        return this.#portAccess(exit);
      case 'mmio':
        return this.#assisted();
      case 'guarded':
        return { reason: 'protection', gpa: exit.address, access: exit.access as 1 | 2 | 4 };
      case 'msr':
        return this.#msrAccess(exit);
      case 'timestamp':
        this.timestampChanged();
        return undefined;
    }
  }

  #portAccess(exit: CpuExit & { readonly reason: 'io' }): Exit | undefined {
    const { ports } = this.board;
    const cpu = this.#cpu;
    const { port, size } = exit;
    if (exit.string) {
      const left = cpu.performPorts(ports);
      // The string lies where there is no RAM.
      if (left.reason === 'mmio') return this.#stringInDevice();
      if (left.reason === 'guarded' || left.reason === 'breakpoint') return this.#handle(left);
    } else if (exit.input) {
      cpu.completeInput(size, ports.read(port, size));
    } else {
      ports.write(port, size, cpu.outputValue(size));
      cpu.completeInstruction();
    }
    return undefined;
  }

  #stringInDevice(): Exit | undefined {
    const { pins } = this.#cpu;
    pins.ports = this.board.ports;
    try {
      return this.#assisted();
    } finally {
      pins.ports = undefined;
    }
  }

  #assisted(): Exit | undefined {
    if (this.#assist.perform()) return undefined;
    const guarded = this.#cpu.guardedExit;
    if (guarded) return this.#handle(guarded);
    return { reason: 'error', code: 0, message: 'an access to memory that is none could not be emulated' };
  }

  #msrAccess({ index, write }: CpuExit & { readonly reason: 'msr' }): undefined {
    const { msrs } = this.board;
    const cpu = this.#cpu;
    if (write) {
      if (msrs.write(this.index, index, cpu.msrValue)) cpu.completeInstruction();
      else cpu.injectFault(generalProtection, 0);
      return undefined;
    }
    const value = msrs.read(this.index, index);
    if (value === undefined) cpu.injectFault(generalProtection, 0);
    else cpu.completeMsrRead(value);
    return undefined;
  }
}
