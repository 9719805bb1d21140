/**
 * Where decoded code lies in linear memory: scratch records, the counters of jumps, the table of 64-bit code tables by page, and then tables and
 * records in the order in which they were made.
 */
import { pageSize } from '../memory/page.ts';
import { record } from './record.ts';

/** A crossing instruction and the record after it. */
const scratchBytes = record.size * 2;
const scratchCount = 64;

export class CodeArena {
  /** For state.codeCounters: a record's counter is at this plus a sixteenth of the record's address. */
  readonly counterBase: number;
  /** For state.codeTables. */
  readonly tables: number;
  readonly #words: Int32Array;
  readonly #scratch: number;
  readonly #counters: number;
  readonly #start: number;
  readonly #end: number;
  #free: number;

  constructor(words: Int32Array, { base, size }: { readonly base: number; readonly size: number }) {
    this.#words = words;
    this.#scratch = base;
    this.#counters = base + scratchBytes * scratchCount;
    this.tables = this.#counters + (size >>> 4);
    this.#start = this.tables + roundUp((words.length / pageSize) * 4 * 4);
    this.#free = this.#start;
    this.#end = base + size;
    this.counterBase = this.#counters - (base >>> 4);
  }

  /** Two records of a CPU, by its number, that are written anew each time. */
  scratch(index: number): number {
    return this.#scratch + (index % scratchCount) * scratchBytes;
  }

  hasRoom(bytes: number): boolean {
    return this.#free + bytes <= this.#end;
  }

  take(bytes: number): number {
    const pointer = this.#free;
    this.#free += bytes;
    return pointer;
  }

  /** All is free again, and nothing is counted or known of any page. */
  clear(): void {
    this.#free = this.#start;
    this.#words.fill(0, this.#counters >>> 2, this.#start >>> 2);
  }
}

const roundUp = (bytes: number): number => Math.ceil(bytes / record.size) * record.size;
