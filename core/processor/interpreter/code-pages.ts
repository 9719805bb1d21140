/**
 * The pages that have decoded code: per page of linear memory and decode mode a table of 4096 pointers to records. A page whose bytes change
 * is forgotten as a whole, or instruction by instruction while that is seldom.
 */
import { pageSize } from '../memory/page.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { mode64 } from '../state/mode.ts';
import type { CodeArena } from './code-arena.ts';
import { Handler } from './handlers.ts';

export const tableBytes = pageSize * 4;
/** A page is forgotten as a whole after so many writes to its instructions: it may be data by now. */
const rewriteLimit = 16;
/** Bytes of an instruction, at most. */
const longest = 15;

export interface CodePage {
  readonly address: number;
  readonly mode: number;
  readonly table: number;
}

interface Modes {
  readonly pages: CodePage[];
  /** How often single instructions were forgotten. */
  rewrites: number;
}

/** An instruction's bytes in its second page; its checking record, and the place of that in its table. */
export interface Tail {
  readonly check: number;
  readonly at: number;
  readonly length: number;
}

export class CodePages {
  /** Told when a page is forgotten. */
  forgotten: (page: number) => void = () => {};
  /** Whether there is compiled code of a page, which can only be forgotten as a whole. */
  hasCompiled: (page: number) => boolean = () => false;

  readonly #words: Int32Array;
  readonly #pages = new Map<number, CodePage>();
  readonly #tables = new Map<number, CodePage>();
  /** The pages of all modes, by address. */
  readonly #modes = new Map<number, Modes>();
  /** Ends of instructions that begin in the page before, by page. */
  readonly #tails = new Map<number, Tail[]>();

  constructor(
    private readonly physical: PhysicalMemory,
    private readonly arena: CodeArena,
  ) {
    this.#words = physical.words;
  }

  /** The page that a table is of. */
  ofTable(table: number): CodePage | undefined {
    return this.#tables.get(table);
  }

  /** The page, with an empty table if it is new. */
  page(address: number, mode: number): CodePage {
    const key = keyOf(address, mode);
    const known = this.#pages.get(key);
    if (known) {
      this.physical.markCode(address);
      return known;
    }
    const table = this.arena.take(tableBytes);
    this.#words.fill(0, table >>> 2, (table + tableBytes) >>> 2);
    const page: CodePage = { address, mode, table };
    this.#pages.set(key, page);
    this.#tables.set(table, page);
    if (mode === mode64) this.#words[(this.arena.tables >>> 2) + (address >>> 12)] = table;
    const modes = this.#modes.get(address);
    if (modes) modes.pages.push(page);
    else this.#modes.set(address, { pages: [page], rewrites: 0 });
    this.physical.markCode(address);
    return page;
  }

  addTail(page: number, tail: Tail): void {
    const tails = this.#tails.get(page);
    if (tails) tails.push(tail);
    else this.#tails.set(page, [tail]);
    this.physical.markCode(page);
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

  /** Forgets the instructions that have bytes which are about to be written, or all of the page if that happens often. */
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

  /** Forgets all pages. The arena is cleared by the caller. */
  clear(): void {
    for (const { address } of this.#pages.values()) {
      this.physical.unmarkCode(address);
      this.forgotten(address);
    }
    this.#pages.clear();
    this.#tables.clear();
    this.#modes.clear();
    for (const page of this.#tails.keys()) this.physical.unmarkCode(page);
    this.#tails.clear();
  }

  /** The offset of the first instruction with one of `length` bytes at `from`; or -1. */
  #touched(table: number, from: number, length: number): number {
    const words = this.#words;
    const end = Math.min(from + length, pageSize);
    for (let offset = Math.max(from - longest + 1, 0); offset < end; offset++) {
      const pointer = words[(table >>> 2) + offset];
      if (pointer === 0) continue;
      const bytes = (words[pointer >>> 2] >>> 16) & 0xff;
      if (offset + (bytes || longest) > from) return offset;
    }
    return -1;
  }

  /** Takes a record out of its place in a table. It stays readable, and says that it is stale. */
  #drop(at: number): void {
    const words = this.#words;
    const word = words[at] >>> 2;
    words[word] = (words[word] & ~0xffff) | Handler.stale;
    words[at] = 0;
  }
}

/** Pages of linear memory are numbered in 20 bits, modes in 5. */
const keyOf = (page: number, mode: number): number => ((page >>> 12) << 5) | mode;
