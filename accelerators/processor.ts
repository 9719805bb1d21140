/** A virtual processor: run, state by component, events, cancel (virt86's VirtualProcessor, mended). */
import {
  type CpuState,
  type CpuStateChange,
  hasErrorCode,
  type InterruptController,
  MachineError,
  type StateComponent,
  stateComponents,
} from '#core';
import type { Breakpoint } from './breakpoint.ts';
import type { Exit } from './exit.ts';
import { instructionAddress } from './instruction-address.ts';
import type { MemoryMap } from './memory-map.ts';
import { modeOf, type ProcessorMode } from './mode.ts';
import { requireFeature } from './require-feature.ts';
import type { ProcessorParts } from './specification.ts';
import { type Translation, translate } from './translation.ts';

/** An exception that the board injects (a debugger, a machine check). */
export interface ExceptionEvent {
  readonly vector: number;
  /** For the vectors that have one: 8, 10 to 14, 17. Elsewhere it is ignored. */
  readonly errorCode?: number;
}

export interface StepOptions {
  /** Default: true. Without them interrupts and NMIs of the controller that are pending stay so meanwhile. */
  readonly interrupts?: boolean;
}

function checked({ vector, errorCode = 0 }: ExceptionEvent): ExceptionEvent {
  if (!Number.isInteger(vector) || vector < 1 || vector > 31 || vector === 2 || vector === 3)
    throw new MachineError('bad-call', `vector ${vector} is no exception to inject`, { remedy: 'give 1 or 4 to 31' });
  return hasErrorCode(vector) ? { vector, errorCode } : { vector };
}

function checkedMsr(index: number): number {
  if (Number.isInteger(index) && index >= 0 && index < 2 ** 32) return index;
  throw new MachineError('bad-call', `${index} is no index of an MSR`, { remedy: 'give 0 to 0xffffffff' });
}

export abstract class VirtualProcessor {
  #cancelled = false;
  #budget = 0;
  #breakpoints: readonly Breakpoint[] = [];
  /** The instruction at this address is executed once without regard to breakpoints on it. */
  #passed: bigint | undefined;
  #injected: ExceptionEvent | undefined;
  protected readonly specification: ProcessorParts['specification'];
  protected readonly board: ProcessorParts['board'];
  /** This processor's own; its task priority is CR8. */
  protected readonly interrupts: InterruptController;
  protected readonly memory: MemoryMap;
  readonly #time: ProcessorParts['time'];
  readonly #features: ProcessorParts['features'];

  protected constructor(
    readonly index: number,
    { specification, board, memory, time, features }: ProcessorParts,
  ) {
    this.specification = specification;
    this.board = board;
    this.interrupts = board.interrupts[index];
    this.memory = memory;
    this.#time = time;
    this.#features = features;
  }

  /** The guest is a hypervisor itself (SVM enabled, VMX operation, a guest of its own): that is no part of CpuState. */
  get isHypervisor(): boolean {
    return false;
  }

  /** DEBUGCTL and its records are the guest's to use. */
  protected get keepsBranches(): boolean {
    return false;
  }

  /**
   * Runs the guest until there is something that only the board can decide. Interrupts are fetched from this processor's
   * InterruptController at the moment the CPU can take them; port, MMIO and MSR accesses go to the machine's buses.
   */
  run(): Exit {
    for (;;) {
      const ended = this.#endOfTime();
      if (ended) return ended;
      this.#deliverInjected();
      const exit = this.#passed === undefined ? this.enter(this.#budget) : this.#pass();
      if (exit) return exit.reason === 'breakpoint' ? this.#met(exit) : exit;
    }
  }

  /**
   * Executes one instruction: `step`, or another exit, which may have come before it. A REP is one instruction. One that faults is none: the first
   * of its handler is executed; so is that of an interrupt that comes before. Nothing of this can be seen by the guest. A breakpoint on the code
   * at RIP is not met; nor is it by the next `run` where `step` has arrived at one.
   */
  step({ interrupts = true }: StepOptions = {}): Exit {
    requireFeature('step', { features: this.#features });
    this.holdInterrupts(!interrupts);
    try {
      this.#passed = this.#instructionAddress;
      for (;;) {
        const ended = this.#endOfTime();
        if (ended) return ended;
        this.#deliverInjected();
        const exit = this.#pass();
        if (exit) return exit.reason === 'breakpoint' ? this.#met(exit) : exit;
        if (this.progressed) return this.#stepped();
      }
    } finally {
      this.holdInterrupts(false);
    }
  }

  #stepped(): Exit {
    const ended = this.#settle();
    if (ended) return ended;
    if (this.asleep) return { reason: 'halt' };
    this.#passed = this.#instructionAddress;
    return { reason: 'step' };
  }

  /** Breakpoints that were checked, in the place of the last ones. Called by the machine. */
  setBreakpoints(list: readonly Breakpoint[]): void {
    this.#breakpoints = list;
    this.arm(list);
  }

  /** One instruction, past a breakpoint on its code. */
  #pass(): Exit | undefined {
    const all = this.#breakpoints;
    const address = this.#passed;
    const others = all.filter(each => each.kind !== 'code' || each.address !== address);
    if (others.length < all.length) this.arm(others);
    try {
      return this.enter(1);
    } finally {
      if (others.length < all.length) this.arm(all);
      if (this.progressed) this.#passed = undefined;
    }
  }

  #met(exit: Exit & { readonly reason: 'breakpoint' }): Exit {
    const { breakpoint } = exit;
    if (breakpoint.kind === 'code') this.#passed = breakpoint.address;
    return this.#settle() ?? exit;
  }

  get #instructionAddress(): bigint {
    return instructionAddress(this.readState(['general', 'segments', 'msrs']) as CpuState);
  }

  /** What is left is in `#budget`, unless the run ends here. */
  #endOfTime(): Exit | undefined {
    const cancelled = this.#takeCancel();
    this.#budget = cancelled ? 0 : this.board.pacer.remaining();
    if (this.#budget > 0) return undefined;
    return this.#settle() ?? { reason: cancelled ? 'cancelled' : 'limit' };
  }

  /** Delivers what the last instruction owes. */
  #settle(): Exit | undefined {
    let ended: Exit | undefined;
    while (!ended && this.owes) ended = this.enter(0);
    return ended;
  }

  /**
   * An implementation asks it now and then while guest code runs; true ends the entry between two instructions. Only while it is asked, and in
   * handlers, can anything on the board happen during an entry, so an interrupt or a cancellation that comes then is heeded at once.
   */
  protected readonly isOverdue = (): boolean => {
    const overdue = this.board.pacer.isOverdue?.() ?? false;
    return overdue || this.#cancelled || this.interrupts.pending || this.interrupts.nmiPending;
  };

  /** Makes `run` return `cancelled` as soon as it can: the next time, if it is not running now. May be called from a handler. */
  cancel(): void {
    this.#cancelled = true;
  }

  /** Consumes a cancellation. */
  #takeCancel(): boolean {
    const cancelled = this.#cancelled;
    this.#cancelled = false;
    return cancelled;
  }

  /** The whole state, or some components of it. */
  getState(): CpuState;
  getState<C extends StateComponent>(...components: readonly C[]): Pick<CpuState, C>;
  getState(...components: readonly StateComponent[]): Partial<CpuState> {
    const state = this.readState(components.length ? components : stateComponents);
    const event = this.#injected;
    return event && state.interrupts ? { ...state, interrupts: { ...state.interrupts, event } } : state;
  }

  /** Components not given stay as they are; so does the time-stamp counter, if `msrs` does not have it. */
  setState(state: CpuStateChange): void {
    if (state.debug?.branches && !this.keepsBranches)
      throw new MachineError('bad-state', 'this processor has no DEBUGCTL and keeps no records of branches');
    if (state.interrupts) this.#injected = state.interrupts.event && checked(state.interrupts.event);
    this.writeState(state);
    if (state.msrs?.tsc !== undefined) this.timestampChanged();
  }

  /** Tells the board what the time-stamp counter is ahead of the time. An implementation calls it when the guest has set the counter. */
  protected timestampChanged(): void {
    const time = this.#time;
    time.hold();
    try {
      const { tsc } = this.readState(['msrs']).msrs!;
      this.board.timestamps.changed(this.index, BigInt.asIntN(64, tsc - BigInt(Math.floor(time.ticks))));
    } finally {
      time.release();
    }
  }

  /** How it executes and pages now. */
  get mode(): ProcessorMode {
    return modeOf(this.readState(['general', 'segments', 'controls', 'msrs']) as CpuState);
  }

  /** What RDMSR at CPL 0 reads, from the board where it is not the processor's own. undefined: #GP. Nothing else of the guest changes. */
  getMsr(index: number): bigint | undefined {
    const answer = this.readMsr(checkedMsr(index));
    if (answer === 'board') return this.board.msrs.read(this.index, index);
    return answer === 'fault' ? undefined : answer;
  }

  /** Does what WRMSR at CPL 0 does. False: #GP, and nothing has changed. */
  setMsr(index: number, value: bigint): boolean {
    if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value)
      throw new MachineError('bad-call', `${value} is no value of an MSR`, {
        remedy: 'give a bigint of 64 bits, unsigned',
      });
    const outcome = this.writeMsr(checkedMsr(index), value);
    return outcome === 'board' ? this.board.msrs.write(this.index, index, value) : outcome === 'done';
  }

  /**
   * Where a linear address leads by the guest's page tables as they are in memory now: a translation that the processor has cached may differ, and
   * so may the four PDPTEs that MOV CR3 has loaded. Nothing of the guest changes. undefined: a hole. Five levels are not walked.
   */
  translate(linear: bigint): Translation | undefined {
    if (typeof linear !== 'bigint' || BigInt.asUintN(64, linear) !== linear)
      throw new MachineError('bad-call', `${linear} is no linear address`, {
        remedy: 'give a bigint of 64 bits, unsigned',
      });
    const state = this.readState(['controls', 'msrs']) as CpuState;
    return translate(linear, { state, cpu: this.specification.cpu, memory: this.memory });
  }

  /**
   * To be delivered at the next entry, before the next instruction; until then it is part of the state. #DE and #BP can only come
   * from instructions.
   */
  inject(event: ExceptionEvent): void {
    this.#injected = checked(event);
  }

  #deliverInjected(): void {
    const event = this.#injected;
    if (!event) return;
    this.#injected = undefined;
    this.injectException(event.vector, event.errorCode ?? -1);
  }

  /** Power-on (SDM vol. 3, table 10-1). */
  abstract reset(): void;
  /** INIT; what waits for SIPI then is the board's affair. */
  abstract init(): void;
  /** Real mode at vector * 4096, after INIT. */
  abstract startup(vector: number): void;

  /** It has halted in MWAIT: what others store may wake it, and interrupts though IF is clear. */
  get waiting(): boolean {
    return false;
  }
  /** It has halted in MWAIT, and something has ended that. */
  get woken(): boolean {
    return false;
  }

  /**
   * What the last instruction owes, a trap or a fault of one that was done for the guest, waits for an entry. It is part of no state, so it is
   * delivered before `run` returns, though the time is over.
   */
  protected abstract get owes(): boolean;
  /** Enters the guest for so many instructions (0: for what it is owed only) and serves what it exits with; an exit that ends the run, or none. */
  protected abstract enter(budget: number): Exit | undefined;
  /** After an entry for one instruction: it has been executed, by the guest or for it. */
  protected abstract get progressed(): boolean;
  /** HLT has retired, and nothing that may come now wakes the guest. */
  protected abstract get asleep(): boolean;
  /** Interrupts and NMIs of the controller stay pending meanwhile. */
  protected abstract holdInterrupts(hold: boolean): void;
  /** These breakpoints count from now on; entries answer with `breakpoint`. There are no more than `features` allow. */
  protected abstract arm(list: readonly Breakpoint[]): void;
  protected abstract readState(components: readonly StateComponent[]): Partial<CpuState>;
  protected abstract writeState(state: CpuStateChange): void;
  /** `board`: the register is none of the processor's. */
  protected abstract readMsr(index: number): bigint | 'fault' | 'board';
  /** As `readMsr`; a new time-stamp counter is told to the board. */
  protected abstract writeMsr(index: number, value: bigint): 'done' | 'fault' | 'board';
  /** `errorCode` is -1 for a vector that has none. */
  protected abstract injectException(vector: number, errorCode: number): void;
}
