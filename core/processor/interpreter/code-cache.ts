/**
 * Decoded code, found by where a CPU's RIP is. Blocks are decoded when they are first executed. When the arena is full everything is
 * forgotten.
 */

import { pageSize } from '../memory/page.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { Segment, segmentBase, segmentLimit, state } from '../state/layout.ts';
import { Leave } from '../state/leave.ts';
import { Vector } from '../state/registers.ts';
import { BlockDecoder, mostRecordBytes } from './block-decoder.ts';
import { CodeArena } from './code-arena.ts';
import { type CodePage, CodePages, tableBytes } from './code-pages.ts';
import { Handler } from './handlers.ts';
import { record } from './record.ts';
import type { Handlers } from './record-writer.ts';

/** How the CPU fetches: page by page, through its MMU. */
export interface CodeFetcher {
  /** Address in linear memory of the byte at a linear address; 0: fault and leave fields are set. */
  fetch(low: number, high: number): number;
  /** The page may be entered in the fetch TLB with this table (if it is that one's right). */
  fillFetch(low: number, high: number, address: number, table: number): void;
}

export class CodeCache {
  /** Told before everything is forgotten: fetch TLBs must be emptied. */
  flushed: () => void = () => {};
  flushes = 0;

  readonly #words: Int32Array;
  readonly #arena: CodeArena;
  readonly #pages: CodePages;
  readonly #decoder: BlockDecoder;

  constructor(
    physical: PhysicalMemory,
    arena: { readonly base: number; readonly size: number },
    features: Uint8Array,
    handlers: Handlers,
  ) {
    this.#words = physical.words;
    this.#arena = new CodeArena(physical.words, arena);
    this.#pages = new CodePages(physical, this.#arena);
    this.#decoder = new BlockDecoder({ physical, arena: this.#arena, pages: this.#pages, features, handlers });
    physical.invalidateCode = page => this.#pages.invalidate(page);
    physical.overwriteCode = (address, length) => this.#pages.overwritten(address, length);
    physical.holdsCode = (address, length) => this.#pages.holdsCode(address, length);
  }

  /** For state.codeCounters. */
  get counterBase(): number {
    return this.#arena.counterBase;
  }

  /** For state.codeTables. */
  get tables(): number {
    return this.#arena.tables;
  }

  /** Told when a page is forgotten. */
  set forgotten(listener: (page: number) => void) {
    this.#pages.forgotten = listener;
  }

  /** Whether there is compiled code of a page, which can only be forgotten as a whole. */
  set hasCompiled(predicate: (page: number) => boolean) {
    this.#pages.hasCompiled = predicate;
  }

  /**
   * The record at state.rip of the CPU at `cpu` (its number is `index`), decoded if need be; state.codeBase and codeTable are set.
   * 0: fault and leave fields are set.
   */
  lookup(cpu: number, index: number, fetcher: CodeFetcher): number {
    const words = this.#words;
    const block = cpu >>> 2;
    const mode = words[block + (state.mode.offset >> 2)];
    const ripLow = words[block + (state.rip.offset >> 2)];
    const ripHigh = words[block + (state.rip.offset >> 2) + 1];
    const wide = (mode & 3) === 2;
    const low = wide ? ripLow : (ripLow + words[block + (segmentBase(Segment.cs).offset >> 2)]) | 0;
    const high = wide ? ripHigh : 0;
    const limit = wide ? -1 : words[block + (segmentLimit(Segment.cs).offset >> 2)];
    if (ripLow >>> 0 > limit >>> 0) return this.#beyondLimit(block);
    const address = fetcher.fetch(low, high);
    if (address === 0) return 0;

    const offset = low & 0xfff;
    if (!this.#arena.hasRoom(2 * tableBytes + mostRecordBytes)) this.flush();
    const codePage = this.#pages.page(address & ~0xfff, mode);
    const { table } = codePage;
    // The last page of a segment is looked up each time: its end must be seen.
    const left = (limit >>> 0) - (ripLow >>> 0) + 1;
    const end = left < pageSize - offset ? offset + left : pageSize;
    if (end === pageSize) fetcher.fillFetch(low, high, address, table);
    words[block + (state.codeTable.offset >> 2)] = table;
    words[block + (state.codeBase.offset >> 2)] = ripLow - offset;
    words[block + (state.codeBase.offset >> 2) + 1] = ripHigh - (ripLow >>> 0 < offset ? 1 : 0);

    const at = (table >>> 2) + offset;
    const known = words[at];
    const crosses = known !== 0 && (words[known >>> 2] & 0xffff) === Handler.crossing;
    if (known !== 0 && !crosses) return known;
    if (known === 0 && this.#decoder.block(codePage, offset, end)) return words[at];

    if (end < pageSize) return this.#beyondLimit(block);
    // The instruction goes on in the next page.
    const nextLow = (low & ~0xfff) + pageSize;
    const nextHigh = wide && nextLow === 0 ? (high + 1) | 0 : high;
    const next = fetcher.fetch(nextLow | 0, nextHigh) & ~0xfff;
    if (next === 0) return 0;
    const crossing = { page: codePage, offset, next };
    if (!wide) {
      const pointer = this.#arena.scratch(index);
      this.#decoder.writeCrossing(pointer, crossing);
      return pointer;
    }
    fetcher.fillFetch(nextLow | 0, nextHigh, next, this.#pages.page(next, mode).table);
    return this.#decoder.crossing(crossing);
  }

  /** #GP(0): there is no code beyond the limit of CS. */
  #beyondLimit(block: number): 0 {
    this.#words[block + (state.faultVector.offset >> 2)] = Vector.gp;
    this.#words[block + (state.faultError.offset >> 2)] = 0;
    this.#words[block + (state.leave.offset >> 2)] = Leave.fault;
    return 0;
  }

  /** The page that a table is of. */
  pageOf(table: number): CodePage | undefined {
    return this.#pages.ofTable(table);
  }

  /** Room for records, 0 if there is none left. For the JIT's own records. */
  takeRecords(count: number): number {
    const bytes = count * record.size;
    return this.#arena.hasRoom(bytes) ? this.#arena.take(bytes) : 0;
  }

  /** Forgets everything. Not while a record is being executed. */
  flush(): void {
    this.flushes++;
    this.#pages.clear();
    this.#arena.clear();
    this.flushed();
  }
}
