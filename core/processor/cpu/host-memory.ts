/** Physical memory of an emulated computer as software on it sees it: a page allocator and the direct map. */

import { MachineError } from '../../board/framework/error.ts';
import { pageSize } from '../memory/page.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { FunctionBuilder } from '../wasm/function.ts';
import { MEMORY, ModuleBuilder } from '../wasm/module.ts';
import type { HostMemory } from './host-cpu.ts';

const largePages = 512;

interface Run {
  first: number;
  pages: number;
}

/** memory.copy: a typed array's copyWithin costs several times as much where little is copied. */
function copier(memory: WebAssembly.Memory): HostMemory['copy'] {
  const module = new ModuleBuilder();
  module.function(new FunctionBuilder(['i32', 'i32', 'i32'], []).get(0).get(1).get(2).memoryCopy(), 'copy');
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { [MEMORY.module]: { memory } });
  return exports.copy as HostMemory['copy'];
}

export class HostRam implements HostMemory {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly copy: HostMemory['copy'];
  /** Free runs of pages, in order. Page 0 is never given away: 0 is nobody's address. */
  readonly #free: Run[];
  #used = 0;

  constructor(
    private readonly physical: PhysicalMemory,
    /** Where physical address 0 lies in linear memory. */
    readonly base: number,
    readonly size: number,
    linear: WebAssembly.Memory,
  ) {
    this.copy = copier(linear);
    this.words = physical.words;
    this.bytes = physical.bytes;
    this.#free = [{ first: 1, pages: size / pageSize - 1 }];
  }

  get free4k(): number {
    return this.#free.reduce((sum, { pages }) => sum + pages, 0);
  }

  allocate(pages: number): number {
    // Large allocations are aligned so that a hypervisor can map them by 2 MiB pages.
    const alignment = pages >= largePages ? largePages : 1;
    const alignedIn = (run: Run): number => Math.ceil(run.first / alignment) * alignment;
    const run = this.#free.find(each => each.first + each.pages - alignedIn(each) >= pages);
    if (!run || pages <= 0)
      throw new MachineError('does-not-fit', `the emulated host has no ${pages} free pages in a row`, {
        remedy: 'give the host more memory',
      });
    const first = alignedIn(run);
    const rest = [
      { first: run.first, pages: first - run.first },
      { first: first + pages, pages: run.first + run.pages - first - pages },
    ].filter(part => part.pages > 0);
    this.#free.splice(this.#free.indexOf(run), 1, ...rest);
    this.#zero(first, Math.min(first + pages, this.#used));
    this.#used = Math.max(this.#used, first + pages);
    return first * pageSize;
  }

  /** Pages from `#used` on were never given away: they are zero, and the operating system need not find memory for them yet. */
  #zero(first: number, end: number): void {
    if (end <= first) return;
    const start = this.offset(first * pageSize);
    this.words.fill(0, start / 4, (start + (end - first) * pageSize) / 4);
    this.physical.written(start | 0, (end - first) * pageSize);
  }

  free(physical: number, pages: number): void {
    const first = physical / pageSize;
    if (!Number.isInteger(first) || first < 1 || pages < 1 || (first + pages) * pageSize > this.size)
      throw new MachineError('bad-argument', 'pages are freed that the emulated host does not have');
    const next = this.#free.findIndex(run => run.first >= first);
    const at = next < 0 ? this.#free.length : next;
    const before = this.#free[at - 1];
    const after = this.#free[at];
    if ((before && before.first + before.pages > first) || (after && first + pages > after.first))
      throw new MachineError('bad-argument', 'pages of the emulated host are freed twice');
    this.#free.splice(at, 0, { first, pages });
    this.#join(at);
    if (at > 0) this.#join(at - 1);
  }

  #join(at: number): void {
    const run = this.#free[at];
    const next = this.#free[at + 1];
    if (!next || run.first + run.pages !== next.first) return;
    run.pages += next.pages;
    this.#free.splice(at + 1, 1);
  }

  offset(physical: number): number {
    return this.base + physical;
  }
  physicalAt(offset: number): number {
    return offset - this.base;
  }
  written(physical: number, length: number): void {
    this.physical.written((this.base + physical) | 0, length);
  }
}
