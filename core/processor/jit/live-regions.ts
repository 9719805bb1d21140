/** Compiled regions, by the page that they were compiled from. A region lives until its page is forgotten. */
import type { CodeCache } from '../interpreter/code-cache.ts';
import { Handler } from '../interpreter/handlers.ts';
import type { Interpreter } from '../interpreter/interpreter.ts';
import { gotoRecord, jittedRecord, record } from '../interpreter/record.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { Region } from './region.ts';

export interface LiveRegion {
  /** Of its function, in the interpreter's table. */
  readonly slot: number;
  readonly region: Region;
  /** The code table of its page. */
  readonly table: number;
}

export class LiveRegions {
  readonly #view: DataView;
  readonly #byPage = new Map<number, LiveRegion[]>();
  readonly #freeSlots: number[] = [];

  constructor(
    private readonly interpreter: Pick<Interpreter, 'table'>,
    private readonly cache: Pick<CodeCache, 'takeRecords'>,
    private readonly physical: PhysicalMemory,
  ) {
    this.#view = new DataView(physical.words.buffer);
  }

  has(page: number): boolean {
    return this.#byPage.has(page);
  }

  add(page: number, region: Region, table: number): LiveRegion {
    const live: LiveRegion = { slot: this.#freeSlots.pop() ?? this.interpreter.table.grow(1), region, table };
    const there = this.#byPage.get(page);
    if (there) there.push(live);
    else this.#byPage.set(page, [live]);
    return live;
  }

  /** The regions of a page are gone; its records say so themselves. */
  forget(page: number): void {
    for (const { slot } of this.#byPage.get(page) ?? []) {
      this.interpreter.table.set(slot, null);
      this.#freeSlots.push(slot);
    }
    this.#byPage.delete(page);
  }

  /** A block of a region that is there already becomes one of its entries. False: no region has such a block, or there is no room. */
  enter(page: number, table: number, offset: number): boolean {
    const live = this.#byPage
      .get(page)
      ?.find(each => each.table === table && each.region.blocks.some(block => block.offset === offset));
    return live !== undefined && this.install(live, offset);
  }

  /** The record at an entry calls the region from now on. What it was is copied, for budgets that do not reach to the end of the block. */
  install({ slot, region, table }: LiveRegion, entry: number): boolean {
    const view = this.#view;
    const index = region.blocks.findIndex(({ offset }) => offset === entry);
    const pointer = view.getUint32(table + entry * 4, true);
    if (pointer === 0 || view.getUint16(pointer + record.handler, true) === Handler.jitted) return false;
    const copy = this.cache.takeRecords(2);
    if (copy === 0) return false;
    // The copy executes as the record did, and goes on after it.
    const next = copy + record.size;
    this.physical.words.copyWithin(copy >>> 2, pointer >>> 2, (pointer + record.size) >>> 2);
    this.physical.words.fill(0, next >>> 2, (next + record.size) >>> 2);
    const after = entry + view.getUint8(pointer + record.length);
    view.setUint16(next + record.handler, Handler.goto, true);
    view.setUint16(next + record.offset, after, true);
    view.setUint32(next + gotoRecord.link, pointer + record.size, true);
    view.setUint32(next + gotoRecord.target, after, true);

    view.setUint16(pointer + jittedRecord.count, region.blocks[index].instructions.length, true);
    view.setUint32(pointer + jittedRecord.original, copy, true);
    view.setUint32(pointer + jittedRecord.slot, slot, true);
    view.setUint32(pointer + jittedRecord.block, index, true);
    view.setUint16(pointer + record.handler, Handler.jitted, true);
    return true;
  }
}
