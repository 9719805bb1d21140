/**
 * The second tier: regions around records that are jumped to often become functions. A region is entered through the handler number of
 * its entry records, and dies with its page.
 */

import type { CodeCache } from '../interpreter/code-cache.ts';
import { Handler } from '../interpreter/handlers.ts';
import type { Interpreter } from '../interpreter/interpreter.ts';
import { record } from '../interpreter/record.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { state } from '../state/layout.ts';
import { mode64 } from '../state/mode.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { readInstruction } from './instruction.ts';
import { findRegion, type Region } from './region.ts';
import { translate } from './translate.ts';

interface Request {
  readonly head: number;
  readonly table: number;
}

const lengthOf = ({ blocks }: Region): number => blocks.reduce((sum, { instructions }) => sum + instructions.length, 0);

interface LiveRegion {
  readonly slot: number;
  readonly region: Region;
  readonly table: number;
}

const most = 0xffff;

/** Regions are compiled together, since a module costs more than a function; but none waits for long. */
const batch = 12;
const patience = 300;

export class Jit {
  /** Number of regions compiled so far. */
  compiled = 0;
  /** What is about to be executed is compiled first, be it for once: for tests. */
  eager = false;
  readonly #view: DataView;
  readonly #queue: Request[] = [];
  /** Everything is compiled, executed or not: for tests. */
  readonly #always: boolean;
  /** Runs since something came into the queue. */
  #waited = 0;
  /** By page. */
  readonly #live = new Map<number, LiveRegion[]>();
  readonly #free: number[] = [];

  constructor(
    private readonly interpreter: Interpreter,
    private readonly cache: CodeCache,
    private readonly physical: PhysicalMemory,
    /** Code without a loop is done before compilation pays if it has fewer instructions. */
    private readonly shortest = 12,
  ) {
    this.#always = shortest === 0;
    this.#view = new DataView(physical.words.buffer);
    cache.forgotten = page => this.forget(page);
    cache.hasCompiled = page => this.#live.has(page);
  }

  /** Runs a CPU as Interpreter.run does. */
  run(cpu: number, budget: number): number {
    if (this.eager) this.#compileEntry(cpu);
    else if (this.#queue.length > 0 && ++this.#waited > patience) this.compileQueue();
    return this.interpreter.run(cpu, budget);
  }

  /** A record is hot. May be called while it is executed. */
  promote(pointer: number, table: number): void {
    this.#queue.push({ head: pointer >>> 0, table: table >>> 0 });
    if (this.#queue.length >= batch) this.compileQueue();
  }

  #compileEntry(cpu: number): void {
    const pointer = this.interpreter.lookup(cpu);
    if (pointer !== 0) this.promote(pointer, this.#view.getUint32(cpu + state.codeTable.offset, true));
    this.compileQueue();
  }

  compileQueue(): void {
    this.#waited = 0;
    const module = new ModuleBuilder();
    const regions: LiveRegion[] = [];
    for (const { head, table } of this.#queue.splice(0)) {
      const page = this.cache.pageOf(table);
      if (!page || page.mode !== mode64) continue;
      const offset = this.#view.getUint16(head + record.offset, true);
      if (this.#pointer(table, offset) !== head || this.#handler(head) === Handler.jitted) continue;
      if (this.#enter(table, offset)) continue;
      const region = findRegion(offset, {
        at: place => {
          const pointer = this.#pointer(table, place);
          return pointer === 0 ? undefined : readInstruction(this.#view, pointer, this.interpreter);
        },
        jumps: place => {
          const pointer = this.#pointer(table, place);
          return this.eager || this.#always || pointer === 0
            ? most
            : this.#view.getUint16(this.cache.counterBase + (pointer >>> 4), true);
        },
      });
      if (!region || (!this.eager && !region.loops && lengthOf(region) < this.shortest)) continue;
      const slot = this.#takeSlot();
      module.element(slot, module.function(translate(region, module)));
      const live: LiveRegion = { slot, region, table };
      regions.push(live);
      const there = this.#live.get(page.address);
      if (there) there.push(live);
      else this.#live.set(page.address, [live]);
    }
    if (regions.length === 0) return;
    module.importTable();
    this.interpreter.instantiate(module);
    for (const live of regions) for (const entry of live.region.entries) this.#install(live, entry);
    this.compiled += regions.length;
  }

  /** The regions of a page are gone; its records say so themselves. */
  forget(page: number): void {
    for (const { slot } of this.#live.get(page) ?? []) {
      this.interpreter.table.set(slot, null);
      this.#free.push(slot);
    }
    this.#live.delete(page);
  }

  /** A block of a region that is there already becomes one of its entries. */
  #enter(table: number, offset: number): boolean {
    const page = this.cache.pageOf(table);
    const live = this.#live
      .get(page!.address)
      ?.find(each => each.table === table && each.region.blocks.some(block => block.offset === offset));
    return live !== undefined && this.#install(live, offset);
  }

  #install({ slot, region, table }: LiveRegion, entry: number): boolean {
    const index = region.blocks.findIndex(({ offset }) => offset === entry);
    const pointer = this.#pointer(table, entry);
    if (pointer === 0 || this.#handler(pointer) === Handler.jitted) return false;
    const copy = this.cache.takeRecords(2);
    if (copy === 0) return false;
    // The copy executes as the record did, and goes on after it.
    const view = this.#view;
    const next = copy + record.size;
    this.physical.words.copyWithin(copy >>> 2, pointer >>> 2, (pointer + record.size) >>> 2);
    this.physical.words.fill(0, next >>> 2, (next + record.size) >>> 2);
    const after = entry + view.getUint8(pointer + record.length);
    view.setUint16(next + record.handler, Handler.goto, true);
    view.setUint16(next + record.offset, after, true);
    view.setUint32(next + record.displacement, pointer + record.size, true);
    view.setUint32(next + record.immediate, after, true);

    view.setUint16(pointer + record.a, region.blocks[index]!.instructions.length, true);
    view.setUint32(pointer + record.displacement, copy, true);
    view.setUint32(pointer + record.immediate, slot, true);
    view.setUint32(pointer + record.immediate + 4, index, true);
    view.setUint16(pointer + record.handler, Handler.jitted, true);
    return true;
  }

  #takeSlot(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    return this.interpreter.table.grow(1);
  }

  #pointer(table: number, offset: number): number {
    return this.#view.getUint32(table + offset * 4, true);
  }
  #handler(pointer: number): number {
    return this.#view.getUint16(pointer + record.handler, true);
  }
}
