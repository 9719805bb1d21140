import { service } from '../framework/service.ts';
import type { Range } from '../memory/range-map.ts';
import type { Claim } from './claim.ts';

/** Model-specific registers that the board implements. Undefined or false is a general protection fault in the guest. */
export interface MsrHandler {
  readonly name: string;
  read(processor: number, index: number): bigint | undefined;
  write(processor: number, value: bigint, index: number): boolean;
}

export interface Msrs {
  /** Throws a MachineError if another component owns any of the range. */
  claim(range: Range | number, handler: MsrHandler): Claim;
}

export const Msrs = service<Msrs>('Msrs');
