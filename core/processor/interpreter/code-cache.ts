/**
 * Decoded code: per page of linear memory and decode mode a table of 4096 pointers to records, filled a block at a time. A page whose
 * bytes change is forgotten as a whole. When the arena is full everything is forgotten.
 */

import { Decoded } from '../decode/decoded.ts';
import { decode } from '../decode/decoder.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { Segment, segmentBase, segmentLimit, state } from '../state/layout.ts';
import { Leave } from '../state/leave.ts';
import { mode64 } from '../state/mode.ts';
import { Handler } from './handlers.ts';
import { PageSource, pageSize } from './page-source.ts';
import { endsBlock } from './programs.ts';
import { record } from './record.ts';
import { type Handlers, RecordWriter } from './record-writer.ts';

const tableBytes = pageSize * 4;
const blockLimit = 64;
/** A crossing instruction and the record after it. */
const scratchBytes = record.size * 2;
const scratchCount = 64;
/** Writes to instructions of a page after which it is rather forgotten as a whole: it may be data by now. */
const rewriteLimit = 16;
/** Bytes of an instruction, at most. */
const longest = 15;

/** How the CPU fetches: page by page, through its MMU. */
export interface CodeFetcher {
  /** Address in linear memory of the byte at a linear address; 0: fault and leave fields are set. */
  fetch(low: number, high: number): number;
  /** The page may be entered in the fetch TLB with this table (if it is that one's right). */
  fillFetch(low: number, high: number, address: number, table: number): void;
}

interface Page {
  readonly address: number;
  readonly mode: number;
  readonly table: number;
}

interface Modes {
  readonly pages: Page[];
  /** How often single instructions were forgotten. */
  rewrites: number;
}

/** An instruction's bytes in its second page; its checking record, and the place of that in its table. */
interface Tail {
  readonly check: number;
  readonly at: number;
  readonly length: number;
}

export class CodeCache {
  /** Told before everything is forgotten: fetch TLBs must be emptied. */
  flushed: () => void = () => {};
  /** Told when a page is forgotten. */
  forgotten: (page: number) => void = () => {};
  /** Whether there is compiled code of a page, which can only be forgotten as a whole. */
  hasCompiled: (page: number) => boolean = () => false;
  flushes = 0;

  readonly #words: Int32Array;
  readonly #pages = new Map<number, Page>();
  readonly #tables = new Map<number, Page>();
  /** The pages of all modes, by address. */
  readonly #modes = new Map<number, Modes>();
  /** Ends of instructions that begin in the page before, by page. */
  readonly #tails = new Map<number, Tail[]>();
  readonly #decoded = new Decoded();
  readonly #source: PageSource;
  readonly #records: RecordWriter;
  /** For state.codeCounters. */
  readonly counterBase: number;
  /** For state.codeTables. */
  readonly tables: number;
  readonly #scratch: number;
  readonly #counters: number;
  readonly #start: number;
  readonly #end: number;
  #free: number;

  constructor(
    private readonly physical: PhysicalMemory,
    arena: { readonly base: number; readonly size: number },
    private readonly features: Uint8Array,
    handlers: Handlers,
  ) {
    this.#words = physical.words;
    this.#source = new PageSource(physical);
    this.#records = new RecordWriter(physical.words, handlers);
    this.#scratch = arena.base;
    this.#counters = arena.base + scratchBytes * scratchCount;
    this.tables = this.#counters + (arena.size >>> 4);
    this.#start = this.tables + roundUp((physical.words.length / pageSize) * 4 * 4);
    this.#free = this.#start;
    this.#end = arena.base + arena.size;
    this.counterBase = this.#counters - (arena.base >>> 4);
    physical.invalidateCode = page => this.invalidate(page);
    physical.overwriteCode = (address, length) => this.overwritten(address, length);
    physical.holdsCode = (address, length) => this.holdsCode(address, length);
  }

  /**
   * The record at state.rip of the CPU at `cpu` (its number is `index`), decoded if need be; state.codeBase and codeTable are set.
   * 0: fault and leave fields are set.
   */
  lookup(cpu: number, index: number, fetcher: CodeFetcher): number {
    const words = this.#words;
    const block = cpu >>> 2;
    const mode = words[block + (state.mode.offset >> 2)]!;
    const ripLow = words[block + (state.rip.offset >> 2)]!;
    const ripHigh = words[block + (state.rip.offset >> 2) + 1]!;
    const wide = (mode & 3) === 2;
    const low = wide ? ripLow : (ripLow + words[block + (segmentBase(Segment.cs).offset >> 2)]!) | 0;
    const high = wide ? ripHigh : 0;
    const limit = wide ? -1 : words[block + (segmentLimit(Segment.cs).offset >> 2)]!;
    if (ripLow >>> 0 > limit >>> 0) return this.#beyondLimit(block);
    const address = fetcher.fetch(low, high);
    if (address === 0) return 0;

    const page = address & ~0xfff;
    const offset = low & 0xfff;
    if (this.#free + 2 * tableBytes + (blockLimit + 4) * record.size > this.#end) this.flush();
    const { table } = this.#page(page, mode);
    // The last page of a segment is looked up each time: its end must be seen.
    const left = (limit >>> 0) - (ripLow >>> 0) + 1;
    const end = left < pageSize - offset ? offset + left : pageSize;
    if (end === pageSize) fetcher.fillFetch(low, high, address, table);
    words[block + (state.codeTable.offset >> 2)] = table;
    words[block + (state.codeBase.offset >> 2)] = ripLow - offset;
    words[block + (state.codeBase.offset >> 2) + 1] = ripHigh - (ripLow >>> 0 < offset ? 1 : 0);

    const at = (table >>> 2) + offset;
    const known = words[at]!;
    const crosses = known !== 0 && (words[known >>> 2]! & 0xffff) === Handler.crossing;
    if (known !== 0 && !crosses) return known;
    if (known === 0 && this.#decodeBlock(page, mode, table, offset, end)) return words[at]!;

    if (end < pageSize) return this.#beyondLimit(block);
    // The instruction goes on in the next page.
    const nextLow = (low & ~0xfff) + pageSize;
    const nextHigh = wide && nextLow === 0 ? (high + 1) | 0 : high;
    const next = fetcher.fetch(nextLow | 0, nextHigh) & ~0xfff;
    if (next === 0) return 0;
    if (!wide) {
      const pointer = this.#scratch + (index % scratchCount) * scratchBytes;
      this.#writeCrossing(pointer, page, next, mode, offset);
      return pointer;
    }
    fetcher.fillFetch(nextLow | 0, nextHigh, next, this.#page(next, mode).table);
    return this.#crossing(at, page, next, mode, offset);
  }

  /** #GP(0): there is no code beyond the limit of CS. */
  #beyondLimit(block: number): 0 {
    this.#words[block + (state.faultVector.offset >> 2)] = 13;
    this.#words[block + (state.faultError.offset >> 2)] = 0;
    this.#words[block + (state.leave.offset >> 2)] = Leave.fault;
    return 0;
  }

  /** Forgets the code of a page. Its records stay where they are and say so, since one of them may be executing. */
  invalidate(address: number): void {
    const page = address & ~0xfff;
    const words = this.#words;
    const modes = this.#modes.get(page);
    if (modes) {
      modes.rewrites = 0;
      for (const { table } of modes.pages)
        for (let at = table >>> 2, end = at + pageSize; at < end; at++) if (words[at] !== 0) this.#drop(at);
    }
    for (const { check, at } of this.#tails.get(page) ?? []) {
      words[check >>> 2] = Handler.stale;
      if (words[at] === check) words[at] = 0;
    }
    this.#tails.delete(page);
    this.physical.unmarkCode(page);
    this.forgotten(page);
  }

  /** Bytes within a page are about to be written: forgets the instructions that have them, or all of the page if that is done often. */
  overwritten(address: number, length: number): void {
    const page = address & ~0xfff;
    const modes = this.#modes.get(page);
    if (!modes || ++modes.rewrites > rewriteLimit || this.hasCompiled(page)) {
      this.invalidate(page);
      return;
    }
    const from = address & 0xfff;
    for (const { table } of modes.pages) {
      for (;;) {
        const offset = this.#touched(table, from, length);
        if (offset < 0) break;
        this.#drop((table >>> 2) + offset);
      }
    }
    const tails = this.#tails.get(page);
    if (!tails) return;
    for (const { check, at, length: bytes } of tails) if (from < bytes && this.#words[at] === check) this.#drop(at);
    this.#tails.set(
      page,
      tails.filter(tail => from >= tail.length),
    );
  }

  /** Whether any decoded instruction has one of these bytes. */
  holdsCode(address: number, length: number): boolean {
    const page = address & ~0xfff;
    const from = address & 0xfff;
    const modes = this.#modes.get(page);
    if (modes) for (const { table } of modes.pages) if (this.#touched(table, from, length) >= 0) return true;
    const tails = this.#tails.get(page);
    return tails?.some(tail => from < tail.length) ?? false;
  }

  /** The offset of the first instruction with one of `length` bytes at `from`; or -1. */
  #touched(table: number, from: number, length: number): number {
    const words = this.#words;
    const end = Math.min(from + length, pageSize);
    for (let offset = Math.max(from - longest + 1, 0); offset < end; offset++) {
      const pointer = words[(table >>> 2) + offset]!;
      if (pointer === 0) continue;
      const bytes = (words[pointer >>> 2]! >>> 16) & 0xff;
      if (offset + (bytes || longest) > from) return offset;
    }
    return -1;
  }

  /** Takes a record out of its place in a table. It stays readable, and says that it is stale. */
  #drop(at: number): void {
    const words = this.#words;
    const word = words[at]! >>> 2;
    words[word] = (words[word]! & ~0xffff) | Handler.stale;
    words[at] = 0;
  }

  /** The page that a table is of. */
  pageOf(table: number): Readonly<Page> | undefined {
    return this.#tables.get(table);
  }

  /** Room for records, 0 if there is none left. For the JIT's own records. */
  takeRecords(count: number): number {
    if (this.#free + count * record.size > this.#end) return 0;
    const pointer = this.#free;
    this.#free += count * record.size;
    return pointer;
  }

  /** Forgets everything. Not while a record is being executed. */
  flush(): void {
    this.flushes++;
    for (const { address } of this.#pages.values()) {
      this.physical.unmarkCode(address);
      this.forgotten(address);
    }
    this.#pages.clear();
    this.#tables.clear();
    this.#modes.clear();
    for (const page of this.#tails.keys()) this.physical.unmarkCode(page);
    this.#tails.clear();
    this.#free = this.#start;
    this.#words.fill(0, this.#counters >>> 2, this.#start >>> 2);
    this.flushed();
  }

  #page(address: number, mode: number): Page {
    const key = keyOf(address, mode);
    const known = this.#pages.get(key);
    if (known) {
      this.physical.markCode(address);
      return known;
    }
    const table = this.#free;
    this.#free += tableBytes;
    this.#words.fill(0, table >>> 2, (table + tableBytes) >>> 2);
    const page: Page = { address, mode, table };
    this.#pages.set(key, page);
    this.#tables.set(table, page);
    if (mode === mode64) this.#words[(this.tables >>> 2) + (address >>> 12)] = table;
    const modes = this.#modes.get(address);
    if (modes) modes.pages.push(page);
    else this.#modes.set(address, { pages: [page], rewrites: 0 });
    this.physical.markCode(address);
    return page;
  }

  /** False: nothing, since the first instruction ends in the next page. */
  #decodeBlock(page: number, mode: number, table: number, start: number, end: number): boolean {
    const words = this.#words;
    const source = this.#source;
    const decoded = this.#decoded;
    let offset = start;
    for (let count = 0; count < blockLimit; count++) {
      if (offset >= end || (count > 0 && words[(table >>> 2) + offset] !== 0)) break;
      source.set(page, offset, end, 0);
      const length = decode(source, mode, this.features, decoded);
      if (length === 0) {
        if (count === 0) return false;
        break;
      }
      const pointer = this.#take();
      words[(table >>> 2) + offset] = pointer;
      if (length < 0) {
        this.#records.undefined(pointer, offset, decoded.fault);
        return true;
      }
      this.#records.instruction(pointer, offset, mode, decoded);
      offset += length;
      if (endsBlock(decoded.form!)) return true;
    }
    this.#records.goto(this.#take(), offset);
    return true;
  }

  /** The record of a crossing instruction, behind the one that checks where the next page is. */
  #crossing(at: number, page: number, next: number, mode: number, offset: number): number {
    const words = this.#words;
    let check = words[at]!;
    if (check === 0) {
      check = this.#take();
      this.#take();
      this.#take();
      this.#records.own(check, offset, Handler.crossing);
      words[(check >>> 2) + 4] = check + record.size;
      words[at] = check;
    }
    const pointer = check + record.size;
    if (words[(check >>> 2) + 6] !== next) {
      words[(check >>> 2) + 6] = next;
      const length = this.#writeCrossing(pointer, page, next, mode, offset);
      const tail: Tail = { check, at, length: offset + length - pageSize };
      const tails = this.#tails.get(next);
      if (tails) tails.push(tail);
      else this.#tails.set(next, [tail]);
      this.physical.markCode(next);
    }
    return pointer;
  }

  /** Writes the instruction's record and one that goes on behind it. */
  #writeCrossing(pointer: number, page: number, next: number, mode: number, offset: number): number {
    this.#source.set(page, offset, pageSize, next);
    const length = decode(this.#source, mode, this.features, this.#decoded);
    if (length <= 0) {
      this.#records.undefined(pointer, offset, length === 0 ? 6 : this.#decoded.fault);
      return 15;
    }
    this.#records.instruction(pointer, offset, mode, this.#decoded);
    this.#records.goto(pointer + record.size, offset + length);
    return length;
  }

  #take(): number {
    const pointer = this.#free;
    this.#free += record.size;
    return pointer;
  }
}

const roundUp = (bytes: number): number => Math.ceil(bytes / record.size) * record.size;

/** Pages of linear memory are numbered in 20 bits, modes in 5. */
const keyOf = (page: number, mode: number): number => ((page >>> 12) << 5) | mode;
