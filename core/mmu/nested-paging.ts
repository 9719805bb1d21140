/**
 * The second dimension of translation: guest-physical to physical, by tables of a hypervisor. One walk serves SVM's nested page
 * tables (APM vol. 2, section 15.25) and VMX's extended page tables (SDM vol. 3, section 30.3); a format says how entries read.
 */
import { Access } from '../cpu/leave.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';

/** Combined permissions, as EPT numbers them. */
export const Permission = { read: 1, write: 2, execute: 4 } as const;

export const EntryKind = { absent: 0, table: 1, page: 2, malformed: 3 } as const;

/** How the entries of one kind of nested table read. Levels: 4 PML4E … 1 PTE. */
export interface NestedFormat {
  readonly name: 'npt' | 'ept';
  kind(low: number, high: number, level: number): number;
  /** Permission bits of a present entry. */
  permissions(low: number, high: number): number;
  /** Bits of the low word that are set when an entry is used, or 0; and additionally when the page is written. */
  readonly accessed: number;
  readonly dirty: number;
  /** Guest page-table reads by the processor count as writes. */
  readonly tableReadsAreWrites: boolean;
  readonly plain: PlainEntries;
}

/** Entries that generated code may use without asking: fewer than `kind` and `permissions` admit, and marked already. */
export interface PlainEntries {
  /** Bits that all entries of a path have. */
  readonly read: number;
  readonly write: number;
  readonly execute: number;
  /** Bits of the low word that are clear where an entry names a table, a 2 MiB page, a 1 GiB page. */
  readonly tableReserved: number;
  readonly largeReserved: number;
  readonly hugeReserved: number;
  /** These bits of a page's entry have this value. */
  readonly leafMask: number;
  readonly leafValue: number;
  /** High words: bits that no entry has, and none on the way to code. */
  readonly reserved: number;
  readonly reservedCode: number;
}

export interface NptOptions {
  /** EFER.NXE of the host. */
  readonly noExecute: boolean;
  readonly physicalBits: number;
  readonly hugePages: boolean;
}

/** The format of 4-level long-mode tables. Everything is a user access. */
export function nptFormat({ noExecute, physicalBits, hugePages }: NptOptions): NestedFormat {
  const reservedHigh = reservedHighBits(physicalBits, 52) | (noExecute ? 0 : 1 << 31);
  return {
    name: 'npt',
    kind(low, high, level) {
      if ((low & 1) === 0) return EntryKind.absent;
      if ((high & reservedHigh) !== 0) return EntryKind.malformed;
      if (level === 1) return EntryKind.page;
      if ((low & 0x80) === 0) return EntryKind.table;
      if (level === 4 || (level === 3 && !hugePages)) return EntryKind.malformed;
      return (low & (level === 2 ? 0x1f_e000 : 0x3fff_e000)) === 0 ? EntryKind.page : EntryKind.malformed;
    },
    permissions(low, high) {
      if ((low & 4) === 0) return 0;
      return Permission.read | (low & 2) | (noExecute && high < 0 ? 0 : Permission.execute);
    },
    accessed: 0x20,
    dirty: 0x40,
    tableReadsAreWrites: true,
    plain: {
      read: 0x25,
      write: 0x27,
      execute: 0x25,
      tableReserved: 0,
      largeReserved: 0x1f_e000,
      hugeReserved: hugePages ? 0x3fff_e000 : -1,
      leafMask: 0,
      leafValue: 0,
      reserved: reservedHigh,
      reservedCode: reservedHigh | (1 << 31),
    },
  };
}

export interface EptOptions {
  /** EPTP bit 6. */
  readonly accessedDirty: boolean;
  readonly physicalBits: number;
  readonly executeOnly: boolean;
  readonly hugePages: boolean;
}

export function eptFormat({ accessedDirty, physicalBits, executeOnly, hugePages }: EptOptions): NestedFormat {
  const reservedHigh = reservedHighBits(physicalBits, 52);
  return {
    name: 'ept',
    kind(low, high, level) {
      const permissions = low & 7;
      if (permissions === 0) return EntryKind.absent;
      if (permissions === 2 || permissions === 6 || (permissions === 4 && !executeOnly)) return EntryKind.malformed;
      if ((high & reservedHigh) !== 0) return EntryKind.malformed;
      const leaf = level === 1 || (low & 0x80) !== 0;
      if (!leaf) return (low & 0x78) === 0 ? EntryKind.table : EntryKind.malformed;
      if (level === 4 || (level === 3 && !hugePages)) return EntryKind.malformed;
      if (level === 3 && (low & 0x3fff_f000) !== 0) return EntryKind.malformed;
      if (level === 2 && (low & 0x1f_f000) !== 0) return EntryKind.malformed;
      const type = (low >>> 3) & 7;
      return type === 2 || type === 3 || type === 7 ? EntryKind.malformed : EntryKind.page;
    },
    permissions: low => low & 7,
    accessed: accessedDirty ? 0x100 : 0,
    dirty: accessedDirty ? 0x200 : 0,
    tableReadsAreWrites: accessedDirty,
    plain: {
      read: accessedDirty ? 0x101 : 1,
      write: accessedDirty ? 0x103 : 3,
      execute: accessedDirty ? 0x105 : 5,
      tableReserved: 0x78,
      largeReserved: 0x1f_f000,
      hugeReserved: hugePages ? 0x3fff_f000 : -1,
      // Write-back memory.
      leafMask: 0x38,
      leafValue: 0x30,
      reserved: reservedHigh,
      reservedCode: reservedHigh,
    },
  };
}

/** Bits of an entry's high word from the physical width up to bit `top`. */
export const reservedHighBits = (physicalBits: number, top: number): number =>
  physicalBits >= top ? 0 : ((2 ** (top - 32) - 1) & ~(2 ** (physicalBits - 32) - 1)) | 0;

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
    let needed = access & (Access.read | Access.write | Access.execute);
    if (inTable && format.tableReadsAreWrites) needed |= Access.write;
    let permissions = 7;
    let tableLow = this.rootLow & ~0xfff;
    let tableHigh = this.rootHigh & 0xf_ffff;
    if (high >>> 16 !== 0) return this.#fault(NestedFaultKind.absent, low, high, needed, inTable, 0);
    for (let level = 4; ; level--) {
      const index =
        level === 4
          ? (high >>> 7) & 0x1ff
          : level === 3
            ? ((high << 2) | (low >>> 30)) & 0x1ff
            : level === 2
              ? (low >>> 21) & 0x1ff
              : (low >>> 12) & 0x1ff;
      const page = physical.locate(tableLow, tableHigh);
      if (page === 0) return this.#fault(NestedFaultKind.malformed, low, high, needed, inTable, permissions);
      const at = page + index * 8;
      const entryLow = physical.load32(at);
      const entryHigh = physical.load32(at + 4);
      const kind = format.kind(entryLow, entryHigh, level);
      if (kind === EntryKind.absent) return this.#fault(NestedFaultKind.absent, low, high, needed, inTable, 0);
      if (kind === EntryKind.malformed)
        return this.#fault(NestedFaultKind.malformed, low, high, needed, inTable, permissions);
      permissions &= format.permissions(entryLow, entryHigh);
      this.#entries[level - 1] = at;
      tableLow = entryLow & ~0xfff;
      tableHigh = entryHigh & 0xf_ffff;
      if (kind === EntryKind.table) continue;
      if ((permissions & needed) !== needed)
        return this.#fault(NestedFaultKind.permission, low, high, needed, inTable, permissions);
      this.shift = 3 + 9 * level;
      const within = level === 3 ? 0x3fff_f000 : level === 2 ? 0x1f_f000 : 0;
      this.low = (tableLow & ~within) | (low & within);
      this.high = tableHigh;
      this.permissions = permissions;
      if (format.accessed !== 0) this.#mark(level, (needed & Access.write) !== 0);
      return true;
    }
  }

  #mark(leaf: number, written: boolean): void {
    const { physical, format } = this;
    for (let level = 4; level >= leaf; level--) {
      const at = this.#entries[level - 1];
      const entry = physical.load32(at);
      const marked = entry | format.accessed | (written && level === leaf ? format.dirty : 0);
      if (marked !== entry) physical.store32(at, marked);
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
