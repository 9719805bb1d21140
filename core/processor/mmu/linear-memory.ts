/**
 * Memory by linear address, as helpers use it. A CPU's Mmu implements it over page tables and TLBs; a detached CPU (one instruction of
 * an assist) over whatever it likes. Accesses that cannot be done throw the implementation's GuestFault, having done nothing.
 *
 * `access` is 0 for an access of the program at its privilege, or Access.implicit for one that the processor makes for itself (as
 * a supervisor); `stackAccess` may be added: a non-canonical address is #SS then.
 */
export interface LinearMemory {
  read8(low: number, high: number, access: number): number;
  read16(low: number, high: number, access: number): number;
  /** Signed. */
  read32(low: number, high: number, access: number): number;
  /** The low half; the high half is `upper` until the next access. */
  read64(low: number, high: number, access: number): number;
  readonly upper: number;
  write8(low: number, high: number, access: number, value: number): void;
  write16(low: number, high: number, access: number, value: number): void;
  write32(low: number, high: number, access: number, value: number): void;
  write64(low: number, high: number, access: number, valueLow: number, valueHigh: number): void;
  /** Faults unless these bytes (at most a page) can be read, or written. */
  probeRead(low: number, high: number, size: number, access: number): void;
  probeWrite(low: number, high: number, size: number, access: number): void;
}

export const stackAccess = 0x20;
