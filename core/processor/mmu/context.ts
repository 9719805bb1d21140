/**
 * Translation contexts: everything that a translation depends on, apart from privilege, gets a block of four consecutive numbers,
 * which the tags of the TLBs carry. To flush an address space is to forget its block.
 */

/** Which of a block's four contexts. Alignment checks need every access to take the slow path: no data entry is made for it. */
export const Variant = { supervisor: 0, supervisorUserOpen: 1, user: 2, userAligned: 3 } as const;

const rowWords = 8;
const slots = 2048;
/** The last block belongs to the empty tag. */
const blocks = 1023;

/** Words of a key: rules (paging mode, CR0.WP …, decode mode), CR3 low and high, space (ASID, VPID and who), nested root low and high. */
export class ContextTable {
  readonly #rows = new Int32Array(blocks * rowWords);
  readonly #slots = new Int16Array(slots).fill(-1);
  #used = 0;

  /** The first number of the block for a key; -1 when there are no more: then the TLBs must be emptied, and `clear` called. */
  find(rules: number, rootLow: number, rootHigh: number, space: number, nestedLow: number, nestedHigh: number): number {
    const rows = this.#rows;
    let hash = Math.imul(rules, 0x9e37_79b1) ^ Math.imul(rootLow, 0x85eb_ca6b) ^ Math.imul(rootHigh, 0xc2b2_ae35);
    hash ^= Math.imul(space, 0x27d4_eb2f) ^ Math.imul(nestedLow, 0x1656_67b1) ^ nestedHigh;
    hash ^= hash >>> 15;
    let slot = hash & (slots - 1);
    for (;;) {
      const block = this.#slots[slot];
      if (block < 0) break;
      const row = block * rowWords;
      if (
        rows[row] === rules &&
        rows[row + 1] === rootLow &&
        rows[row + 2] === rootHigh &&
        rows[row + 3] === space &&
        rows[row + 4] === nestedLow &&
        rows[row + 5] === nestedHigh
      )
        return block * 4;
      slot = (slot + 1) & (slots - 1);
    }
    if (this.#used === blocks) return -1;
    const block = this.#used++;
    this.#slots[slot] = block;
    const row = block * rowWords;
    rows[row] = rules;
    rows[row + 1] = rootLow;
    rows[row + 2] = rootHigh;
    rows[row + 3] = space;
    rows[row + 4] = nestedLow;
    rows[row + 5] = nestedHigh;
    return block * 4;
  }

  /** Forgets one address space: CR3 (its root and PCID, without bit 63) of a space. */
  forgetRoot(rootLow: number, rootHigh: number, space: number): void {
    const rows = this.#rows;
    const end = this.#used * rowWords;
    for (let row = 0; row < end; row += rowWords) {
      if (rows[row + 1] === rootLow && rows[row + 2] === rootHigh && rows[row + 3] === space) rows[row] = -1;
    }
  }

  /** Forgets all address spaces with a PCID. */
  forgetProcessContext(identifier: number, space: number): void {
    const rows = this.#rows;
    const end = this.#used * rowWords;
    for (let row = 0; row < end; row += rowWords) {
      if ((rows[row + 1] & 0xfff) === identifier && rows[row + 3] === space) rows[row] = -1;
    }
  }

  forgetSpace(space: number): void {
    const rows = this.#rows;
    const end = this.#used * rowWords;
    for (let row = 0; row < end; row += rowWords) if (rows[row + 3] === space) rows[row] = -1;
  }

  /** Forgets all that was translated through a nested root, whatever its attribute bits (11:0). */
  forgetNested(rootLow: number, rootHigh: number): void {
    const rows = this.#rows;
    const end = this.#used * rowWords;
    for (let row = 0; row < end; row += rowWords) {
      if ((rows[row + 4] & ~0xfff) === (rootLow & ~0xfff) && rows[row + 5] === rootHigh) rows[row] = -1;
    }
  }

  clear(): void {
    this.#slots.fill(-1);
    this.#used = 0;
  }
}
