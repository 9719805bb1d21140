/**
 * The page walk of the processor: no paging, 32-bit, PAE and 4-level paging with their permissions, accessed and dirty bits and
 * error codes (SDM vol. 3, chapter 4), over physical or guest-physical memory.
 */

import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { state as layout } from '../state/layout.ts';
import { Access } from '../state/leave.ts';
import { Cr0, Cr4, Efer, Flag } from '../state/registers.ts';
import type { StateBlock } from '../state/state-block.ts';
import { reservedHighBits } from './nested-formats.ts';
import type { NestedWalk } from './nested-paging.ts';
import { PageFault, PagingMode, Walk } from './paging-codes.ts';

export { PageFault, PagingMode, Walk };

const nowhere = -1;

export class Paging {
  mode: number = PagingMode.none;
  /** Second dimension, in a guest with nested paging. */
  nested: NestedWalk | undefined = undefined;
  /** The common part of finding a guest's table behind a second dimension, as generated code (core/processor/mmu/fast-walk.ts); 0: unknown. */
  quickTable: (block: number, low: number, high: number) => number = () => 0;
  /** Outside of guests linear addresses are physical ones, whatever CR0.PG says: a host whose page tables are not modelled. */
  direct = false;
  /** PAE outside of nested NPT: the four entries that MOV CR3 loaded, low and high words. */
  readonly pdptes = new Int32Array(8);

  // Result of a walk: the physical page (4 KiB-aligned), and log2 of the size of the guest's page.
  low = 0;
  high = 0;
  shift = 12;
  /** Guest-physical page, the same as above without a second dimension. */
  guestLow = 0;
  guestHigh = 0;
  /** After a page fault. */
  error = 0;
  /** After Walk.nestedFault: 0, or the Access bit that guarded memory (`PhysicalRegion`) did not grant the walk itself, and where. */
  refused = 0;
  refusedLow = 0;
  refusedHigh = 0;

  #writeProtect = false;
  #smep = false;
  #smap = false;
  #noExecute = false;
  #pse = false;
  #rootLow = 0;
  #rootHigh = 0;
  readonly #reservedLong: number;
  readonly #reservedPae: number;
  readonly #physicalBits: number;
  readonly #entries = new Int32Array(4);
  readonly #entryLow = new Int32Array(4);
  readonly #entryHigh = new Int32Array(4);
  readonly #candidates = new Int32Array(8);

  constructor(
    private readonly state: StateBlock,
    private readonly physical: PhysicalMemory,
    physicalBits: number,
    private readonly hugePages: boolean,
  ) {
    this.#physicalBits = physicalBits;
    this.#reservedLong = reservedHighBits(physicalBits, 52);
    this.#reservedPae = reservedHighBits(physicalBits, 63);
  }

  /** Takes over what control registers say. */
  refresh(): void {
    const { state } = this;
    const { cr0, cr4, efer } = state;
    this.mode =
      (cr0 & Cr0.pg) === 0 || (this.direct && state.guest === 0)
        ? PagingMode.none
        : (cr4 & Cr4.pae) === 0
          ? PagingMode.bits32
          : (efer & Efer.lma) === 0
            ? PagingMode.pae
            : PagingMode.long;
    this.#writeProtect = (cr0 & Cr0.wp) !== 0;
    this.#smep = (cr4 & Cr4.smep) !== 0;
    this.#smap = (cr4 & Cr4.smap) !== 0;
    this.#noExecute = (efer & Efer.nxe) !== 0;
    this.#pse = (cr4 & Cr4.pse) !== 0;
    this.#rootLow = state.low(layout.cr3.offset);
    this.#rootHigh = this.mode === PagingMode.long ? state.high(layout.cr3.offset) & 0xf_ffff : 0;
  }

  /** The control bits that decide what a translation may do, for the translation context. */
  get rules(): number {
    return (
      this.mode |
      (this.#writeProtect ? 4 : 0) |
      (this.#smep ? 8 : 0) |
      (this.#smap ? 16 : 0) |
      (this.#noExecute ? 32 : 0) |
      (this.#pse ? 64 : 0)
    );
  }

  get writeProtect(): boolean {
    return this.#writeProtect;
  }
  /** Reserved bits of 4-level entries: upper words, and lower words of what would be 1 GiB pages; PAT too, which generated walks leave out. */
  get reservedLong(): number {
    return this.#reservedLong | (this.#noExecute ? 0 : 1 << 31);
  }
  get hugeReserved(): number {
    return this.hugePages ? 0x3fff_f000 : -1;
  }
  get smep(): boolean {
    return this.#smep;
  }
  get smap(): boolean {
    return this.#smap;
  }

  /** Access: one of read, write, execute; with `user` and `implicit` where they apply. */
  walk(low: number, high: number, access: number): number {
    this.refused = 0;
    switch (this.mode) {
      case PagingMode.none:
        return this.#final(low & ~0xfff, high, access, 12);
      case PagingMode.bits32:
        return this.#walk32(low, access);
      default:
        return this.#walkLong(low, high, access);
    }
  }

  /**
   * Reads the four PDPTEs at CR3 as MOV CR3 does; under nested NPT there are none to be loaded. Walk.pageFault: a reserved bit is set
   * (#GP); nothing has changed then. Without `guards` it is no access of the processor's, and nothing refuses it.
   */
  loadPdptes(guards = true): number {
    const loaded = this.#candidates;
    const { nested } = this;
    this.refused = 0;
    if (nested?.format.name === 'npt') return Walk.done;
    const root = this.state.low(layout.cr3.offset) & ~0x1f;
    for (let index = 0; index < 4; index++) {
      const at = this.#locate(root + index * 8, 0, false, guards);
      if (at === nowhere) {
        if (nested) nested.faultLinear = false;
        return Walk.nestedFault;
      }
      const low = at === 0 ? -1 : this.physical.load32(at);
      const high = at === 0 ? -1 : this.physical.load32(at + 4);
      if ((low & 1) !== 0 && ((low & 0x1e6) !== 0 || (high & this.#reservedPae) !== 0 || high < 0))
        return Walk.pageFault;
      loaded[index * 2] = low;
      loaded[index * 2 + 1] = high;
    }
    this.pdptes.set(loaded);
    return Walk.done;
  }

  /** Where an entry of a guest table lies in linear memory: 0 if there is no memory, `nowhere` after a nested fault or a refusal. */
  #locate(low: number, high: number, write: boolean, guards = true): number {
    const { nested, physical } = this;
    if (nested === undefined) {
      const access = write ? Access.write : Access.read;
      if (guards && physical.guards(low, high, access)) {
        this.refused = access;
        this.refusedLow = low;
        this.refusedHigh = high;
        return nowhere;
      }
      const page = physical.locate(low, high);
      return page === 0 ? 0 : page + (low & 0xfff);
    }
    const quick = write ? 0 : this.quickTable(this.state.base, low, high);
    if (quick !== 0) return quick + (low & 0xfff);
    if (!nested.translate(low, high, write ? Access.write : Access.read, true)) return nowhere;
    const page = physical.locate(nested.low, nested.high);
    return page === 0 ? 0 : page + (low & 0xfff);
  }

  #walk32(low: number, access: number): number {
    const { physical } = this;
    const directoryAt = (this.#rootLow & ~0xfff) | ((low >>> 22) << 2);
    const directory = this.#locate(directoryAt, 0, false);
    if (directory === nowhere) return Walk.nestedFault;
    const pde = directory === 0 ? -1 : physical.load32(directory);
    if ((pde & 1) === 0) return this.#fault(access, 0);
    this.#step(2, directory, directoryAt, 0);
    const large = (pde & 0x80) !== 0 && this.#pse;
    let entry = pde;
    if (large) {
      // PSE-36: bits 20:13 are physical address bits 39:32, as far as the processor has them; bit 21 is reserved.
      const reserved = (1 << 21) | (0x1f_e000 & ~((2 ** Math.min(this.#physicalBits - 32, 8) - 1) << 13));
      if ((pde & reserved) !== 0) return this.#fault(access, PageFault.present | PageFault.reserved);
    } else {
      const tableAt = (pde & ~0xfff) | (((low >>> 12) & 0x3ff) << 2);
      const table = this.#locate(tableAt, 0, false);
      if (table === nowhere) return Walk.nestedFault;
      entry = table === 0 ? -1 : physical.load32(table);
      if ((entry & 1) === 0) return this.#fault(access, 0);
      this.#step(1, table, tableAt, 0);
    }
    const error = this.#permission(access, entry & pde & 2, entry & pde & 4, false);
    if (error !== 0) return this.#fault(access, error);
    const written = (access & Access.write) !== 0 ? 0x60 : 0x20;
    let status = this.#mark(2, large ? written : 0x20);
    if (status === Walk.done && !large) status = this.#mark(1, written);
    if (status !== Walk.done) return status;
    return large
      ? this.#final((pde & 0xffc0_0000) | (low & 0x3f_f000), (pde >>> 13) & 0xff, access, 22)
      : this.#final(entry & ~0xfff, 0, access, 12);
  }

  #walkLong(low: number, high: number, access: number): number {
    const { physical } = this;
    const long = this.mode === PagingMode.long;
    const reservedHigh =
      (long ? this.#reservedLong : this.#reservedPae & 0x7fff_ffff) | (this.#noExecute ? 0 : 1 << 31);
    let writable = 2;
    let user = 4;
    let noExecute = false;
    let tableLow: number;
    let tableHigh: number;
    let level: number;
    if (long) {
      level = 4;
      tableLow = this.#rootLow & ~0xfff;
      tableHigh = this.#rootHigh;
    } else {
      // The PDPTE registers; with SVM's nested paging the entries are read from memory, as other entries are.
      level = 2;
      const index = low >>> 30;
      let entryLow = this.pdptes[index * 2];
      let entryHigh = this.pdptes[index * 2 + 1];
      if (this.nested !== undefined && this.nested.format.name === 'npt') {
        const at = this.#locate((this.#rootLow & ~0x1f) | (index << 3), 0, false);
        if (at === nowhere) return Walk.nestedFault;
        entryLow = at === 0 ? -1 : physical.load32(at);
        entryHigh = at === 0 ? -1 : physical.load32(at + 4);
      }
      if ((entryLow & 1) === 0) return this.#fault(access, 0);
      if ((entryLow & 0x1e6) !== 0 || (entryHigh & this.#reservedPae) !== 0 || entryHigh < 0)
        return this.#fault(access, PageFault.present | PageFault.reserved);
      tableLow = entryLow & ~0xfff;
      tableHigh = entryHigh & 0xf_ffff;
    }
    const top = level;
    for (; ; level--) {
      const index =
        level === 4
          ? (high >>> 7) & 0x1ff
          : level === 3
            ? ((high << 2) | (low >>> 30)) & 0x1ff
            : level === 2
              ? (low >>> 21) & 0x1ff
              : (low >>> 12) & 0x1ff;
      const entryAt = tableLow | (index << 3);
      const at = this.#locate(entryAt, tableHigh, false);
      if (at === nowhere) return Walk.nestedFault;
      const entryLow = at === 0 ? -1 : physical.load32(at);
      const entryHigh = at === 0 ? -1 : physical.load32(at + 4);
      if ((entryLow & 1) === 0) return this.#fault(access, 0);
      if ((entryHigh & reservedHigh) !== 0) return this.#fault(access, PageFault.present | PageFault.reserved);
      const leaf = level === 1 || (entryLow & 0x80) !== 0;
      if (leaf && level > 1) {
        const reserved = level === 4 || (level === 3 && !this.hugePages) ? -1 : level === 3 ? 0x3fff_e000 : 0x1f_e000;
        if ((entryLow & reserved) !== 0) return this.#fault(access, PageFault.present | PageFault.reserved);
      }
      writable &= entryLow;
      user &= entryLow;
      if (entryHigh < 0) noExecute = true;
      this.#step(level, at, entryAt, tableHigh);
      tableLow = entryLow & ~0xfff;
      tableHigh = entryHigh & 0xf_ffff;
      if (!leaf) continue;
      const error = this.#permission(access, writable, user, noExecute);
      if (error !== 0) return this.#fault(access, error);
      for (let marking = top; marking >= level; marking--) {
        const status = this.#mark(marking, marking === level && (access & Access.write) !== 0 ? 0x60 : 0x20);
        if (status !== Walk.done) return status;
      }
      const within = level === 3 ? 0x3fff_f000 : level === 2 ? 0x1f_f000 : 0;
      return this.#final((tableLow & ~within) | (low & within), tableHigh, access, 3 + 9 * level);
    }
  }

  /** Remembers an entry on the way: where it is in linear memory, and its guest-physical address. */
  #step(level: number, at: number, low: number, high: number): void {
    this.#entries[level - 1] = at;
    this.#entryLow[level - 1] = low;
    this.#entryHigh[level - 1] = high;
  }

  #mark(level: number, bits: number): number {
    const at = this.#entries[level - 1];
    if (at === 0) return Walk.done;
    const entry = this.physical.load32(at);
    if ((entry & bits) === bits) return Walk.done;
    const { nested, physical } = this;
    const asks = nested !== undefined || physical.hasGuards;
    if (asks && this.#locate(this.#entryLow[level - 1], this.#entryHigh[level - 1], true) === nowhere)
      return Walk.nestedFault;
    this.#store(at, entry | bits);
    return Walk.done;
  }

  /** Table pages may hold decoded code too (data and code share a page in small guests). */
  #store(at: number, value: number): void {
    const { physical } = this;
    physical.store32(at, value);
    if (physical.writeTouchesCode(at, 4)) physical.overwritten(at, 4);
  }

  /** 0, or the error code of the page fault without W/R, U/S and I/D. */
  #permission(access: number, writable: number, user: number, noExecute: boolean): number {
    if ((access & Access.user) !== 0) {
      if (user === 0) return PageFault.present;
      if ((access & Access.write) !== 0 && writable === 0) return PageFault.present;
    } else {
      if ((access & Access.write) !== 0 && writable === 0 && this.#writeProtect) return PageFault.present;
      if (user !== 0) {
        if ((access & Access.execute) !== 0) {
          if (this.#smep) return PageFault.present;
        } else if (this.#smap && ((access & Access.implicit) !== 0 || (this.state.systemFlags & Flag.ac) === 0))
          return PageFault.present;
      }
    }
    return (access & Access.execute) !== 0 && noExecute ? PageFault.present : 0;
  }

  #fault(access: number, error: number): number {
    const fetchReported = this.#smep || (this.#noExecute && this.mode !== PagingMode.bits32);
    this.error =
      error |
      ((access & Access.write) !== 0 ? PageFault.write : 0) |
      ((access & Access.user) !== 0 ? PageFault.user : 0) |
      ((access & Access.execute) !== 0 && fetchReported ? PageFault.fetch : 0);
    return Walk.pageFault;
  }

  #final(low: number, high: number, access: number, shift: number): number {
    this.guestLow = low;
    this.guestHigh = high;
    this.shift = shift;
    const { nested } = this;
    if (nested === undefined) {
      this.low = low;
      this.high = high;
      return Walk.done;
    }
    if (!nested.translate(low, high, access & (Access.read | Access.write | Access.execute), false))
      return Walk.nestedFault;
    this.low = nested.low;
    this.high = nested.high;
    return Walk.done;
  }
}
