/** What the processors of a virtual machine meet outside: buses, interrupts, and how far they may run. */
import type { InterruptController, MmioBus, MsrBus, PortBus } from '#core';

/** How many instructions a processor may run before the board wants to look at the clock again; asked before every entry. */
export interface Pacer {
  /** 0 or less: return now. */
  remaining(): number;
  /**
   * Asked now and then while guest code runs, some ten thousand instructions or some hundred faults apart: true ends the entry between two
   * instructions, and `remaining` decides how to go on. Guests cannot tell. Without it an entry takes as long as its instructions take.
   * An interrupt that the board raises while it is asked is taken at once, as one from a handler is.
   */
  isOverdue?(): boolean;
}

/** All that a machine is powered on with. Processors call it; nothing of it changes later. */
export interface ProcessorBoard {
  readonly ports: Pick<PortBus, 'read' | 'write'>;
  readonly mmio: Pick<MmioBus, 'read' | 'write'>;
  readonly msrs: Pick<MsrBus, 'read' | 'write'>;
  /** One for each processor. It holds the processor's task priority (CR8), too. */
  readonly interrupts: readonly InterruptController[];
  readonly pacer: Pacer;
  /** PAUSE ends `run`: what a processor that spins waits for may be another one's turn. */
  readonly exitOnPause?: boolean;
  readonly timestamps: {
    /**
     * A processor's time-stamp counter was set, by its guest or from outside; told before the guest's next instruction. `offset` is the counter
     * less the accelerator's time, in ticks, as a signed 64-bit integer.
     */
    changed(processor: number, offset: bigint): void;
  };
}
