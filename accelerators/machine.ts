/** A virtual machine of an accelerator: guest-physical memory and processors. */
import {
  type CpuModel,
  type InterruptController,
  MachineError,
  type MmioBus,
  type MsrBus,
  type PortBus,
  type ProcessorTimestampOffsets,
} from '#core';
import type { Features } from './features.ts';
import type { VirtualProcessor } from './processor.ts';

/** How many instructions a processor may run before the board wants to look at the clock again; asked before every entry. */
export interface Pacer {
  /** 0 or less: return now. */
  remaining(): number;
  /**
   * Asked now and then while guest code runs, some ten thousand instructions or some hundred faults apart: true ends the entry between two
   * instructions, and `remaining` decides how to go on. Guests cannot tell. Without it an entry takes as long as its instructions take.
   */
  isOverdue?(): boolean;
}

/** All that a virtual machine is created with; nothing of it changes later. */
export interface MachineSpecification {
  readonly processors: number;
  /** The guest's CPU, the same on every accelerator. */
  readonly cpu: CpuModel;
  readonly ports: Pick<PortBus, 'read' | 'write'>;
  readonly mmio: Pick<MmioBus, 'read' | 'write'>;
  readonly msrs: Pick<MsrBus, 'read' | 'write'>;
  /** Told when a processor's time-stamp counter was set, by its guest or from outside: before the guest's next instruction. */
  readonly timestamps: Pick<ProcessorTimestampOffsets, 'changed'>;
  /** One for each processor. */
  readonly interrupts: readonly InterruptController[];
  readonly pacer: Pacer;
  /** PAUSE ends `run`: what a processor that spins waits for may be another one's turn. */
  readonly exitOnPause?: boolean;
}

export const MapAccess = { read: 1, write: 2, execute: 4, readExecute: 5, all: 7 } as const;

/** Host memory that can be mapped into a guest. The bytes never move. */
export interface HostBlock {
  readonly size: number;
  readonly bytes: Uint8Array;
  /** To be called after `bytes` were written by anyone but the guest: decoded code may be stale. */
  written(offset: number, length: number): void;
}

const page = 4096;

/**
 * Validates once and hands on to the implementation, which may rely on it: addresses and sizes are multiples of 4 KiB, ranges
 * are not empty, do not wrap, lie in the guest-physical space, and do not overlap an existing mapping.
 */
export abstract class VirtualMachine implements Disposable {
  abstract readonly processors: readonly VirtualProcessor[];
  readonly #mappings: { gpa: number; size: number }[] = [];

  protected constructor(
    readonly specification: MachineSpecification,
    private readonly guestPhysicalBits: number,
  ) {}

  /** To be asked before anything is created. */
  static check({ processors, interrupts }: MachineSpecification, { processorsPerMachine }: Features): void {
    if (!Number.isInteger(processors) || processors < 1 || processors > processorsPerMachine)
      throw new MachineError('bad-call', `a machine cannot have ${processors} processors here`, {
        remedy: `give 1 to ${processorsPerMachine}`,
      });
    if (interrupts.length !== processors)
      throw new MachineError('bad-call', `${processors} processors, but ${interrupts.length} interrupt controllers`, {
        remedy: 'give one for each processor',
      });
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
    if (gpa + size > 2 ** this.guestPhysicalBits) throw mapError(`${hex(gpa)} is beyond the guest-physical space`);
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
