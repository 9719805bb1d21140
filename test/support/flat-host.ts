/** A host with one CPU in flat memory and no MMU: linear addresses below its size are physical. For tests of the engines alone. */

import { CodeCache, type CodeFetcher } from '../../core/processor/interpreter/code-cache.ts';
import type { EngineImports } from '../../core/processor/interpreter/imports.ts';
import { Interpreter } from '../../core/processor/interpreter/interpreter.ts';
import { type HelperName, helperNames } from '../../core/processor/ir/helpers.ts';
import type { Vendor } from '../../core/processor/isa/form.ts';
import { Jit } from '../../core/processor/jit/jit.ts';
import { PhysicalMemory } from '../../core/processor/memory/physical-memory.ts';
import { gprOffset, Segment, segmentLimit, state, tlb } from '../../core/processor/state/layout.ts';
import { Leave } from '../../core/processor/state/leave.ts';
import { mode64 } from '../../core/processor/state/mode.ts';
import { everything } from './vendor.ts';

const cpu = 0x10000;
const arenaBase = 0x20000;
const ram = 0x80_0000;

export type FlatHelpers = Partial<Record<HelperName, (host: FlatHost) => number>>;

export interface FlatOptions {
  /** Whose processor it is. Default: AMD's. */
  readonly vendor?: Vendor;
  readonly jit?: boolean;
  /** See Jit. */
  readonly shortest?: number;
  /** Bytes for decoded code. */
  readonly arena?: number;
}

export class FlatHost implements CodeFetcher {
  readonly cpu = cpu;
  readonly ram = ram;
  readonly size: number;
  readonly memory: WebAssembly.Memory;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly physical: PhysicalMemory;
  readonly cache: CodeCache;
  readonly interpreter: Interpreter;
  readonly jit: Jit | undefined;
  /** Accesses that crossed a page, and TLB misses, so that tests can see them. */
  readonly counts = { crossings: 0, misses: 0, lookups: 0 };
  #crossing: { host: number; next: number; first: number; bytes: number } | undefined;

  constructor(
    size = 0x40_0000,
    helpers: FlatHelpers = {},
    { vendor = 'amd', jit = false, shortest = 12, arena = 0x40_0000 }: FlatOptions = {},
  ) {
    this.size = size;
    const pages = Math.ceil((ram + size) / 65536);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.view = new DataView(this.memory.buffer);
    this.bytes = new Uint8Array(this.memory.buffer);
    this.physical = new PhysicalMemory(this.memory.buffer);
    this.physical.map({ base: 0, size, offset: ram, writable: true });
    this.physical.watch({ protect: page => this.#clear(tlb.write, page), remapped: () => {} });
    const missing = (name: string) => () => {
      throw new Error(`helper ${name} is not there`);
    };
    const imports: EngineImports = {
      ...(jit && { promote: (_cpu: number, pointer: number, table: number) => this.jit!.promote(pointer, table) }),
      translateRead: (_cpu, low, high, bytes) => this.#translate(low, high, bytes, false),
      translateWrite: (_cpu, low, high, bytes) => this.#translate(low, high, bytes, true),
      forgetCode: () => {
        if (this.get32(state.leave.offset) !== Leave.codeWrite) return false;
        this.physical.written(this.get32(state.leaveAddress.offset), 0x1000);
        return true;
      },
      commitBounce: () => this.#commit(),
      linear: (_cpu, _segment, low, high) => {
        this.view.setInt32(cpu + state.result0.offset, low, true);
        this.view.setInt32(cpu + state.result0.offset + 4, high, true);
        return 0;
      },
      lookup: () => {
        this.counts.lookups++;
        return this.cache.lookup(cpu, 0, this);
      },
      helpers: Object.fromEntries(
        helperNames.map(name => {
          const helper = helpers[name];
          return [name, helper ? () => helper(this) : missing(name)];
        }),
      ) as unknown as EngineImports['helpers'],
    };
    this.interpreter = new Interpreter(this.memory, imports);
    this.cache = new CodeCache(this.physical, { base: arenaBase, size: arena }, everything[vendor], this.interpreter);
    this.set32(state.codeCounters.offset, this.cache.counterBase);
    if (jit) this.jit = new Jit(this.interpreter, this.cache, this.physical, shortest);
    this.cache.flushed = () => this.#clear(tlb.fetch);
    for (const table of [tlb.read, tlb.write, tlb.fetch]) this.#clear(table);
    this.mode = mode64;
    this.set32(segmentLimit(Segment.cs).offset, 0xffff_ffff);
    this.flags = 2;
  }

  set mode(value: number) {
    this.set32(state.mode.offset, value);
  }

  get32(offset: number): number {
    return this.view.getInt32(cpu + offset, true);
  }
  set32(offset: number, value: number): void {
    this.view.setInt32(cpu + offset, value, true);
  }
  get64(offset: number): bigint {
    return this.view.getBigUint64(cpu + offset, true);
  }
  set64(offset: number, value: bigint): void {
    this.view.setBigUint64(cpu + offset, BigInt.asUintN(64, value), true);
  }
  register(index: number): bigint {
    return this.get64(gprOffset(index));
  }

  /** As a run loop does it: code that was written over is forgotten, a spinning REP goes on. */
  runOn(budget: number): number {
    this.set32(state.budget.offset, budget);
    for (;;) {
      const leave = this.run(this.get32(state.budget.offset));
      if (leave === Leave.codeWrite) this.physical.written(this.get32(state.leaveAddress.offset), 0x1000);
      else if (leave !== Leave.spin) return leave;
    }
  }

  /** Compiles what starts at state.rip, whether it is hot or not. */
  compile(): void {
    const pointer = this.cache.lookup(cpu, 0, this);
    if (pointer !== 0) this.jit?.promote(pointer, this.get32(state.codeTable.offset));
    this.jit?.compileQueue();
  }

  get flags(): number {
    const result = this.view.getBigInt64(cpu + state.flagResult.offset, true);
    const bits = this.get32(state.flagBits.offset);
    const parity = [0, 1, 2, 3, 4, 5, 6, 7].filter(bit => (result >> BigInt(bit)) & 1n).length % 2 === 0 ? 4 : 0;
    const arithmetic =
      (bits & 0x811) |
      ((parity ^ (bits & 4)) & 4) |
      (result === 0n ? 0x40 : 0) |
      (((result < 0n ? 0x80 : 0) ^ bits) & 0x80);
    return 2 | arithmetic | this.get32(state.flagSystem.offset);
  }
  set flags(value: number) {
    const zero = (value & 0x40) !== 0;
    this.set64(state.flagResult.offset, zero ? 0n : 1n);
    const parity = zero ? 4 : 0;
    this.set32(state.flagBits.offset, (value & 0x811) | (value & 0x80) | ((value ^ parity) & 4));
    this.set32(state.flagSystem.offset, value & ~0x8d7);
  }

  load(address: number, code: Uint8Array): void {
    this.bytes.set(code, ram + address);
    this.physical.written(ram + address, code.length);
  }

  /** Runs from an address; the leave reason. */
  run(budget: number): number {
    return (this.jit ?? this.interpreter).run(cpu, budget);
  }

  fetch(low: number, high: number): number {
    const page = this.locate(low, high);
    return page === 0 ? this.pageFault(low, high, 0x10) : page + (low & 0xfff);
  }

  /** Address in linear memory of the page at a linear address; 0: there is none. */
  protected locate(low: number, high: number): number {
    const page = (low & ~0xfff) >>> 0;
    return high !== 0 || page >= this.size ? 0 : ram + page;
  }

  fillFetch(low: number, high: number, address: number, table: number): void {
    this.#fill(tlb.fetch, low, high, address & ~0xfff, table);
  }

  #translate(low: number, high: number, size: number, write: boolean): number {
    const bytes = size & 0xff;
    this.#crossing = undefined;
    this.counts.misses++;
    const page = this.locate(low, high);
    if (page === 0) return this.accessFault(low, high, size, write);
    const host = page + (low & 0xfff);
    if (write && this.physical.writeTouchesCode(host, bytes)) return this.#codeWrite(page);
    if ((low & 0xfff) + bytes <= 0x1000) {
      if (!write || !this.physical.isCode(host)) this.#fill(write ? tlb.write : tlb.read, low, high, page, 0);
      return host;
    }

    this.counts.crossings++;
    const nextLow = ((low & ~0xfff) + 0x1000) | 0;
    const nextHigh = nextLow === 0 ? (high + 1) | 0 : high;
    const next = this.locate(nextLow, nextHigh);
    if (next === 0) return this.accessFault(nextLow, nextHigh, size, write);
    if (write && this.physical.writeTouchesCode(next, bytes)) return this.#codeWrite(next);
    const bounce = cpu + state.bounce.offset;
    const first = 0x1000 - (low & 0xfff);
    this.bytes.copyWithin(bounce, host, host + first);
    this.bytes.copyWithin(bounce + first, next, next + bytes - first);
    if (write) this.#crossing = { host, next, first, bytes };
    return bounce;
  }

  #commit(): void {
    const { host, next, first, bytes } = this.#crossing!;
    const bounce = cpu + state.bounce.offset;
    this.bytes.copyWithin(host, bounce, bounce + first);
    this.bytes.copyWithin(next, bounce + first, bounce + bytes);
  }

  #codeWrite(page: number): 0 {
    this.set32(state.leave.offset, Leave.codeWrite);
    this.set64(state.leaveAddress.offset, BigInt(page));
    return 0;
  }

  protected accessFault(low: number, high: number, _size: number, write: boolean): 0 {
    return this.pageFault(low, high, write ? 2 : 0);
  }

  protected pageFault(low: number, high: number, error: number): 0 {
    this.set32(state.faultAddress.offset, low);
    this.set32(state.faultAddress.offset + 4, high);
    return this.fault(14, error);
  }

  fault(vector: number, error: number): 0 {
    this.set32(state.faultVector.offset, vector);
    this.set32(state.faultError.offset, error);
    this.set32(state.leave.offset, Leave.fault);
    return 0;
  }

  #fill(table: number, low: number, high: number, page: number, auxiliary: number): void {
    const entry = table + ((low >>> 12) & (tlb.entries - 1)) * 16;
    const context = this.get32(state.context.offset);
    this.set32(entry, (low & ~0xfff) | context);
    this.set32(entry + 4, high);
    this.set32(entry + 8, page - (low & ~0xfff));
    this.set32(entry + 12, auxiliary);
  }

  #clear(table: number, page?: number): void {
    for (let entry = table; entry < table + tlb.entries * 16; entry += 16) {
      const target = ((this.get32(entry) & ~0xfff) + this.get32(entry + 8)) | 0;
      if (page === undefined || target === page) this.set64(entry, 0xffff_ffff_ffff_ffffn);
    }
  }
}
