/**
 * Which pages of blocks are tracked. Tracking is of the memory, not of the addresses that it is mapped at: a page that shows at two of them is
 * dirty at both.
 */
import { pageSize } from '#core';
import type { HostBlock } from './memory-map.ts';

/** Pages of a block, next to each other. */
export interface PageRun {
  readonly block: HostBlock;
  /** In bytes, as the size. */
  readonly offset: number;
  readonly size: number;
}

export class TrackedPages {
  /** By block, a byte for each page: 1 where it is tracked. */
  readonly #pages = new Map<HostBlock, Uint8Array>();

  get any(): boolean {
    return this.#pages.size > 0;
  }

  set({ block, offset, size }: PageRun, on: boolean): void {
    let pages = this.#pages.get(block);
    if (!pages) this.#pages.set(block, (pages = new Uint8Array(block.size / pageSize)));
    pages.fill(on ? 1 : 0, offset / pageSize, (offset + size) / pageSize);
    if (!on && !pages.includes(1)) this.#pages.delete(block);
  }

  /** The tracked parts of a run; with `state` 0 those that are not. */
  runs({ block, offset, size }: PageRun, state: 0 | 1 = 1): readonly PageRun[] {
    const pages = this.#pages.get(block);
    if (!pages) return state === 0 ? [{ block, offset, size }] : [];
    const end = (offset + size) / pageSize;
    const result: PageRun[] = [];
    for (let page = offset / pageSize; page < end; ) {
      const first = page;
      while (page < end && pages[page] === state) page++;
      if (page > first) result.push({ block, offset: first * pageSize, size: (page - first) * pageSize });
      else page++;
    }
    return result;
  }
}
