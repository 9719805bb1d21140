/** A virtual machine on NVMM: guest memory is host-virtual memory that the driver has taken over. */
import { MachineError } from '#core';
import type { Accelerator } from '../accelerator.ts';
import { type HostBlock, MapAccess, VirtualMachine } from '../machine.ts';
import type { MachineSpecification, ProcessorParts } from '../specification.ts';
import { Limit } from './abi.ts';
import { type Libnvmm, NvmmMachine } from './libnvmm/libnvmm.ts';
import { NvmmProcessor } from './processor.ts';
import { ProtectionViolation } from './violation.ts';

interface NvmmBlock extends HostBlock {
  readonly hva: number;
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
      written: (offset, length) => memory.written(physical + offset, length),
    };
    return block;
  }

  protected mapBlock(gpa: number, block: HostBlock, offset: number, size: number, access: number): void {
    this.#map({ hva: (block as NvmmBlock).hva + offset, gpa, size, access: access & MapAccess.all });
  }

  protected unmapBlock(gpa: number, size: number): void {
    for (const piece of this.#overlapping(gpa, size)) this.#unmap(piece);
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
      let { size } = sorted[first]!;
      const { gpa, hva, access } = sorted[first]!;
      while (next < sorted.length) {
        const other = sorted[next]!;
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
