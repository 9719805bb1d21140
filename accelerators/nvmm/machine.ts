/** A virtual machine on NVMM: guest memory is host-virtual memory that the driver has taken over. */
import { MachineError } from '#core';
import type { Accelerator } from '../accelerator.ts';
import { type HostBlock, MapAccess, VirtualMachine } from '../machine.ts';
import type { MachineSpecification, ProcessorParts } from '../specification.ts';
import { Limit } from './abi.ts';
import { type Libnvmm, NvmmMachine } from './libnvmm/libnvmm.ts';
import { NvmmProcessor } from './processor.ts';

interface NvmmBlock extends HostBlock {
  readonly hva: number;
}

/** Where blocks are put in the process's address space: anywhere, but apart. */
const firstHva = 0x1000_0000;
const gap = 0x20_0000;

export const guestPhysicalBits = Math.log2(Limit.ram);

export class NvmmVirtualMachine extends VirtualMachine {
  readonly #mach = new NvmmMachine();
  readonly #mapped: { readonly hva: number; readonly gpa: number; readonly size: number }[] = [];
  #nextHva = firstHva;

  constructor(
    private readonly lib: Libnvmm,
    accelerator: Accelerator,
    specification: MachineSpecification,
  ) {
    super(specification, accelerator);
    this.#check(lib.machineCreate(this.#mach), 'nvmm_machine_create');
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
    const hva = (block as NvmmBlock).hva + offset;
    const prot = access & MapAccess.all;
    this.#check(this.lib.gpaMap(this.#mach, hva, gpa, size, prot), 'nvmm_gpa_map');
    this.#mapped.push({ hva, gpa, size });
  }

  protected unmapBlock(gpa: number, size: number): void {
    const index = this.#mapped.findIndex(mapping => mapping.gpa === gpa && mapping.size === size);
    const [mapping] = this.#mapped.splice(index, 1);
    this.#check(this.lib.gpaUnmap(this.#mach, mapping!.hva, gpa, size), 'nvmm_gpa_unmap');
  }

  #check(result: number, call: string): void {
    if (result === 0) return;
    throw new MachineError('host-failure', `${call}: errno ${this.lib.errno}`, {
      remedy: 'use fewer machines or less memory',
    });
  }
}
