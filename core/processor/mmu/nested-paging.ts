/**
 * The second dimension of translation: guest-physical to physical, by tables of a hypervisor. One walk serves SVM and VMX; a format
 * (nested-formats.ts) says how entries read.
 */

import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { Access } from '../state/leave.ts';
import { EntryKind, type NestedFormat } from './nested-formats.ts';

export const NestedFaultKind = { absent: 0, malformed: 1, permission: 2 } as const;

export class NestedWalk {
  /** After `translate`: the physical page. */
  low = 0;
  high = 0;
  /** log2 of the page's size. */
  shift = 12;
  /** Permissions of the whole path. */
  permissions = 0;

  // After a fault: for EXITINFO1 and EXITINFO2, or the exit qualification.
  faultKind: number = NestedFaultKind.absent;
  faultLow = 0;
  faultHigh = 0;
  /** Access bits (read, write, execute). */
  faultAccess = 0;
  /** The fault came while guest page tables were read or updated, not at the final address. */
  faultInTable = false;
  /** The access was by a linear address: that of PDPTE registers is not. */
  faultLinear = true;

  readonly #entries = new Int32Array(4);

  constructor(
    private readonly physical: PhysicalMemory,
    readonly format: NestedFormat,
    readonly rootLow: number,
    readonly rootHigh: number,
    /** Whatever else two walks with one root may differ in (at most 12 bits): part of the translation context. */
    readonly attributes: number = 0,
  ) {}

  /** False: fault fields are set. `access` holds one of read, write, execute. */
  translate(low: number, high: number, access: number, inTable: boolean): boolean {
    const { physical, format } = this;
    const { entryBytes, shifts, ranked, top, rootMask, beyond } = format.geometry;
    const indexMask = entryBytes === 8 ? 0x1ff : 0x3ff;
    let needed = access & (Access.read | Access.write | Access.execute);
    if (inTable && format.tableReadsAreWrites) needed |= Access.write;
    let permissions = 7;
    let tableLow = this.rootLow & rootMask;
    let tableHigh = this.rootHigh & 0xf_ffff;
    if ((high & beyond) !== 0) return this.#fault(NestedFaultKind.absent, low, high, needed, inTable, 0);
    for (let level = top; ; level--) {
      const shift = shifts[level];
      const index = (shift >= 32 ? high >>> (shift - 32) : (low >>> shift) | (high << (32 - shift))) & indexMask;
      const page = physical.locate(tableLow & ~0xfff, tableHigh);
      if (page === 0) return this.#fault(NestedFaultKind.malformed, low, high, needed, inTable, permissions);
      const at = page + (tableLow & 0xfff) + index * entryBytes;
      const entryLow = physical.load32(at);
      const entryHigh = entryBytes === 8 ? physical.load32(at + 4) : 0;
      const kind = format.kind(entryLow, entryHigh, level);
      if (kind === EntryKind.absent) return this.#fault(NestedFaultKind.absent, low, high, needed, inTable, 0);
      if (kind === EntryKind.malformed)
        return this.#fault(NestedFaultKind.malformed, low, high, needed, inTable, permissions);
      if (level <= ranked) permissions &= format.permissions(entryLow, entryHigh);
      this.#entries[level - 1] = at;
      tableLow = entryLow & ~0xfff;
      tableHigh = entryHigh & 0xf_ffff;
      if (kind === EntryKind.table) continue;
      if ((permissions & needed) !== needed)
        return this.#fault(NestedFaultKind.permission, low, high, needed, inTable, permissions);
      this.shift = shift;
      const within = ((1 << shift) - 1) & ~0xfff;
      this.low = (tableLow & ~within) | (low & within);
      this.high = entryBytes === 8 || level === 1 ? tableHigh : (entryLow >>> 13) & 0xff;
      this.permissions = permissions;
      if (format.accessed !== 0) this.#mark(level, (needed & Access.write) !== 0);
      return true;
    }
  }

  #mark(leaf: number, written: boolean): void {
    const { physical, format } = this;
    for (let level = format.geometry.ranked; level >= leaf; level--) {
      const at = this.#entries[level - 1];
      const entry = physical.load32(at);
      const marked = entry | format.accessed | (written && level === leaf ? format.dirty : 0);
      if (marked === entry) continue;
      physical.store32(at, marked);
      if (physical.writeTouchesCode(at, 4)) physical.overwritten(at, 4);
    }
  }

  #fault(kind: number, low: number, high: number, access: number, inTable: boolean, permissions: number): boolean {
    this.faultKind = kind;
    this.faultLow = low;
    this.faultHigh = high;
    this.faultAccess = access;
    this.faultInTable = inTable;
    this.faultLinear = true;
    this.permissions = permissions;
    return false;
  }
}
