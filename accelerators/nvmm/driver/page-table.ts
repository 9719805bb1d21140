/**
 * A machine's second-level page table in the host's physical memory: four levels of 512 entries of 8 bytes, as NPT (APM vol. 2,
 * section 15.25) and EPT (SDM vol. 3, section 29.3) share them; the entry bits are the format's.
 */
import { type HostMemory, pageSize } from '#core';

/** How one architecture writes an entry. Both results are the low 32 bits; the high bits hold only the address. */
export interface EntryFormat {
  /** A non-leaf entry. */
  readonly table: number;
  /** Leaf of 4 KiB; `prot` as Prot bits. */
  leaf(prot: number): number;
  /** Added to a 2 MiB leaf. */
  readonly large: number;
  /** High 32 bits of a leaf (no-execute). */
  leafHigh(prot: number): number;
}

export const largeSize = 0x20_0000;

export class PageTable {
  /** Tables that one more page may need. */
  static readonly deepest = 3;
  readonly root: number;
  readonly #pages: number[] = [];

  constructor(
    private readonly memory: HostMemory,
    private readonly format: EntryFormat,
  ) {
    this.root = this.#allocate();
  }

  /** Maps one page, large where `large` says so; addresses are multiples of the page's size. */
  enter(gpa: number, physical: number, prot: number, large: boolean): void {
    const { words } = this.memory;
    let table = this.root;
    for (let level = 3; level > (large ? 1 : 0); level--) {
      const at = this.#entry(table, gpa, level);
      if (words[at] === 0) {
        const child = this.#allocate();
        words[at + 1] = Math.floor(child / 2 ** 32);
        words[at] = child | this.format.table | 0;
      }
      table = words[at + 1] * 2 ** 32 + ((words[at] & 0xffff_f000) >>> 0);
    }
    const at = this.#entry(table, gpa, large ? 1 : 0);
    words[at + 1] = Math.floor(physical / 2 ** 32) | this.format.leafHigh(prot);
    words[at] = physical | this.format.leaf(prot) | (large ? this.format.large : 0) | 0;
  }

  /** Clears every leaf of a range. A large page is mapped only where all of it lies in one mapping, so none is cut. */
  remove(gpa: number, size: number): void {
    for (let at = gpa; at < gpa + size; ) at += this.#clear(at);
  }

  destroy(): void {
    for (const page of this.#pages) this.memory.free(page, 1);
    this.#pages.length = 0;
  }

  /** Returns the distance to the next page that may be mapped. */
  #clear(gpa: number): number {
    const { words } = this.memory;
    let table = this.root;
    for (let level = 3; level >= 0; level--) {
      const at = this.#entry(table, gpa, level);
      const span = pageSize * 512 ** level;
      if (words[at] === 0) return span - (gpa % span);
      const leaf = level === 0 || (level === 1 && (words[at] & this.format.large) !== 0);
      if (leaf) {
        words[at] = 0;
        words[at + 1] = 0;
        return span - (gpa % span);
      }
      table = words[at + 1] * 2 ** 32 + ((words[at] & 0xffff_f000) >>> 0);
    }
    return pageSize;
  }

  /** Index into `words` of the entry for `gpa`. */
  #entry(table: number, gpa: number, level: number): number {
    const index = Math.floor(gpa / (pageSize * 512 ** level)) & 511;
    return (this.memory.offset(table) >>> 2) + index * 2;
  }

  #allocate(): number {
    const page = this.memory.allocate(1);
    this.#pages.push(page);
    return page;
  }
}
