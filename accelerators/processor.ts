/** A virtual processor: run, state by component, events, cancel (virt86's VirtualProcessor, mended). */
import type { CpuState, StateComponent } from '#core';
import type { Exit } from './exit.ts';

/** An exception that the board injects (a debugger, a machine check). */
export interface ExceptionEvent {
  readonly vector: number;
  /** For the vectors that have one (8, 10 to 14, 17, 21). */
  readonly errorCode?: number;
}

export abstract class VirtualProcessor {
  #cancelled = false;

  protected constructor(readonly index: number) {}

  /**
   * Runs the guest until there is something that only the board can decide. Interrupts are fetched from this processor's
   * InterruptController at the moment the CPU can take them; port, MMIO and MSR accesses go to the machine's buses.
   */
  run(): Exit {
    if (this.takeCancel()) return { reason: 'cancelled' };
    return this.enter();
  }

  /** Makes `run` return `cancelled` as soon as it can: the next time, if it is not running now. May be called from a handler. */
  cancel(): void {
    this.#cancelled = true;
  }

  /** Consumes a cancellation. Implementations ask before every entry. */
  protected takeCancel(): boolean {
    const cancelled = this.#cancelled;
    this.#cancelled = false;
    return cancelled;
  }

  /** The whole state, or some components of it. */
  abstract getState(): CpuState;
  abstract getState<C extends StateComponent>(...components: readonly C[]): Pick<CpuState, C>;
  /** Components not given stay as they are. */
  abstract setState(state: Partial<CpuState>): void;

  /** To be delivered at the next entry, before the next instruction. */
  abstract inject(event: ExceptionEvent): void;
  /** State after INIT (SDM vol. 3, table 10-1); what waits for SIPI is the board's affair. */
  abstract init(): void;
  /** Real mode at vector * 4096, after INIT. */
  abstract startup(vector: number): void;

  protected abstract enter(): Exit;
}
