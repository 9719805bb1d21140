/** A virtual machine of an accelerator: guest-physical memory and processors. */
import { MachineError, pageSize } from '#core';
import { type Breakpoint, checkBreakpoints } from './breakpoint.ts';
import { type PageRun, TrackedPages } from './dirty-pages.ts';
import type { Features } from './features.ts';
import {
  type HostBlock,
  MapAccess,
  type Mapping,
  MemoryMap,
  mapError,
  protectError,
  requireMapped,
  requirePages,
} from './memory-map.ts';
import type { VirtualProcessor } from './processor.ts';
import type { ProcessorBoard } from './processor-board.ts';
import { requireFeature } from './require-feature.ts';
import { requireModel } from './require-model.ts';
import type { MachineSpecification, ProcessorParts } from './specification.ts';
import type { AcceleratorTime } from './time.ts';

export { type HostBlock, MapAccess };

export interface ProtectOptions {
  /**
   * What an access does that the page does not grant. `board` (the default): a read or a write is one of the board's MMIO. `exit`: it ends `run`
   * with `protection`. Fetching an instruction where it may not be executed always ends `run`.
   */
  readonly onViolation?: 'board' | 'exit';
}

export interface DirtyPagesOptions {
  readonly clear?: boolean;
}

/** What a machine needs of the accelerator that it belongs to. */
export interface AcceleratorParts {
  readonly name: string;
  readonly features: Features;
  readonly time: AcceleratorTime;
}

/**
 * Validates once and hands on to the implementation, which may rely on it: addresses and sizes are multiples of 4 KiB, ranges
 * are not empty, do not wrap, lie in the guest-physical space, and do not overlap an existing mapping.
 */
export abstract class VirtualMachine implements Disposable {
  protected readonly memory = new MemoryMap();
  protected readonly tracked = new TrackedPages();
  readonly #accelerator: AcceleratorParts;
  #processors: readonly VirtualProcessor[] = [];

  /** Throws a MachineError where the specification asks for more than the accelerator's features allow. */
  protected constructor(
    readonly specification: MachineSpecification,
    accelerator: AcceleratorParts,
  ) {
    const { processors, cpu } = specification;
    const { processorsPerMachine } = accelerator.features;
    if (!Number.isInteger(processors) || processors < 1 || processors > processorsPerMachine)
      throw new MachineError('bad-call', `a machine cannot have ${processors} processors here`, {
        remedy: `give 1 to ${processorsPerMachine}`,
      });
    if (cpu.processors !== processors)
      throw new MachineError(
        'bad-call',
        `the model ${cpu.name} is of ${cpu.processors} processors, the machine has ${processors}`,
        {
          path: 'processors',
          remedy: `make the model with processors: ${processors}`,
        },
      );
    requireModel(cpu, accelerator);
    this.#accelerator = accelerator;
  }

  /** Empty until `powerOn`. */
  get processors(): readonly VirtualProcessor[] {
    return this.#processors;
  }

  /** Creates the processors, in the state after power-on and with equal time-stamp counters. Once. */
  powerOn(board: ProcessorBoard): readonly VirtualProcessor[] {
    const { memory, specification } = this;
    const { processors } = specification;
    if (this.#processors.length > 0)
      throw new MachineError('bad-call', 'the machine has been powered on already', { remedy: 'reset its processors' });
    if (board.interrupts.length !== processors)
      throw new MachineError(
        'bad-call',
        `${processors} processors, but ${board.interrupts.length} interrupt controllers`,
        {
          remedy: 'give one for each processor',
        },
      );
    const { time, features } = this.#accelerator;
    time.hold();
    try {
      this.#processors = Array.from({ length: processors }, (_, index) =>
        this.createProcessor(index, { specification, board, memory, time, features }),
      );
    } finally {
      time.release();
    }
    return this.#processors;
  }

  /** Zeroed host memory, `size` a multiple of 4 KiB. */
  allocate(size: number): HostBlock {
    requirePages('size', size, mapError);
    if (size === 0) throw mapError('a block of no bytes');
    return this.allocateBlock(size);
  }

  /** Maps `size` bytes of a block at a guest-physical address. `access` is a sum of MapAccess bits. */
  map(gpa: number, block: HostBlock, offset: number, size: number, access: number): void {
    requirePages('gpa', gpa, mapError);
    requirePages('offset', offset, mapError);
    requirePages('size', size, mapError);
    if (size === 0 || offset + size > block.size)
      throw mapError(`${hex(size)} bytes at ${hex(offset)} are not in the block`);
    if (gpa + size > 2 ** this.#accelerator.features.guestPhysicalBits)
      throw mapError(`${hex(gpa)} is beyond the guest-physical space`);
    if (access & ~MapAccess.all || !(access & MapAccess.read)) throw mapError(`access ${access} is not readable`);
    const [other] = this.memory.parts(gpa, size);
    if (other) throw mapError(`${hex(gpa)} overlaps the mapping at ${hex(other.gpa)}`);
    this.mapBlock(gpa, block, offset, size, access);
    this.memory.add({ gpa, size, block, offset, access });
  }

  /** Removes exactly one mapping. */
  unmap(gpa: number, size: number): void {
    const mapping = this.memory.remove(gpa, size);
    if (!mapping) throw mapError(`nothing of ${hex(size)} bytes is mapped at ${hex(gpa)}`);
    this.unmapBlock(mapping);
  }

  /**
   * Gives mapped pages these rights instead of those that they were mapped with, until they are unmapped: a sum of MapAccess bits that has `read`,
   * or 0. They bind all that processors do, their walks of page tables and the delivery of events included; with nested paging a walk counts as a
   * write. Devices' DMA is free. Where `run` has ended with `protection` nothing of the access has happened; it is repeated by the next `run`, so
   * the page has to be opened before (or the processor moved elsewhere).
   */
  protect(gpa: number, size: number, access: number, { onViolation = 'board' }: ProtectOptions = {}): void {
    requireFeature('protection', this.#accelerator);
    requireMapped(this.memory, gpa, size);
    if (access & ~MapAccess.all || (access !== 0 && !(access & MapAccess.read)))
      throw protectError(`access ${access} is neither readable nor 0`);
    const exits = onViolation === 'exit';
    for (const part of this.memory.parts(gpa, size)) this.protectBlock(part.gpa, part.size, access, exits);
    this.memory.protect({ gpa, size, access, exits });
  }

  /**
   * Notes from now on who writes to the mapped pages of a range, or no longer. A page that is tracked already keeps what is noted of it. It is
   * noted wherever the same memory is mapped, too.
   */
  trackDirty(gpa: number, size: number, on: boolean): void {
    requireFeature('dirtyPages', this.#accelerator);
    for (const part of this.#mapped(gpa, size))
      for (const run of this.tracked.runs(part, on ? 0 : 1)) {
        this.tracked.set(run, on);
        this.trackBlock(run, on);
      }
  }

  /**
   * Numbers (gpa / 4096, ascending) of the tracked pages of a range that have been written since tracking began, or since they were cleared: by
   * processors and by DMA (`HostBlock.written`). Never too few. A processor that marks entries accessed or dirty writes; with nested paging a page
   * of page tables counts though it was only walked. `clear`: the pages given count as unwritten from now on.
   */
  dirtyPages(gpa: number, size: number, { clear = false }: DirtyPagesOptions = {}): Uint32Array {
    requireFeature('dirtyPages', this.#accelerator);
    const numbers: number[] = [];
    for (const part of this.#mapped(gpa, size))
      for (const run of this.tracked.runs(part)) {
        const first = (part.gpa + (run.offset - part.offset)) / pageSize;
        this.writtenPages(run, clear).forEach((written, n) => {
          if (written) numbers.push(first + n);
        });
      }
    return Uint32Array.from(numbers).sort();
  }

  #mapped(gpa: number, size: number): readonly Mapping[] {
    requirePages('gpa', gpa, protectError);
    requirePages('size', size, protectError);
    const parts = this.memory.parts(gpa, size);
    if (parts.length === 0) throw protectError(`nothing is mapped in ${hex(size)} bytes at ${hex(gpa)}`);
    return parts;
  }

  /**
   * Breakpoints of all processors in the place of the last ones; none: an empty list. The guest sees nothing of them: no exception, no debug register,
   * no byte of its memory. One on the code at RIP is not met by the `run` after it was reported, nor by the one after `step`. None is met in
   * the shadow of MOV SS, nor with RFLAGS.RF set; one on data not by accesses to devices. With NVMM the breakpoints that a guest
   * has set in DR0 to DR3 rest while there are any.
   */
  setBreakpoints(list: readonly Breakpoint[]): void {
    checkBreakpoints(list, this.#accelerator.features);
    const own = list.map(each => ({ ...each }));
    for (const processor of this.#processors) processor.setBreakpoints(own);
  }

  abstract [Symbol.dispose](): void;

  protected abstract createProcessor(index: number, parts: ProcessorParts): VirtualProcessor;
  protected abstract allocateBlock(size: number): HostBlock;
  protected abstract mapBlock(gpa: number, block: HostBlock, offset: number, size: number, access: number): void;
  protected abstract unmapBlock(mapping: Mapping): void;
  /** Part of one mapping. */
  protected abstract protectBlock(gpa: number, size: number, access: number, exits: boolean): void;
  /** Pages of which none, or all, are tracked already; they are clean then. */
  protected abstract trackBlock(run: PageRun, on: boolean): void;
  /** Of tracked pages: a byte for each, not 0 where it has been written. */
  protected abstract writtenPages(run: PageRun, clear: boolean): Uint8Array;
}

const hex = (value: number): string => `0x${value.toString(16)}`;
