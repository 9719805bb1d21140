/** The accelerator `software`: the emulated CPU itself runs the guest. Guests see whatever their CPU model has, SVM and VMX too. */
import { createHost, type Host, MachineError } from '#core';
import type { Accelerator, AcceleratorOptions } from '../accelerator.ts';
import type { Features } from '../features.ts';
import { type HostBlock, type MachineSpecification, VirtualMachine } from '../machine.ts';
import { SoftwareProcessor } from './processor.ts';

const guestPhysicalBits = 40;

const features: Features = {
  processorsPerMachine: 64,
  machines: 1,
  guestPhysicalBits,
  unrestrictedGuest: true,
  nestedPaging: false,
  memoryAliasing: true,
  memoryUnmapping: true,
  partialUnmapping: false,
  memoryProtection: true,
  customCpuid: true,
  completeState: true,
  nesting: true,
};

export class Software implements Accelerator {
  readonly name = 'software';
  readonly features = features;
  #host: Host | undefined;

  constructor(private readonly options: AcceleratorOptions) {}

  get time(): Host['time'] {
    return this.#required.time;
  }

  /** The guest's CPU is the computer's: it is built for the first machine, and there is one. */
  createMachine(specification: MachineSpecification): VirtualMachine {
    if (this.#host) throw new MachineError('bad-call', 'software runs one machine', { remedy: 'create another accelerator' });
    const { memory, clock } = this.options;
    this.#host = createHost({
      model: specification.cpu,
      processors: specification.processors,
      memory,
      bare: true,
      ...(clock ? { time: clock } : {}),
    });
    return new SoftwareMachine(this.#host, specification);
  }

  [Symbol.dispose](): void {
    this.#host = undefined;
  }

  get #required(): Host {
    if (!this.#host) throw new MachineError('bad-call', 'there is no machine yet', { remedy: 'create the machine first' });
    return this.#host;
  }
}

interface SoftwareBlock extends HostBlock {
  /** Offset in linear memory. */
  readonly offset: number;
}

class SoftwareMachine extends VirtualMachine {
  readonly processors: readonly SoftwareProcessor[];

  constructor(
    private readonly host: Host,
    specification: MachineSpecification,
  ) {
    super(specification, guestPhysicalBits);
    this.processors = Array.from({ length: specification.processors }, (_, index) => new SoftwareProcessor(host, specification, index));
  }

  [Symbol.dispose](): void {}

  protected allocateBlock(size: number): HostBlock {
    const { memory } = this.host;
    const physical = memory.allocate(size / 4096);
    const offset = memory.offset(physical);
    const block: SoftwareBlock = {
      size,
      offset,
      bytes: new Uint8Array(memory.words.buffer, offset, size),
      written: (at, length) => memory.written(physical + at, length),
    };
    return block;
  }

  protected mapBlock(gpa: number, block: HostBlock, offset: number, size: number, access: number): void {
    this.host.physical.map(gpa, size, (block as SoftwareBlock).offset + offset, (access & 2) !== 0);
  }

  protected unmapBlock(gpa: number, size: number): void {
    this.host.physical.unmap(gpa, size);
  }
}
