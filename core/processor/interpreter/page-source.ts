/** The bytes that a page of code gives the decoder. */
import type { ByteSource } from '../decode/decoded.ts';
import { pageSize } from '../memory/page.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';

/** Bytes of a page from an offset on, and of a second page after it. */
export class PageSource implements ByteSource {
  length = 0;
  #page = 0;
  #offset = 0;
  #next = 0;

  constructor(private readonly physical: PhysicalMemory) {}

  set(page: number, offset: number, end: number, next: number): void {
    this.#page = page;
    this.#offset = offset;
    this.#next = next;
    this.length = next === 0 ? Math.min(15, end - offset) : 15;
  }

  at(index: number): number {
    const offset = this.#offset + index;
    return offset < pageSize
      ? this.physical.load8((this.#page + offset) | 0)
      : this.physical.load8((this.#next + offset - pageSize) | 0);
  }
}
