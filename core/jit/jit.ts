/**
 * The second tier: regions around records that are jumped to often become functions. A region is entered through the handler number of
 * its entry records, and dies with its page.
 */
import { Handler } from '../interpreter/handlers.ts';
import type { CodeCache } from '../interpreter/code-cache.ts';
import type { Interpreter } from '../interpreter/interpreter.ts';
import { record } from '../interpreter/record.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
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

/** Regions are compiled together: a module costs more than a function. */
const batch = 4;

export class Jit {
  /** Number of regions compiled so far. */
  compiled = 0;
  readonly #view: DataView;
  readonly #queue: Request[] = [];
  /** Table slots of live regions, by page. */
  readonly #slots = new Map<number, number[]>();
  readonly #free: number[] = [];

  constructor(
    private readonly interpreter: Interpreter,
    private readonly cache: CodeCache,
    private readonly physical: PhysicalMemory,
    /** Code without a loop is done before compilation pays if it has fewer instructions. */
    private readonly shortest = 12,
  ) {
    this.#view = new DataView(physical.words.buffer);
    cache.forgotten = page => this.forget(page);
  }

  /** Runs a CPU as Interpreter.run does. */
  run(cpu: number, budget: number): number {
    if (this.#queue.length > 0) this.compileQueue();
    return this.interpreter.run(cpu, budget);
  }

  /** A record is hot. May be called while it is executed. */
  promote(pointer: number, table: number): void {
    this.#queue.push({ head: pointer >>> 0, table: table >>> 0 });
    if (this.#queue.length >= batch) this.compileQueue();
  }

  compileQueue(): void {
    const module = new ModuleBuilder();
    const regions: { readonly slot: number; readonly region: Region; readonly table: number }[] = [];
    for (const { head, table } of this.#queue.splice(0)) {
      const page = this.cache.pageOf(table);
      if (!page || page.mode !== mode64) continue;
      const offset = this.#view.getUint16(head + record.offset, true);
      if (this.#pointer(table, offset) !== head || this.#handler(head) === Handler.jitted) continue;
      const region = findRegion(offset, at => {
        const pointer = this.#pointer(table, at);
        return pointer === 0 ? undefined : readInstruction(this.#view, pointer, this.interpreter);
      });
      if (!region || (!region.loops && lengthOf(region) < this.shortest)) continue;
      const slot = this.#takeSlot();
      module.element(slot, module.function(translate(region, module)));
      regions.push({ slot, region, table });
      const slots = this.#slots.get(page.address);
      if (slots) slots.push(slot);
      else this.#slots.set(page.address, [slot]);
    }
    if (regions.length === 0) return;
    module.importTable();
    new WebAssembly.Instance(new WebAssembly.Module(module.build()), this.interpreter.imports);
    for (const { slot, region, table } of regions) this.#install(slot, region, table);
    this.compiled += regions.length;
  }

  /** The regions of a page are gone; its records say so themselves. */
  forget(page: number): void {
    for (const slot of this.#slots.get(page) ?? []) this.#free.push(slot);
    this.#slots.delete(page);
  }

  #install(slot: number, { blocks, entries }: Region, table: number): void {
    for (const entry of entries) {
      const index = blocks.findIndex(({ offset }) => offset === entry);
      const pointer = this.#pointer(table, entry);
      if (pointer === 0 || this.#handler(pointer) === Handler.jitted) continue;
      const copy = this.cache.takeRecords(2);
      if (copy === 0) return;
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

      view.setUint16(pointer + record.a, blocks[index]!.instructions.length, true);
      view.setUint32(pointer + record.displacement, copy, true);
      view.setUint32(pointer + record.immediate, slot, true);
      view.setUint32(pointer + record.immediate + 4, index, true);
      view.setUint16(pointer + record.handler, Handler.jitted, true);
    }
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
