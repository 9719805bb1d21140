/**
 * The three translation look-aside buffers of a CPU (read, write, fetch), which generated code reads: direct mapped, entries of
 * 16 bytes {tag u64, addend i32, aux u32}. A tag is a linear page address with the context in its low twelve bits.
 */
import { tlb } from '../state/layout.ts';
import type { StateBlock } from '../state/state-block.ts';

const tables = [tlb.read, tlb.write, tlb.fetch].map(offset => offset >> 2);
const entryWords = 4;
const indexMask = tlb.entries - 1;

/** Marks of how large the pages were that entries were made from. */
const large = 1;
const huge = 2;

export class Tlb {
  readonly #words: Int32Array;
  /** By 2 MiB region, hashed: entries were made from a 2 MiB page there. */
  readonly #large: Uint8Array;
  /** By 1 GiB region, hashed: from a 4 MiB or 1 GiB page. */
  readonly #huge: Uint8Array;

  constructor(state: StateBlock) {
    this.#words = state.i32;
    this.#large = state.u8.subarray(tlb.large, tlb.large + 4096);
    this.#huge = state.u8.subarray(tlb.huge, tlb.huge + 256);
    this.clear();
  }

  /** Address in linear memory through a table (tlb.read …), or 0. */
  lookup(table: number, low: number, high: number, context: number): number {
    const words = this.#words;
    const entry = (table >> 2) + ((low >>> 12) & indexMask) * entryWords;
    return words[entry] === ((low & ~0xfff) | context) && words[entry + 1] === high ? (low + words[entry + 2]) | 0 : 0;
  }

  fill(table: number, low: number, high: number, context: number, page: number, auxiliary: number): void {
    const words = this.#words;
    const entry = (table >> 2) + ((low >>> 12) & indexMask) * entryWords;
    words[entry] = (low & ~0xfff) | context;
    words[entry + 1] = high;
    words[entry + 2] = page - (low & ~0xfff);
    words[entry + 3] = auxiliary;
  }

  /** Entries may have been made from a page of 2^shift bytes around this address. */
  notePageSize(low: number, high: number, shift: number): void {
    if (shift === 21) this.#large[regionOf(low, high)] = large;
    else if (shift > 21) this.#huge[hugeRegionOf(low, high)] = huge;
  }

  /** Drops every entry that translates an address, in all contexts. */
  invalidate(low: number, high: number): void {
    if (this.#huge[hugeRegionOf(low, high)] !== 0) {
      this.clear();
      return;
    }
    if (this.#large[regionOf(low, high)] !== 0) this.#invalidateRegion(low, high);
    const words = this.#words;
    const index = ((low >>> 12) & indexMask) * entryWords;
    for (const table of tables) {
      const entry = table + index;
      if (((words[entry] ^ low) & ~0xfff) === 0 && words[entry + 1] === high) this.#drop(entry);
    }
  }

  #invalidateRegion(low: number, high: number): void {
    const words = this.#words;
    const first = ((low >>> 12) & indexMask & ~511) * entryWords;
    for (const table of tables) {
      const end = table + first + 512 * entryWords;
      for (let entry = table + first; entry < end; entry += entryWords) {
        if ((words[entry] ^ low) >>> 21 === 0 && words[entry + 1] === high) this.#drop(entry);
      }
    }
  }

  /** Drops write entries that lead to a page of linear memory. */
  protect(page: number): void {
    const words = this.#words;
    const start = tlb.write >> 2;
    const end = start + tlb.entries * entryWords;
    for (let entry = start; entry < end; entry += entryWords) {
      if ((((words[entry] & ~0xfff) + words[entry + 2]) | 0) === page) this.#drop(entry);
    }
  }

  /** Drops fetch entries whose `aux` satisfies: used when decoded pages are freed. */
  dropFetches(auxiliary: number): void {
    const words = this.#words;
    const start = tlb.fetch >> 2;
    const end = start + tlb.entries * entryWords;
    for (let entry = start; entry < end; entry += entryWords) if (words[entry + 3] === auxiliary) this.#drop(entry);
  }

  clearFetches(): void {
    const start = tlb.fetch >> 2;
    this.#words.fill(-1, start, start + tlb.entries * entryWords);
  }

  clear(): void {
    for (const table of tables) this.#words.fill(-1, table, table + tlb.entries * entryWords);
    this.#large.fill(0);
    this.#huge.fill(0);
  }

  #drop(entry: number): void {
    this.#words[entry] = -1;
    this.#words[entry + 1] = -1;
  }
}

const regionOf = (low: number, high: number): number => ((low >>> 21) ^ (high << 11)) & 4095;
const hugeRegionOf = (low: number, high: number): number => ((low >>> 30) ^ (high << 2)) & 255;
