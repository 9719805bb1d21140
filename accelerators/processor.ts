/** A virtual processor: run, state by component, events, cancel (virt86's VirtualProcessor, mended). */
import {
  type CpuState,
  type CpuStateChange,
  hasErrorCode,
  MachineError,
  type StateComponent,
  stateComponents,
} from '#core';
import type { Exit } from './exit.ts';
import type { MachineSpecification } from './machine.ts';

/** An exception that the board injects (a debugger, a machine check). */
export interface ExceptionEvent {
  readonly vector: number;
  /** For the vectors that have one: 8, 10 to 14, 17. Elsewhere it is ignored. */
  readonly errorCode?: number;
}

function checked({ vector, errorCode = 0 }: ExceptionEvent): ExceptionEvent {
  if (!Number.isInteger(vector) || vector < 1 || vector > 31 || vector === 2 || vector === 3)
    throw new MachineError('bad-call', `vector ${vector} is no exception to inject`, { remedy: 'give 1 or 4 to 31' });
  return hasErrorCode(vector) ? { vector, errorCode } : { vector };
}

export abstract class VirtualProcessor {
  #cancelled = false;
  #injected: ExceptionEvent | undefined;

  protected constructor(
    readonly index: number,
    protected readonly specification: MachineSpecification,
  ) {}

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
      const cancelled = this.#takeCancel();
      const budget = cancelled ? 0 : this.specification.pacer.remaining();
      if (budget <= 0) {
        let ended: Exit | undefined;
        while (!ended && this.owes) ended = this.enter(0);
        return ended ?? { reason: cancelled ? 'cancelled' : 'limit' };
      }
      this.#deliverInjected();
      const exit = this.enter(budget);
      if (exit) return exit;
    }
  }

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
    if (state.msrs?.tsc !== undefined) this.specification.timestamps.changed(this.index);
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
  protected abstract readState(components: readonly StateComponent[]): Partial<CpuState>;
  protected abstract writeState(state: CpuStateChange): void;
  /** `errorCode` is -1 for a vector that has none. */
  protected abstract injectException(vector: number, errorCode: number): void;
}
