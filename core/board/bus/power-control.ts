import { service } from '../framework/service.ts';

/** How devices end a run, each with an outcome of its own. The run loop acts on it before the next instruction. */
export interface PowerControl {
  powerOff(): void;
  reset(): void;
  exit(code: number): void;
}

export const Power = service<PowerControl>('Power');
