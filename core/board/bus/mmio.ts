import { service } from '../framework/service.ts';
import type { Range } from '../memory/range-map.ts';
import type { Claim } from './claim.ts';

export type MmioSize = 1 | 2 | 4 | 8;

/**
 * Answers accesses that lie wholly within its claim, of any size and alignment. Data travels in a shared 8-byte little-endian
 * view, so that no access allocates. `processor` is who asks: a local APIC answers each its own.
 */
export interface MmioHandler {
  readonly name: string;
  read(offset: number, size: MmioSize, result: DataView, processor: number): void;
  write(offset: number, size: MmioSize, value: DataView, processor: number): void;
}

/** The memory that is not RAM, as devices meet it. */
export interface Mmio {
  /** Throws a MachineError if another component owns any of the range. */
  claim(range: Range, handler: MmioHandler): Claim;
}

export const Mmio = service<Mmio>('Mmio');
