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
import { type LiveRegion, LiveRegions } from './live-regions.ts';
import { findRegion, type PageCode, type Region } from './region.ts';
import { translate } from './translate.ts';

interface Request {
  readonly head: number;
  readonly table: number;
}

const lengthOf = ({ blocks }: Region): number => blocks.reduce((sum, { instructions }) => sum + instructions.length, 0);

/** The count of jumps to a place that must be compiled whether it is executed or not. */
const always = 0xffff;

/** Regions are compiled together, since a module costs more than a function. */
const batch = 12;
/** A region that waits for others is compiled after this many runs without them. */
const longestWait = 300;

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
  readonly #live: LiveRegions;

  constructor(
    private readonly interpreter: Interpreter,
    private readonly cache: CodeCache,
    physical: PhysicalMemory,
    /** Code without a loop is done before compilation pays if it has fewer instructions. */
    private readonly shortest = 12,
  ) {
    this.#always = shortest === 0;
    this.#view = new DataView(physical.words.buffer);
    this.#live = new LiveRegions(interpreter, cache, physical);
    cache.forgotten = page => this.#live.forget(page);
    cache.hasCompiled = page => this.#live.has(page);
  }

  /** Runs a CPU as Interpreter.run does. */
  run(cpu: number, budget: number): number {
    if (this.eager) this.#compileEntry(cpu);
    else if (this.#queue.length > 0 && ++this.#waited > longestWait) this.compileQueue();
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

  /** Compiles what waits, as one module. */
  compileQueue(): void {
    this.#waited = 0;
    const module = new ModuleBuilder();
    const regions = this.#queue.splice(0).flatMap(request => this.#compile(request, module) ?? []);
    if (regions.length === 0) return;
    module.importTable();
    this.interpreter.instantiate(module);
    for (const live of regions) for (const entry of live.region.entries) this.#live.install(live, entry);
    this.compiled += regions.length;
  }

  /** Adds the region around a hot record to the module. undefined: there is none, or none that is worth it. */
  #compile({ head, table }: Request, module: ModuleBuilder): LiveRegion | undefined {
    const page = this.cache.pageOf(table);
    if (!page || page.mode !== mode64) return undefined;
    const offset = this.#view.getUint16(head + record.offset, true);
    if (this.#pointer(table, offset) !== head || this.#handler(head) === Handler.jitted) return undefined;
    if (this.#live.enter(page.address, table, offset)) return undefined;
    const region = findRegion(offset, this.#codeOf(table));
    if (!region || !this.#pays(region)) return undefined;
    const live = this.#live.add(page.address, region, table);
    module.element(live.slot, module.function(translate(region, module)));
    return live;
  }

  #pays(region: Region): boolean {
    return this.eager || region.loops || lengthOf(region) >= this.shortest;
  }

  #codeOf(table: number): PageCode {
    const countsAll = this.eager || this.#always;
    return {
      at: place => {
        const pointer = this.#pointer(table, place);
        return pointer === 0 ? undefined : readInstruction(this.#view, pointer, this.interpreter);
      },
      jumps: place => {
        const pointer = this.#pointer(table, place);
        if (countsAll || pointer === 0) return always;
        return this.#view.getUint16(this.cache.counterBase + (pointer >>> 4), true);
      },
    };
  }

  #pointer(table: number, offset: number): number {
    return this.#view.getUint32(table + offset * 4, true);
  }
  #handler(pointer: number): number {
    return this.#view.getUint16(pointer + record.handler, true);
  }
}
