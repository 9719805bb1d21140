/** From bytes to records: a block at a time, and single instructions that go on in the next page. */
import { Decoded } from '../decode/decoded.ts';
import { decode } from '../decode/decoder.ts';
import { endsBlock } from '../isa/programs.ts';
import { pageSize } from '../memory/page.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { Vector } from '../state/registers.ts';
import type { CodeArena } from './code-arena.ts';
import type { CodePage, CodePages } from './code-pages.ts';
import { Handler } from './handlers.ts';
import { PageSource } from './page-source.ts';
import { crossingRecord, record, wordOf } from './record.ts';
import { type Handlers, RecordWriter } from './record-writer.ts';

const blockLimit = 64;

/** Bytes that one block, or one crossing instruction, takes at most. */
export const mostRecordBytes = (blockLimit + 4) * record.size;

/** An instruction that begins in `page` and ends in the page at `next` in linear memory. */
export interface Crossing {
  readonly page: CodePage;
  readonly offset: number;
  readonly next: number;
}

export interface BlockDecoderParts {
  readonly physical: PhysicalMemory;
  readonly arena: CodeArena;
  readonly pages: CodePages;
  readonly features: Uint8Array;
  readonly handlers: Handlers;
}

export class BlockDecoder {
  readonly #words: Int32Array;
  readonly #arena: CodeArena;
  readonly #pages: CodePages;
  readonly #features: Uint8Array;
  readonly #decoded = new Decoded();
  readonly #source: PageSource;
  readonly #records: RecordWriter;

  constructor({ physical, arena, pages, features, handlers }: BlockDecoderParts) {
    this.#words = physical.words;
    this.#arena = arena;
    this.#pages = pages;
    this.#features = features;
    this.#source = new PageSource(physical);
    this.#records = new RecordWriter(physical.words, handlers);
  }

  /** Decodes from `start` on, at most to `end`. False: nothing, since the first instruction ends in the next page. */
  block({ address, mode, table }: CodePage, start: number, end: number): boolean {
    const words = this.#words;
    const source = this.#source;
    const decoded = this.#decoded;
    let offset = start;
    for (let count = 0; count < blockLimit; count++) {
      if (offset >= end || (count > 0 && words[(table >>> 2) + offset] !== 0)) break;
      source.set(address, offset, end, 0);
      const length = decode(source, mode, this.#features, decoded);
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
  crossing(crossing: Crossing): number {
    const words = this.#words;
    const { page, offset, next } = crossing;
    const at = (page.table >>> 2) + offset;
    let check = words[at];
    if (check === 0) {
      check = this.#take();
      this.#take();
      this.#take();
      this.#records.own(check, offset, Handler.crossing);
      words[wordOf(check, crossingRecord.instruction)] = check + record.size;
      words[at] = check;
    }
    const pointer = check + record.size;
    if (words[wordOf(check, crossingRecord.nextPage)] !== next) {
      words[wordOf(check, crossingRecord.nextPage)] = next;
      const length = this.writeCrossing(pointer, crossing);
      this.#pages.addTail(next, { check, at, length: offset + length - pageSize });
    }
    return pointer;
  }

  /** Writes the instruction's record and one that goes on behind it. Returns the instruction's length. */
  writeCrossing(pointer: number, { page, offset, next }: Crossing): number {
    this.#source.set(page.address, offset, pageSize, next);
    const length = decode(this.#source, page.mode, this.#features, this.#decoded);
    if (length <= 0) {
      this.#records.undefined(pointer, offset, length === 0 ? Vector.ud : this.#decoded.fault);
      return 15;
    }
    this.#records.instruction(pointer, offset, page.mode, this.#decoded);
    this.#records.goto(pointer + record.size, offset + length);
    return length;
  }

  #take(): number {
    return this.#arena.take(record.size);
  }
}
