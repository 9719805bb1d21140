/** A virtual machine on NVMM: guest memory is host-virtual memory that the driver has taken over. */
import { MachineError, pageSize } from '#core';
import type { Accelerator } from '../accelerator.ts';
import type { PageRun } from '../dirty-pages.ts';
import { type HostBlock, MapAccess, VirtualMachine } from '../machine.ts';
import type { Mapping } from '../memory-map.ts';
import type { MachineSpecification, ProcessorParts } from '../specification.ts';
import { Limit } from './abi.ts';
import { type Libnvmm, NvmmMachine } from './libnvmm/libnvmm.ts';
import { NvmmProcessor } from './processor.ts';
import { ProtectionViolation } from './violation.ts';

interface NvmmBlock extends HostBlock {
  readonly hva: number;
  /** While some of it is tracked, a byte for each page: 1 where an assist or DMA has written, or where the driver has said so. */
  noted: Uint8Array | undefined;
}

function note({ noted }: NvmmBlock, offset: number, length: number): void {
  if (length > 0) noted?.fill(1, Math.floor(offset / pageSize), Math.floor((offset + length - 1) / pageSize) + 1);
}

/** Where blocks are put in the process's address space: anywhere, but apart. */
const firstHva = 0x1000_0000;
const gap = 0x20_0000;

/** Pages that were opened again stay pieces of their own, as long as there are so few: they may be closed again. */
const manyPieces = 64;

/** An area of libnvmm's. `access` is a sum of Prot bits, which are MapAccess's. */
interface Piece {
  readonly hva: number;
  readonly gpa: number;
  readonly size: number;
  readonly access: number;
}

const part = (piece: Piece, start: number, end: number): Piece => ({
  ...piece,
  gpa: start,
  hva: piece.hva + (start - piece.gpa),
  size: end - start,
});

export const guestPhysicalBits = Math.log2(Limit.ram);

export class NvmmVirtualMachine extends VirtualMachine {
  readonly #mach = new NvmmMachine();
  #mapped: Piece[] = [];
  #nextHva = firstHva;

  constructor(
    private readonly lib: Libnvmm,
    accelerator: Accelerator,
    specification: MachineSpecification,
  ) {
    super(specification, accelerator);
    this.#check(lib.machineCreate(this.#mach), 'nvmm_machine_create');
    this.#mach.admit = (gpa, access) => {
      const exit = this.memory.violation(gpa, access);
      if (exit) throw new ProtectionViolation(exit);
    };
  }

  [Symbol.dispose](): void {
    this.lib.machineDestroy(this.#mach);
  }

  protected createProcessor(index: number, parts: ProcessorParts): NvmmProcessor {
    return new NvmmProcessor(this.lib, this.#mach, index, parts);
  }

  protected allocateBlock(size: number): HostBlock {
    const hva = this.#nextHva;
    this.#nextHva += Math.ceil(size / gap) * gap + gap;
    this.#check(this.lib.hvaMap(this.#mach, hva, size), 'nvmm_hva_map');
    const bytes = this.lib.hvaBytes(this.#mach, hva, size)!;
    const { memory } = this.lib.driver.host;
    const physical = memory.physicalAt(bytes.byteOffset);
    const block: NvmmBlock = {
      hva,
      size,
      bytes,
      noted: undefined,
      written: (offset, length) => {
        memory.written(physical + offset, length);
        if (block.noted) note(block, offset, length);
      },
    };
    return block;
  }

  protected mapBlock(gpa: number, block: HostBlock, offset: number, size: number, access: number): void {
    this.#map({ hva: (block as NvmmBlock).hva + offset, gpa, size, access: access & MapAccess.all });
    for (const run of this.tracked.runs({ block, offset, size }))
      this.#check(this.lib.gpaTrack(this.#mach, gpa + (run.offset - offset), run.size, true), 'gpa_track');
  }

  protected unmapBlock({ gpa, size, block, offset }: Mapping): void {
    for (const piece of this.#overlapping(gpa, size)) this.#unmap(piece);
    if (!this.tracked.any) return;
    this.#collect(block as NvmmBlock, offset, { gpa, size, clear: false });
    this.#check(this.lib.gpaTrack(this.#mach, gpa, size, false), 'gpa_track');
  }

  protected trackBlock(run: PageRun, on: boolean): void {
    const block = run.block as NvmmBlock;
    block.noted ??= new Uint8Array(block.size / pageSize);
    block.noted.fill(0, run.offset / pageSize, (run.offset + run.size) / pageSize);
    for (const { gpa, size } of this.memory.showing(block, run.offset, run.size))
      this.#check(this.lib.gpaTrack(this.#mach, gpa, size, on), 'gpa_track');
    if (this.tracked.runs({ block, offset: 0, size: block.size }).length === 0) block.noted = undefined;
    this.#mach.wrote = this.tracked.any ? this.#assistWrote : undefined;
  }

  readonly #assistWrote = (gpa: number, length: number): void => {
    const mapping = this.memory.find(gpa);
    if (mapping) note(mapping.block as NvmmBlock, mapping.offset + (gpa - mapping.gpa), length);
  };

  protected writtenPages({ block, offset, size }: PageRun, clear: boolean): Uint8Array {
    for (const part of this.memory.showing(block, offset, size))
      this.#collect(block as NvmmBlock, part.offset, { ...part, clear });
    const noted = (block as NvmmBlock).noted!.subarray(offset / pageSize, (offset + size) / pageSize);
    const written = noted.slice();
    if (clear) noted.fill(0);
    return written;
  }

  /** What the driver knows of the pages at an address goes to the block's notes. */
  #collect(
    block: NvmmBlock,
    offset: number,
    { gpa, size, clear }: { gpa: number; size: number; clear: boolean },
  ): void {
    if (!block.noted) return;
    const pages = block.noted.subarray(offset / pageSize, (offset + size) / pageSize);
    this.#check(this.lib.gpaWritten(this.#mach, gpa, pages, clear), 'gpa_written');
  }

  /** libnvmm maps and unmaps whole areas: pieces that the range cuts are mapped anew, in parts. */
  protected protectBlock(gpa: number, size: number, access: number): void {
    const end = gpa + size;
    for (const piece of this.#overlapping(gpa, size)) {
      const pieceEnd = piece.gpa + piece.size;
      const start = Math.max(piece.gpa, gpa);
      this.#unmap(piece);
      for (const kept of [
        { ...piece, size: start - piece.gpa },
        { ...part(piece, start, Math.min(end, pieceEnd)), access },
        part(piece, Math.min(end, pieceEnd), pieceEnd),
      ])
        if (kept.size > 0) this.#map(kept);
    }
    if (this.#mapped.length > manyPieces) this.#join();
  }

  /** Neighbours with equal rights become one piece. */
  #join(): void {
    const sorted = this.#mapped.toSorted((left, right) => left.gpa - right.gpa);
    for (let first = 0, next = 1; first < sorted.length; first = next, next++) {
      let { size } = sorted[first];
      const { gpa, hva, access } = sorted[first];
      while (next < sorted.length) {
        const other = sorted[next];
        if (other.gpa !== gpa + size || other.hva !== hva + size || other.access !== access) break;
        size += other.size;
        next++;
      }
      if (next === first + 1) continue;
      for (const piece of sorted.slice(first, next)) this.#unmap(piece);
      this.#map({ gpa, hva, size, access });
    }
  }

  #overlapping(gpa: number, size: number): readonly Piece[] {
    return this.#mapped.filter(piece => gpa < piece.gpa + piece.size && piece.gpa < gpa + size);
  }

  #map(piece: Piece): void {
    const { hva, gpa, size, access } = piece;
    this.#check(this.lib.gpaMap(this.#mach, hva, gpa, size, access), 'nvmm_gpa_map');
    this.#mapped.push(piece);
  }

  #unmap(piece: Piece): void {
    const { hva, gpa, size } = piece;
    this.#check(this.lib.gpaUnmap(this.#mach, hva, gpa, size), 'nvmm_gpa_unmap');
    this.#mapped = this.#mapped.filter(each => each !== piece);
  }

  #check(result: number, call: string): void {
    if (result === 0) return;
    throw new MachineError('host-failure', `${call}: errno ${this.lib.errno}`, {
      remedy: 'use fewer machines or less memory',
    });
  }
}
