/**
 * How entries of nested tables read: SVM's nested page tables (APM vol. 2, section 15.25) and VMX's extended page tables (SDM vol. 3,
 * section 30.3).
 */
/** Combined permissions, as EPT numbers them. */
export const Permission = { read: 1, write: 2, execute: 4 } as const;

export const EntryKind = { absent: 0, table: 1, page: 2, malformed: 3 } as const;

/** How many tables there are to an address, and how wide. */
export interface Geometry {
  /** Level of the top table: 4 PML4E, 3 PDPTE, 2 PDE, 1 PTE. */
  readonly top: number;
  /** The highest level whose entries have rights and an accessed bit. */
  readonly ranked: number;
  readonly entryBytes: 4 | 8;
  /** log2 of what an entry of each level covers. */
  readonly shifts: readonly number[];
  /** Alignment of the top table. */
  readonly rootMask: number;
  /** Bits of the high word of an address that cannot be translated. */
  readonly beyond: number;
}

const longShifts = [0, 12, 21, 30, 39];
const fourLevels: Geometry = {
  top: 4,
  ranked: 4,
  entryBytes: 8,
  shifts: longShifts,
  rootMask: ~0xfff,
  beyond: ~0xffff,
};
/** PAE: four entries without rights, then two levels. */
const threeLevels: Geometry = {
  top: 3,
  ranked: 2,
  entryBytes: 8,
  shifts: longShifts,
  rootMask: ~0x1f,
  beyond: -1,
};
const twoLevels: Geometry = {
  top: 2,
  ranked: 2,
  entryBytes: 4,
  shifts: [0, 12, 22],
  rootMask: ~0xfff,
  beyond: -1,
};

/** How the entries of one kind of nested table read. */
export interface NestedFormat {
  readonly name: 'npt' | 'ept';
  readonly geometry: Geometry;
  kind(low: number, high: number, level: number): number;
  /** Permission bits of a present entry. */
  permissions(low: number, high: number): number;
  /** Bits of the low word that are set when an entry is used, or 0; and additionally when the page is written. */
  readonly accessed: number;
  readonly dirty: number;
  /** Guest page-table reads by the processor count as writes. */
  readonly tableReadsAreWrites: boolean;
  /** There are none: TypeScript walks. */
  readonly plain?: PlainEntries;
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
  /** `long` by default. */
  readonly paging?: HostPaging;
  /** EFER.NXE of the host. */
  readonly noExecute: boolean;
  readonly physicalBits: number;
  /** Of 1 GiB. */
  readonly hugePages: boolean;
  /** Of 4 MiB, in legacy paging: CR4.PSE of the host. */
  readonly largePages?: boolean;
}

/** How a host pages, which is how its nested tables are built (APM vol. 2, section 15.25.3). */
export type HostPaging = 'long' | 'pae' | 'legacy';

/** Everything is a user access. */
export const nptFormat = (options: NptOptions): NestedFormat => nptFormats[options.paging ?? 'long'](options);

const nptCommon = { name: 'npt', accessed: 0x20, dirty: 0x40, tableReadsAreWrites: true } as const;

/** Of entries of 64 bits. */
const nptPermissions = (noExecute: boolean) => (low: number, high: number) => {
  if ((low & 4) === 0) return 0;
  return Permission.read | (low & 2) | (noExecute && high < 0 ? 0 : Permission.execute);
};

function longNpt({ noExecute, physicalBits, hugePages }: NptOptions): NestedFormat {
  const reservedHigh = reservedHighBits(physicalBits, 52) | (noExecute ? 0 : 1 << 31);
  return {
    ...nptCommon,
    geometry: fourLevels,
    kind(low, high, level) {
      if ((low & 1) === 0) return EntryKind.absent;
      if ((high & reservedHigh) !== 0) return EntryKind.malformed;
      if (level === 1) return EntryKind.page;
      if ((low & 0x80) === 0) return EntryKind.table;
      if (level === 4 || (level === 3 && !hugePages)) return EntryKind.malformed;
      return (low & (level === 2 ? 0x1f_e000 : 0x3fff_e000)) === 0 ? EntryKind.page : EntryKind.malformed;
    },
    permissions: nptPermissions(noExecute),
    plain: {
      read: 0x25,
      write: 0x27,
      execute: 0x25,
      tableReserved: 0,
      // PAT, bit 12, is left to TypeScript.
      largeReserved: 0x1f_f000,
      hugeReserved: hugePages ? 0x3fff_f000 : -1,
      leafMask: 0,
      leafValue: 0,
      reserved: reservedHigh,
      reservedCode: reservedHigh | (1 << 31),
    },
  };
}

function paeNpt({ noExecute, physicalBits }: NptOptions): NestedFormat {
  const reservedTop = reservedHighBits(physicalBits, 64);
  const reservedHigh = reservedHighBits(physicalBits, 63) | (noExecute ? 0 : 1 << 31);
  return {
    ...nptCommon,
    geometry: threeLevels,
    kind(low, high, level) {
      if ((low & 1) === 0) return EntryKind.absent;
      if (level === 3) return (low & 0x1e6) === 0 && (high & reservedTop) === 0 ? EntryKind.table : EntryKind.malformed;
      if ((high & reservedHigh) !== 0) return EntryKind.malformed;
      if (level === 1) return EntryKind.page;
      if ((low & 0x80) === 0) return EntryKind.table;
      return (low & 0x1f_e000) === 0 ? EntryKind.page : EntryKind.malformed;
    },
    permissions: nptPermissions(noExecute),
  };
}

/** 4 MiB pages where the host has CR4.PSE; bits 20:13 of theirs are physical address bits 39:32, as far as the processor has them. */
function legacyNpt({ physicalBits, largePages = false }: NptOptions): NestedFormat {
  const reserved = (1 << 21) | (0x1f_e000 & ~((2 ** Math.min(physicalBits - 32, 8) - 1) << 13));
  return {
    ...nptCommon,
    geometry: twoLevels,
    kind(low, _high, level) {
      if ((low & 1) === 0) return EntryKind.absent;
      if (level === 1) return EntryKind.page;
      if ((low & 0x80) === 0 || !largePages) return EntryKind.table;
      return (low & reserved) === 0 ? EntryKind.page : EntryKind.malformed;
    },
    permissions: nptPermissions(false),
  };
}

const nptFormats: Readonly<Record<HostPaging, (options: NptOptions) => NestedFormat>> = {
  long: longNpt,
  pae: paeNpt,
  legacy: legacyNpt,
};

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
    geometry: fourLevels,
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
