/**
 * One CPU's memory management unit: what generated code asks when its TLB lookup misses, and what helpers read and write through.
 * Failures are in the state block: `leave`, with the fault or the address that stopped the access.
 */
import { Access, Leave, Status } from '../cpu/leave.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { state as layout, tlb as tables } from '../state/layout.ts';
import { is64 } from '../state/mode.ts';
import { Cr0, Cr4, Flag, Vector } from '../state/registers.ts';
import type { StateBlock } from '../state/state-block.ts';
import { ContextTable, Variant } from './context.ts';
import { GuestFault } from './fault.ts';
import { type LinearMemory, stackAccess } from './linear-memory.ts';
import { Paging, PagingMode, Walk } from './paging.ts';
import { isCanonical, LinearAddress } from './segmentation.ts';
import { Tlb } from './tlb.ts';
import { Watchpoints } from './watchpoints.ts';

export interface MmuOptions {
  readonly physicalBits: number;
  readonly hugePages: boolean;
}

const bounceOffset = layout.bounce.offset;
/** `size` of translateRead and translateWrite: the stack segment was used. */
const stackBit = 0x100;

export class Mmu implements LinearMemory {
  readonly tlb: Tlb;
  readonly paging: Paging;
  readonly watchpoints: Watchpoints;
  readonly fault = new GuestFault();
  upper = 0;
  /** ASID or VPID, with `state.guest` in bits 17:16: keeps translations of different worlds apart. */
  space = 0;
  /** The run loop executes instructions one by one: breakpoint registers may be met. */
  stepping = false;

  readonly #contexts = new ContextTable();
  readonly #address = new LinearAddress();
  /** First context of the current block. */
  #block = 0;
  #bounceLength = 0;
  #bounceFirst = 0;
  #bounceFirstLength = 0;
  #bounceSecond = 0;

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

  // Contexts.

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
    this.#block = block;
    this.refreshPrivilege();
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
    state.context = this.#block | variant;
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
  /** After DR0…DR3, DR7 or CR4.DE have changed. */
  refreshWatchpoints(): void {
    const { watchpoints } = this;
    const before = watchpoints.data | watchpoints.code;
    watchpoints.refresh();
    if ((before | watchpoints.data | watchpoints.code) !== 0) this.flushAll();
  }

  /** PAE: 0, or 1 where a PDPTE has a reserved bit set. Throws after a nested fault. */
  loadPdptes(): number {
    const status = this.paging.loadPdptes();
    if (status === Walk.nestedFault) {
      this.state.leave = Leave.nestedFault;
      this.fault.status = Status.exit;
      throw this.fault;
    }
    return status === Walk.done ? 0 : 1;
  }
  portAccessed(port: number, size: number): void {
    this.watchpoints.hits |= this.watchpoints.meetsPort(port, size);
  }

  // Generated code's slow paths.

  /** Segment checks: the linear address goes to result0. `sizeAndAccess`: bytes in bits 7:0, Access bits (read, write) from bit 8. */
  linear(segment: number, low: number, high: number, sizeAndAccess: number): Status {
    const { state } = this;
    const vector = this.#address.form(state, segment, low, high, sizeAndAccess & 0xff, sizeAndAccess >>> 8);
    if (vector !== 0) {
      this.#raise(vector, 0);
      return Status.fault;
    }
    state.setResult(0, this.#address.low, this.#address.high);
    return Status.done;
  }

  translateRead(low: number, high: number, size: number): number {
    const bytes = size & 0xff;
    const offset = low & 0xfff;
    if (!this.#mayAccess(low, high, bytes, (size & stackBit) !== 0)) return 0;
    if (offset + bytes <= 0x1000) return this.#data(low, high, bytes, Access.read, 0);
    return this.#gather(low, high, bytes, Access.read);
  }

  translateWrite(low: number, high: number, size: number): number {
    const bytes = size & 0xff;
    const offset = low & 0xfff;
    this.#bounceLength = 0;
    if (!this.#mayAccess(low, high, bytes, (size & stackBit) !== 0)) return 0;
    if (offset + bytes <= 0x1000) {
      const address = this.#data(low, high, bytes, Access.write, 0);
      return address !== 0 && this.#hitsCode(address, bytes) ? 0 : address;
    }
    const bounce = this.#gather(low, high, bytes, Access.write);
    if (bounce !== 0) this.#bounceLength = bytes;
    return bounce;
  }

  /** The bounce buffer, which translateWrite gave, has been stored into. */
  commitBounce(): void {
    const { physical, state } = this;
    const length = this.#bounceLength;
    this.#bounceLength = 0;
    for (let n = 0; n < length; n++) {
      const first = this.#bounceFirstLength;
      physical.store8(n < first ? this.#bounceFirst + n : this.#bounceSecond + n - first, state.get8(bounceOffset + n));
    }
  }

  #gather(low: number, high: number, bytes: number, access: number): number {
    const { physical, state } = this;
    const firstLength = 0x1000 - (low & 0xfff);
    const first = this.#data(low, high, firstLength, access, 0);
    if (first === 0) return 0;
    const nextLow = (low + firstLength) | 0;
    const nextHigh = nextLow === 0 && is64(state.mode) ? (high + 1) | 0 : high;
    const second = this.#data(nextLow, nextHigh, bytes - firstLength, access, 0);
    if (second === 0) return 0;
    if (access === Access.write && (this.#hitsCode(first, firstLength) || this.#hitsCode(second, bytes - firstLength)))
      return 0;
    this.#bounceFirst = first;
    this.#bounceFirstLength = firstLength;
    this.#bounceSecond = second;
    for (let n = 0; n < bytes; n++)
      state.set8(bounceOffset + n, physical.load8(n < firstLength ? first + n : second + n - firstLength));
    return state.base + bounceOffset;
  }

  #hitsCode(address: number, bytes: number): boolean {
    if (!this.physical.writeTouchesCode(address, bytes)) return false;
    this.state.leave = Leave.codeWrite;
    this.state.set64(layout.leaveAddress.offset, address & ~0xfff, 0);
    return true;
  }

  /** For instruction fetch: address in linear memory of the byte at a linear address, or 0 with fault and leave fields set. */
  fetch(low: number, high: number): number {
    const { state, watchpoints } = this;
    if (!isCanonical(high)) {
      this.#raise(Vector.gp, 0);
      return 0;
    }
    if (watchpoints.code !== 0 && !this.stepping && watchpoints.watchesCode(low, high)) {
      state.leave = Leave.step;
      return 0;
    }
    const user = state.cpl === 3 ? Access.user : 0;
    const page = this.#translate(low, high, Access.execute | user);
    return page === 0 ? 0 : page + (low & 0xfff);
  }

  /** Makes the fetch entry for an address that `fetch` found. `table` goes to the entry's aux word. */
  fillFetch(low: number, high: number, address: number, table: number): void {
    if (this.watchpoints.code !== 0 && this.watchpoints.watchesCode(low, high)) return;
    this.tlb.fill(tables.fetch, low, high, this.state.context, address & ~0xfff, table);
  }

  // Helpers' memory.

  read8(low: number, high: number, access: number): number {
    const address = this.#readable(low, high, 1, access);
    return address === 0 ? 0xff : this.physical.load8(address);
  }
  read16(low: number, high: number, access: number): number {
    if ((low & 0xfff) > 0xffe) {
      const first = this.read8(low, high, access);
      return first | (this.read8(low + 1, this.#carry(low, high, 1), access) << 8);
    }
    const address = this.#readable(low, high, 2, access);
    return address === 0 ? 0xffff : this.physical.load16(address);
  }
  read32(low: number, high: number, access: number): number {
    if ((low & 0xfff) > 0xffc) {
      const first = this.read16(low, high, access);
      return first | (this.read16((low + 2) | 0, this.#carry(low, high, 2), access) << 16);
    }
    const address = this.#readable(low, high, 4, access);
    return address === 0 ? -1 : this.physical.load32(address);
  }
  read64(low: number, high: number, access: number): number {
    const first = this.read32(low, high, access);
    this.upper = this.read32((low + 4) | 0, this.#carry(low, high, 4), access);
    return first;
  }
  write8(low: number, high: number, access: number, value: number): void {
    const address = this.#writable(low, high, 1, access);
    if (address === 0) return;
    this.physical.store8(address, value);
    this.#wrote(address, 1);
  }
  write16(low: number, high: number, access: number, value: number): void {
    if ((low & 0xfff) > 0xffe) {
      this.probeWrite(low, high, 2, access);
      this.write8(low, high, access, value);
      this.write8((low + 1) | 0, this.#carry(low, high, 1), access, value >>> 8);
      return;
    }
    const address = this.#writable(low, high, 2, access);
    if (address === 0) return;
    this.physical.store16(address, value);
    this.#wrote(address, 2);
  }
  write32(low: number, high: number, access: number, value: number): void {
    if ((low & 0xfff) > 0xffc) {
      this.probeWrite(low, high, 4, access);
      this.write16(low, high, access, value);
      this.write16((low + 2) | 0, this.#carry(low, high, 2), access, value >>> 16);
      return;
    }
    const address = this.#writable(low, high, 4, access);
    if (address === 0) return;
    this.physical.store32(address, value);
    this.#wrote(address, 4);
  }
  write64(low: number, high: number, access: number, valueLow: number, valueHigh: number): void {
    if ((low & 0xfff) > 0xff8) this.probeWrite(low, high, 8, access);
    this.write32(low, high, access, valueLow);
    this.write32((low + 4) | 0, this.#carry(low, high, 4), access, valueHigh);
  }
  probeRead(low: number, high: number, size: number, access: number): void {
    const first = Math.min(size, 0x1000 - (low & 0xfff));
    this.#readable(low, high, first, access);
    if (first < size) this.#readable((low + first) | 0, this.#carry(low, high, first), size - first, access);
  }
  probeWrite(low: number, high: number, size: number, access: number): void {
    const first = Math.min(size, 0x1000 - (low & 0xfff));
    this.#writable(low, high, first, access);
    if (first < size) this.#writable((low + first) | 0, this.#carry(low, high, first), size - first, access);
  }

  #wrote(address: number, bytes: number): void {
    if (this.physical.writeTouchesCode(address, bytes)) this.physical.written(address, bytes);
  }

  /** The upper half of `address + bytes`; addresses wrap at 4 GiB outside 64-bit mode. */
  #carry(low: number, high: number, bytes: number): number {
    return (low >>> 0) + bytes > 0xffff_ffff && is64(this.state.mode) ? (high + 1) | 0 : high;
  }

  #readable(low: number, high: number, bytes: number, access: number): number {
    const context = (access & Access.implicit) !== 0 ? this.#block | Variant.supervisor : this.state.context;
    return this.tlb.lookup(tables.read, low, high, context) || this.#orThrow(low, high, bytes, Access.read, access);
  }
  #writable(low: number, high: number, bytes: number, access: number): number {
    const context = (access & Access.implicit) !== 0 ? this.#block | Variant.supervisor : this.state.context;
    return this.tlb.lookup(tables.write, low, high, context) || this.#orThrow(low, high, bytes, Access.write, access);
  }

  /** 0 only for an implicit access to what is no memory: reads all ones, writes are lost. */
  #orThrow(low: number, high: number, bytes: number, kind: number, access: number): number {
    const { state } = this;
    if (this.#mayAccess(low, high, bytes, (access & stackAccess) !== 0)) {
      const address = this.#data(low, high, bytes, kind, access & Access.implicit);
      if (address !== 0) return address;
      if (state.leave === Leave.mmio && (access & Access.implicit) !== 0) return 0;
    }
    this.fault.status = state.leave === Leave.fault ? Status.fault : Status.exit;
    throw this.fault;
  }

  // Common ground.

  /** Canonical form of all bytes, and alignment where it is checked. */
  #mayAccess(low: number, high: number, bytes: number, stack: boolean): boolean {
    const lastHigh = (low >>> 0) + bytes - 1 > 0xffff_ffff ? (high + 1) | 0 : high;
    if (!isCanonical(high) || (lastHigh !== high && is64(this.state.mode) && !isCanonical(lastHigh))) {
      this.#raise(stack ? Vector.ss : Vector.gp, 0);
      return false;
    }
    if ((this.state.context & 3) === Variant.userAligned && (low & (bytes - 1) & 7) !== 0 && bytes <= 8) {
      this.#raise(Vector.ac, 0);
      return false;
    }
    return true;
  }

  /** Bytes within a page. `implicit`: Access.implicit or 0. */
  #data(low: number, high: number, bytes: number, kind: number, implicit: number): number {
    const { state, watchpoints } = this;
    const user = implicit === 0 && state.cpl === 3 ? Access.user : 0;
    const page = this.#translate(low, high, kind | user | implicit);
    if (page === 0) return 0;
    const watched = watchpoints.watchesData(low, high);
    if (watched) {
      const met = watchpoints.meetsData(low, high, bytes, kind === Access.write);
      if (met !== 0) {
        if (!this.stepping) {
          state.leave = Leave.step;
          return 0;
        }
        watchpoints.hits |= met;
      }
    } else {
      const context = implicit !== 0 ? this.#block | Variant.supervisor : state.context;
      if ((context & 3) !== Variant.userAligned) {
        if (kind === Access.read) this.tlb.fill(tables.read, low, high, context, page, 0);
        else if (!this.physical.isCode(page)) this.tlb.fill(tables.write, low, high, context, page, 0);
      }
    }
    return page + (low & 0xfff);
  }

  /** The page in linear memory, or 0. */
  #translate(low: number, high: number, access: number): number {
    const { paging, physical, state } = this;
    const status = paging.walk(low, high, access);
    if (status === Walk.done) {
      this.tlb.notePageSize(low, high, paging.shift);
      const page =
        (access & Access.write) !== 0
          ? physical.locateWritable(paging.low, paging.high)
          : physical.locate(paging.low, paging.high);
      if (page === 0) {
        state.leave = Leave.mmio;
        state.set32(layout.leaveAccess.offset, access);
        state.set64(layout.leaveAddress.offset, paging.low | (low & 0xfff), paging.high);
      }
      return page;
    }
    state.set64(layout.faultAddress.offset, low, high);
    if (status === Walk.nestedFault) state.leave = Leave.nestedFault;
    else this.#raise(Vector.pf, paging.error);
    return 0;
  }

  #raise(vector: number, error: number): void {
    const { state } = this;
    state.leave = Leave.fault;
    state.faultVector = vector;
    state.faultError = error;
  }
}
