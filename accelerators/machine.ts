/** A virtual machine of an accelerator: guest-physical memory and processors. */
import { MachineError } from '#core';
import type { Features } from './features.ts';
import type { VirtualProcessor } from './processor.ts';
import type { ProcessorBoard } from './processor-board.ts';
import type { MachineSpecification, ProcessorParts } from './specification.ts';
import type { AcceleratorTime } from './time.ts';

export const MapAccess = { read: 1, write: 2, execute: 4, readExecute: 5, all: 7 } as const;

/** Host memory that can be mapped into a guest. The bytes never move. */
export interface HostBlock {
  readonly size: number;
  readonly bytes: Uint8Array;
  /** To be called after `bytes` were written by anyone but the guest: decoded code may be stale. */
  written(offset: number, length: number): void;
}

/** What a machine needs of the accelerator that it belongs to. */
export interface AcceleratorParts {
  readonly features: Features;
  readonly time: AcceleratorTime;
}

const page = 4096;

/**
 * Validates once and hands on to the implementation, which may rely on it: addresses and sizes are multiples of 4 KiB, ranges
 * are not empty, do not wrap, lie in the guest-physical space, and do not overlap an existing mapping.
 */
export abstract class VirtualMachine implements Disposable {
  readonly #accelerator: AcceleratorParts;
  readonly #mappings: { gpa: number; size: number }[] = [];
  #processors: readonly VirtualProcessor[] = [];

  /** Throws a MachineError where the specification asks for more than the accelerator's features allow. */
  protected constructor(
    readonly specification: MachineSpecification,
    accelerator: AcceleratorParts,
  ) {
    const { processors } = specification;
    const { processorsPerMachine } = accelerator.features;
    if (!Number.isInteger(processors) || processors < 1 || processors > processorsPerMachine)
      throw new MachineError('bad-call', `a machine cannot have ${processors} processors here`, {
        remedy: `give 1 to ${processorsPerMachine}`,
      });
    this.#accelerator = accelerator;
  }

  /** Empty until `powerOn`. */
  get processors(): readonly VirtualProcessor[] {
    return this.#processors;
  }

  /** Creates the processors, in the state after power-on and with equal time-stamp counters. Once. */
  powerOn(board: ProcessorBoard): readonly VirtualProcessor[] {
    const { specification } = this;
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
    const { time } = this.#accelerator;
    time.hold();
    try {
      this.#processors = Array.from({ length: processors }, (_, index) =>
        this.createProcessor(index, { specification, board, time }),
      );
    } finally {
      time.release();
    }
    return this.#processors;
  }

  /** Zeroed host memory, `size` a multiple of 4 KiB. */
  allocate(size: number): HostBlock {
    this.#aligned('size', size);
    if (size === 0) throw mapError('a block of no bytes');
    return this.allocateBlock(size);
  }

  /** Maps `size` bytes of a block at a guest-physical address. `access` is a sum of MapAccess bits. */
  map(gpa: number, block: HostBlock, offset: number, size: number, access: number): void {
    this.#aligned('gpa', gpa);
    this.#aligned('offset', offset);
    this.#aligned('size', size);
    if (size === 0 || offset + size > block.size)
      throw mapError(`${hex(size)} bytes at ${hex(offset)} are not in the block`);
    if (gpa + size > 2 ** this.#accelerator.features.guestPhysicalBits)
      throw mapError(`${hex(gpa)} is beyond the guest-physical space`);
    if (access & ~MapAccess.all || !(access & MapAccess.read)) throw mapError(`access ${access} is not readable`);
    const other = this.#mappings.find(m => gpa < m.gpa + m.size && m.gpa < gpa + size);
    if (other) throw mapError(`${hex(gpa)} overlaps the mapping at ${hex(other.gpa)}`);
    this.mapBlock(gpa, block, offset, size, access);
    this.#mappings.push({ gpa, size });
  }

  /** Removes exactly one mapping. */
  unmap(gpa: number, size: number): void {
    const index = this.#mappings.findIndex(m => m.gpa === gpa && m.size === size);
    if (index < 0) throw mapError(`nothing of ${hex(size)} bytes is mapped at ${hex(gpa)}`);
    this.unmapBlock(gpa, size);
    this.#mappings.splice(index, 1);
  }

  abstract [Symbol.dispose](): void;

  protected abstract createProcessor(index: number, parts: ProcessorParts): VirtualProcessor;
  protected abstract allocateBlock(size: number): HostBlock;
  protected abstract mapBlock(gpa: number, block: HostBlock, offset: number, size: number, access: number): void;
  protected abstract unmapBlock(gpa: number, size: number): void;

  #aligned(what: string, value: number): void {
    if (!Number.isSafeInteger(value) || value < 0 || value % page)
      throw mapError(`${what} ${value} is no multiple of 4096`);
  }
}

const hex = (value: number): string => `0x${value.toString(16)}`;
const mapError = (message: string): MachineError =>
  new MachineError('bad-call', message, { remedy: 'map whole, disjoint 4 KiB pages of allocated memory' });
