import { service } from '../framework/service.ts';

/** INIT and start-up signals, from the local APICs to the board that runs the processors. */
export interface ProcessorSignals {
  readonly count: number;
  /** To the wait-for-SIPI state. */
  init(processor: number): void;
  /** Ignored unless the processor waits for it; it starts in real mode at vector × 0x1000. */
  startup(processor: number, vector: number): void;
}

export const ProcessorSignals = service<ProcessorSignals>('ProcessorSignals');
