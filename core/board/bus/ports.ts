import { service } from '../framework/service.ts';
import type { Range } from '../memory/range-map.ts';
import type { Claim } from './claim.ts';

export type PortSize = 1 | 2 | 4;

/**
 * Answers accesses that lie wholly within its claim. Ports are absolute, values unsigned. What a handler does not define reads
 * as all ones and ignores writes. Nothing a guest writes may make it throw.
 */
export interface PortHandler {
  readonly name: string;
  read?(port: number, size: PortSize): number;
  write?(port: number, size: PortSize, value: number): void;
}

/** A device whose registers are bytes; the bus splits wider accesses, lowest port first, unless the width is defined too. */
export interface BytePortHandler {
  readonly name: string;
  read8?(port: number): number;
  write8?(port: number, value: number): void;
  read16?(port: number): number;
  write16?(port: number, value: number): void;
  read32?(port: number): number;
  write32?(port: number, value: number): void;
}

/**
 * With `only: 4`, a claim takes doubleword accesses at its base alone and leaves the bytes there to others: PCI's address
 * register at 0xcf8 lies over the reset register at 0xcf9.
 */
export interface PortRange extends Range {
  readonly only?: 4;
}

/** The I/O ports, as devices meet them. */
export interface Ports {
  /** A plain number claims one port. Throws a MachineError if another component owns any of the range. */
  claim(range: PortRange | number, handler: PortHandler | BytePortHandler): Claim;
}

export const Ports = service<Ports>('Ports');
