import { service } from '../framework/service.ts';

/**
 * Guest RAM as devices and loaders see it: a view that cannot leave it. Scalars outside RAM read as all ones, writes there are
 * dropped; both are counted in `strays`. Little-endian, any alignment.
 */
export interface GuestMemory {
  /** Bytes of RAM, in all regions. */
  readonly size: number;
  readonly regions: readonly { readonly base: number; readonly size: number }[];
  readonly strays: number;

  contains(address: number, length: number): boolean;

  read8(address: number): number;
  read16(address: number): number;
  read32(address: number): number;
  read64(address: number): bigint;
  write8(address: number, value: number): void;
  write16(address: number, value: number): void;
  write32(address: number, value: number): void;
  write64(address: number, value: bigint): void;

  /** Each answers false, having done nothing, if any byte is outside RAM. */
  read(address: number, into: Uint8Array): boolean;
  write(address: number, from: Uint8Array): boolean;
  fill(address: number, length: number, byte: number): boolean;
}

export const GuestMemory = service<GuestMemory>('GuestMemory');
