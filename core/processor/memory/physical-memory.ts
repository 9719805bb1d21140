/**
 * Physical memory as a CPU sees it: regions of RAM and ROM that lie in the host's linear memory. Everything else is no memory
 * (MMIO, or nothing). Also keeps which pages hold decoded code, so that nobody writes there unnoticed.
 */

import { MachineError } from '../../board/framework/error.ts';
import { Access } from '../state/leave.ts';
import type { LineMonitor } from './line-monitor.ts';
import { pageSize } from './page.ts';
import {
  allRights,
  type Frames,
  framesOf,
  joined,
  type PageRights,
  type PhysicalRegion,
  within,
  without,
} from './regions.ts';

export type { Frames, PageRights, PhysicalRegion };

/** Who keeps translations or decoded code. */
export interface MemoryWatcher {
  /** A page got decoded code: no write to it may go unnoticed from now on. */
  protect(page: number): void;
  /** Regions changed. */
  remapped(): void;
}

/** Decoded code lies there; a line of it is monitored; it has not been written since `trackWrites`. */
const Page = { code: 1, monitored: 2, clean: 4 } as const;
const nowhere: Frames = { first: 0, pages: 0, offset: 0, rights: 0, guards: 0 };
/** Regions lie below 2^44: page frame numbers have 32 bits. */
const limit = 2 ** 44;

export class PhysicalMemory {
  /** All of linear memory. Bytes are taken from words: typed arrays of bytes are slow above 2 GiB. */
  readonly words: Int32Array;
  /** Linear memory in bytes, for bulk work. */
  readonly bytes: Uint8Array;
  /** One byte per page of linear memory: `Page` bits; not 0 where no write may go unnoticed. */
  readonly codePages: Uint8Array;
  /** Set by the code cache: forgets the code decoded from a page (its linear-memory address). Must be safe while generated code runs. */
  invalidateCode: ((page: number) => void) | undefined = undefined;
  /** Set by the code cache: forgets the code in bytes of one page that the CPU is about to write. */
  overwriteCode: ((address: number, length: number) => void) | undefined = undefined;
  /** Set by the code cache: whether decoded code lies in these bytes; without it a whole page counts. */
  holdsCode: ((address: number, length: number) => boolean) | undefined = undefined;

  /** In the order of their addresses. */
  #regions: PhysicalRegion[] = [];
  #frames: Frames[] = [];
  #guarded = false;
  readonly #watchers: MemoryWatcher[] = [];
  readonly #monitors: LineMonitor[] = [];
  #last: Frames = nowhere;
  #largest: Frames = nowhere;

  /** `codePages`: where in the buffer that table is to lie; it is outside without. */
  constructor(buffer: ArrayBufferLike, codePages?: number) {
    this.words = new Int32Array(buffer);
    this.bytes = new Uint8Array(buffer);
    const pages = Math.ceil(buffer.byteLength / pageSize);
    this.codePages = codePages === undefined ? new Uint8Array(pages) : new Uint8Array(buffer, codePages, pages);
  }

  get regions(): readonly PhysicalRegion[] {
    return this.#regions;
  }

  watch(watcher: MemoryWatcher): void {
    this.#watchers.push(watcher);
  }

  map(region: PhysicalRegion): void {
    const { base, size, offset } = region;
    if ([base, size, offset].some(value => !Number.isSafeInteger(value) || value < 0 || value % pageSize !== 0))
      throw new MachineError('bad-argument', 'a memory region is not page-aligned', {
        remedy: 'align base, size and offset to 4096 bytes',
      });
    if (size === 0 || offset === 0 || offset + size > this.bytes.length || base + size > limit)
      throw new MachineError('does-not-fit', `a memory region of ${size} bytes at ${base.toString(16)} does not fit`);
    const other = this.#regions.find(each => base < each.base + each.size && each.base < base + size);
    if (other) throw new MachineError('overlap', `memory at ${base.toString(16)} is mapped already`);
    this.#regions.push(region);
    this.#regions.sort((left, right) => left.base - right.base);
    this.#remapped();
  }

  /** Removes whatever is mapped in a range of pages; a region that only overlaps it keeps its other part. */
  unmap(base: number, size: number): void {
    this.#regions = this.#regions.flatMap(region => without(region, base, base + size));
    this.#remapped();
  }

  /** Gives whatever is mapped in a range of pages these rights. */
  protect(base: number, size: number, { access, guarded }: PageRights): void {
    const rights = {
      readable: (access & Access.read) !== 0,
      writable: (access & Access.write) !== 0,
      executable: (access & Access.execute) !== 0,
      guarded,
    };
    const end = base + size;
    this.#regions = joined(
      this.#regions.flatMap(region => [
        ...without(region, base, end),
        ...within(region, base, end).map(part => ({ ...part, ...rights })),
      ]),
    );
    this.#remapped();
  }

  /** The largest piece with all rights, the one that nearly all accesses go to. */
  get largest(): Frames {
    return this.#largest;
  }

  #remapped(): void {
    this.#frames = this.#regions.map(framesOf);
    this.#guarded = this.#frames.some(({ guards }) => guards !== 0);
    this.#last = nowhere;
    this.#largest = nowhere;
    for (const region of this.#frames)
      if (region.rights === allRights && region.pages > this.#largest.pages) this.#largest = region;
    for (const watcher of this.#watchers) watcher.remapped();
  }

  /** Linear-memory address of the page that holds a physical address; 0 if it is no memory. */
  locate(low: number, high: number): number {
    const region = this.#region(low, high);
    if (region === nowhere) return 0;
    const frame = (high << 20) | (low >>> 12);
    return (region.offset + ((frame - region.first) << 12)) | 0;
  }

  /** Like `locate`, but 0 for memory that cannot be written. */
  locateWritable(low: number, high: number): number {
    return this.locateFor(low, high, Access.write);
  }

  /** Like `locate`, but 0 for memory without the right to this access: one of Access.read, write and execute. */
  locateFor(low: number, high: number, access: number): number {
    return (this.#region(low, high).rights & access) !== 0 ? this.locate(low, high) : 0;
  }

  /** Some accesses may end runs. */
  get hasGuards(): boolean {
    return this.#guarded;
  }
  /** Whether this access, which finds no right, ends the run. */
  guards(low: number, high: number, access: number): boolean {
    return this.#guarded && (this.#region(low, high).guards & access) !== 0;
  }

  #region(low: number, high: number): Frames {
    if ((high & 0xfff) !== high) return nowhere;
    const frame = (high << 20) | (low >>> 12);
    const last = this.#last;
    if ((frame - last.first) >>> 0 < last.pages) return last;
    for (const region of this.#frames) {
      if ((frame - region.first) >>> 0 < region.pages) {
        this.#last = region;
        return region;
      }
    }
    return nowhere;
  }

  load8(address: number): number {
    return (this.words[address >>> 2] >>> ((address & 3) << 3)) & 0xff;
  }
  load16(address: number): number {
    return (address & 3) === 3
      ? this.load8(address) | (this.load8(address + 1) << 8)
      : (this.words[address >>> 2] >>> ((address & 3) << 3)) & 0xffff;
  }
  load32(address: number): number {
    const shift = (address & 3) << 3;
    const word = address >>> 2;
    return shift === 0 ? this.words[word] : (this.words[word] >>> shift) | (this.words[word + 1] << (32 - shift));
  }
  store8(address: number, value: number): void {
    const shift = (address & 3) << 3;
    const word = address >>> 2;
    this.words[word] = (this.words[word] & ~(0xff << shift)) | ((value & 0xff) << shift);
  }
  store16(address: number, value: number): void {
    this.store8(address, value);
    this.store8(address + 1, value >>> 8);
  }
  store32(address: number, value: number): void {
    if ((address & 3) === 0) this.words[address >>> 2] = value;
    else {
      this.store16(address, value);
      this.store16(address + 2, value >>> 16);
    }
  }

  isCode(address: number): boolean {
    return this.codePages[address >>> 12] !== 0;
  }
  /** Must these bytes not be written before their page's code is forgotten? */
  writeTouchesCode(address: number, length: number): boolean {
    const page = address >>> 12;
    let use = this.codePages[page];
    if (use === 0) return false;
    if ((use & Page.clean) !== 0) use = this.#release(page, Page.clean);
    if ((use & Page.monitored) !== 0) {
      for (const monitor of this.#monitors) if (monitor.meets(address, length)) return true;
      use = this.#releaseMonitored(page);
    }
    return (use & Page.code) !== 0 && (this.holdsCode === undefined || this.holdsCode(address, length));
  }
  /** The code cache decoded from this page. */
  markCode(address: number): void {
    this.#protect(address >>> 12, Page.code);
  }
  unmarkCode(address: number): void {
    this.codePages[address >>> 12] &= ~Page.code;
  }

  /** From now on writes to whole pages of linear memory are noted, whoever makes them; each page costs the first write to it. */
  trackWrites(address: number, size: number): void {
    const first = address >>> 12;
    for (let page = first; page < first + size / pageSize; page++) this.codePages[page] |= Page.clean;
    // Entries of write TLBs lead there.
    for (const watcher of this.#watchers) watcher.remapped();
  }
  untrackWrites(address: number, size: number): void {
    const first = address >>> 12;
    for (let page = first; page < first + size / pageSize; page++) this.codePages[page] &= ~Page.clean;
  }
  /** Of a page whose writes are tracked: nobody has written it since. */
  isClean(address: number): boolean {
    return (this.codePages[address >>> 12] & Page.clean) !== 0;
  }

  /** Arms a monitor: it is disarmed by the next write to the line of memory at this linear-memory address, whoever makes it. */
  watchLine(monitor: LineMonitor, address: number): void {
    if (!this.#monitors.includes(monitor)) this.#monitors.push(monitor);
    monitor.arm(address);
    this.#protect(address >>> 12, Page.monitored);
  }

  #protect(page: number, use: number): void {
    const before = this.codePages[page];
    this.codePages[page] = before | use;
    if (before !== 0) return;
    const start = (page << 12) | 0;
    for (const watcher of this.#watchers) watcher.protect(start);
  }

  /** A page whose monitors are all disarmed is written as any other. What is left to watch for there. */
  #releaseMonitored(page: number): number {
    return this.#monitors.some(monitor => monitor.watches(page))
      ? this.codePages[page]
      : this.#release(page, Page.monitored);
  }

  #release(page: number, use: number): number {
    this.codePages[page] &= ~use;
    return this.codePages[page];
  }

  /** A CPU is about to write bytes within a page, over decoded code or a monitored line. */
  overwritten(address: number, length: number): void {
    const page = address >>> 12;
    if ((this.codePages[page] & Page.monitored) !== 0) {
      for (const monitor of this.#monitors) if (monitor.meets(address, length)) monitor.armed = false;
      this.#releaseMonitored(page);
      if (!this.writeTouchesCode(address, length)) return;
    }
    if (this.overwriteCode) this.overwriteCode(address, length);
    else this.written(address, length);
  }

  /** Bytes of linear memory were written by someone other than generated code (DMA, helpers, a hypervisor's user half). */
  written(address: number, length: number): void {
    if (length <= 0) return;
    const first = address >>> 12;
    const last = ((address >>> 0) + length - 1) / pageSize;
    for (let page = first; page <= last; page++) {
      if (this.codePages[page] === 0) continue;
      for (const monitor of this.#monitors) if (monitor.watches(page)) monitor.armed = false;
      if (this.invalidateCode) this.invalidateCode((page << 12) | 0);
      this.codePages[page] = 0;
    }
  }
}
