/**
 * The address spaces of one CPU: which translation context is current, and what is forgotten when one is flushed (SDM vol. 3, section
 * 4.10).
 */
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { state as layout } from '../state/layout.ts';
import { Cr0, Cr4, Flag } from '../state/registers.ts';
import type { StateBlock } from '../state/state-block.ts';
import { ContextTable, Variant } from './context.ts';
import type { HostBreakpoint } from './host-breakpoints.ts';
import type { NestedFormat, PlainEntries } from './nested-formats.ts';
import { Paging, PagingMode } from './paging.ts';
import { Tlb } from './tlb.ts';
import { Watchpoints } from './watchpoints.ts';

/** Bits of a page table's entry. */
const Entry = { present: 1, writable: 2, user: 4, accessed: 0x20 } as const;

export interface MmuOptions {
  readonly physicalBits: number;
  readonly hugePages: boolean;
}

export class AddressSpaces {
  readonly tlb: Tlb;
  readonly paging: Paging;
  readonly watchpoints: Watchpoints;
  /** ASID or VPID, with `state.guest` in bits 17:16: keeps translations of different worlds apart. */
  space = 0;
  /** First context of the current block. */
  protected block = 0;
  readonly #contexts = new ContextTable();

  constructor(
    readonly state: StateBlock,
    readonly physical: PhysicalMemory,
    { physicalBits, hugePages }: MmuOptions,
  ) {
    this.tlb = new Tlb(state);
    this.paging = new Paging(state, physical, physicalBits, hugePages);
    this.watchpoints = new Watchpoints(state);
    physical.watch({ protect: page => this.tlb.protect(page), remapped: () => this.flushAll() });
  }

  /** After any change of CPL, RFLAGS.AC, CR0, CR3, CR4, EFER, decode mode or world. */
  refresh(): void {
    const { paging, state } = this;
    paging.refresh();
    const identifiers = (state.cr4 & Cr4.pcide) !== 0;
    const rules = paging.rules | (identifiers ? 0x80 : 0) | (state.mode << 8);
    const paged = paging.mode !== PagingMode.none;
    const rootLow = paged ? this.#rootLow(identifiers) : 0;
    const rootHigh = paging.mode === PagingMode.long ? state.high(layout.cr3.offset) & 0xf_ffff : 0;
    const { nested } = paging;
    const nestedLow = nested ? (nested.rootLow & ~0xfff) | nested.attributes : 0;
    const nestedHigh = nested ? nested.rootHigh : 0;
    let block = this.#contexts.find(rules, rootLow, rootHigh, this.space, nestedLow, nestedHigh);
    if (block < 0) {
      this.tlb.clear();
      this.#contexts.clear();
      block = this.#contexts.find(rules, rootLow, rootHigh, this.space, nestedLow, nestedHigh);
    }
    this.block = block;
    this.#refreshWalk(paged ? rootLow : 0, rootHigh);
    this.#refreshRules();
    this.refreshPrivilege();
  }

  /** What generated code needs for walks of its own; where it is not to do them, the root is 0. */
  #refreshWalk(rootLow: number, rootHigh: number): void {
    const { paging, physical, state } = this;
    const { nested } = paging;
    const { i32 } = state;
    const ram = physical.largest;
    const simple = paging.mode === PagingMode.long && this.watchpoints.data === 0;
    const frame = ((rootHigh << 20) | (rootLow >>> 12)) - ram.first;
    const isRam = simple && nested === undefined && rootHigh >>> 12 === 0 && frame >>> 0 < ram.pages;
    i32[layout.walkRoot.offset >> 2] = isRam ? ram.offset + (frame << 12) : 0;
    const plain = simple ? nested?.format.plain : undefined;
    const nestedRoot = nested && plain ? physical.locate(nested.rootLow & ~0xfff, nested.rootHigh) : 0;
    i32[layout.nestedRoot.offset >> 2] = nestedRoot;
    if (nested !== undefined && plain !== undefined && nestedRoot !== 0) {
      state.set64(layout.nestedGuestRoot.offset, rootLow & ~0xfff, rootHigh);
      this.#describeNested(nested.format, plain);
    } else if (!isRam) return;
    i32[layout.walkFirst.offset >> 2] = ram.first;
    i32[layout.walkPages.offset >> 2] = ram.pages;
    i32[layout.walkOffset.offset >> 2] = ram.offset;
    i32[layout.walkCodePages.offset >> 2] = physical.codePages.byteOffset;
    state.set64(layout.walkReserved.offset, 0, paging.reservedLong);
    i32[layout.walkHugeReserved.offset >> 2] = paging.hugeReserved;
  }

  #described: NestedFormat | undefined;

  #describeNested(format: NestedFormat, plain: PlainEntries): void {
    if (format === this.#described) return;
    this.#described = format;
    const { dirty, tableReadsAreWrites } = format;
    const { state } = this;
    for (const [{ offset }, value] of [
      [layout.nestedRead, plain.read],
      [layout.nestedWrite, plain.write],
      [layout.nestedCode, plain.execute],
      [layout.nestedTable, tableReadsAreWrites ? plain.write : plain.read],
      [layout.nestedDirty, dirty],
      [layout.nestedTableDirty, tableReadsAreWrites ? dirty : 0],
      [layout.nestedTableReserved, plain.tableReserved],
      [layout.nestedLargeReserved, plain.largeReserved],
      [layout.nestedHugeReserved, plain.hugeReserved],
      [layout.nestedLeafMask, plain.leafMask],
      [layout.nestedLeafValue, plain.leafValue],
    ] as const)
      state.set32(offset, value);
    state.set64(layout.nestedReserved.offset, 0, plain.reserved);
    state.set64(layout.nestedReservedCode.offset, 0, plain.reservedCode);
  }

  /** After a change of CPL or RFLAGS.AC alone. */
  refreshPrivilege(): void {
    const { state } = this;
    const alignment = state.systemFlags & Flag.ac;
    const variant =
      state.cpl === 3
        ? alignment !== 0 && (state.cr0 & Cr0.am) !== 0
          ? Variant.userAligned
          : Variant.user
        : alignment !== 0 && this.paging.smap
          ? Variant.supervisorUserOpen
          : Variant.supervisor;
    state.context = this.block | variant;
    const walk = state.cpl === 3 ? state.get32(layout.walkUser.offset) : state.get32(layout.walkSupervisor.offset);
    state.set32(layout.walkRead.offset, walk);
    if (variant === Variant.supervisorUserOpen) state.u8[layout.walkForbidden.offset] = 0;
  }

  /** What walks ask of entries, by privilege: the fields walkRead, walkWrite, walkForbidden and walkForbiddenCode. */
  #refreshRules(): void {
    const { paging, state } = this;
    const read = Entry.present | Entry.accessed;
    const write = read | (paging.writeProtect ? Entry.writable : 0);
    const forbidden = (paging.smap ? Entry.user : 0) | ((paging.smep ? Entry.user : 0) << 8);
    state.set32(layout.walkSupervisor.offset, read | (write << 8) | (forbidden << 16));
    state.set32(layout.walkUser.offset, read | Entry.user | ((read | Entry.user | Entry.writable) << 8));
  }

  #rootLow(identifiers: boolean): number {
    const low = this.state.low(layout.cr3.offset);
    return identifiers ? low : this.paging.mode === PagingMode.pae ? low & ~0x1f : low & ~0xfff;
  }

  /** After MOV CR3. `keep`: bit 63 of the source was set, with PCIDs. */
  rootLoaded(keep: boolean): void {
    const { state } = this;
    if (!keep) {
      if ((state.cr4 & Cr4.pcide) !== 0)
        this.#contexts.forgetProcessContext(state.low(layout.cr3.offset) & 0xfff, this.space);
      else this.#contexts.forgetRoot(this.#rootLow(false), state.high(layout.cr3.offset) & 0xf_ffff, this.space);
    }
    this.refresh();
  }

  flushAll(): void {
    // Power-on has cleared the state block, what generated code was told included.
    this.#described = undefined;
    this.tlb.clear();
    this.#contexts.clear();
    this.refresh();
  }
  /** All translations of one ASID or VPID, global ones too. */
  flushSpace(space: number): void {
    this.#contexts.forgetSpace(space);
    this.refresh();
  }
  flushCurrentSpace(): void {
    this.flushSpace(this.space);
  }
  flushProcessContext(identifier: number): void {
    this.#contexts.forgetProcessContext(identifier, this.space);
    this.refresh();
  }
  flushNested(rootLow: number, rootHigh: number): void {
    this.#contexts.forgetNested(rootLow, rootHigh);
    this.refresh();
  }
  /** INVLPG and its kin: in all contexts, which is more than asked for. */
  invalidatePage(low: number, high: number): void {
    this.tlb.invalidate(low, high);
  }
  /** Breakpoints of whoever runs the CPU. */
  setHostBreakpoints(list: readonly HostBreakpoint[]): void {
    this.watchpoints.setHost(list);
    this.refreshWatchpoints();
  }
  /** After DR0…DR3, DR7 or CR4.DE have changed. */
  refreshWatchpoints(): void {
    const { watchpoints } = this;
    const before = watchpoints.data | watchpoints.code;
    watchpoints.refresh();
    if ((before | watchpoints.data | watchpoints.code) !== 0) this.flushAll();
  }
}
