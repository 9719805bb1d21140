/** The accelerator `software`: the emulated CPU itself runs the guest. Guests see whatever their CPU model has, SVM and VMX too. */
import { createHost, type Host, implementedFeatures, MachineError } from '#core';
import type { Accelerator, AcceleratorOptions } from '../accelerator.ts';
import type { PageRun } from '../dirty-pages.ts';
import type { Features } from '../features.ts';
import { type HostBlock, MapAccess, VirtualMachine } from '../machine.ts';
import type { Mapping } from '../memory-map.ts';
import type { MachineSpecification, ProcessorParts } from '../specification.ts';
import { SoftwareProcessor } from './processor.ts';

const guestPhysicalBits = 40;
/** Page 0 of the computer is nobody's, and large blocks are aligned. */
const alignment = 4 * 2 ** 20;

const features: Omit<Features, 'time'> = {
  processorsPerMachine: 64,
  machines: 1,
  guestPhysicalBits,
  unrestrictedGuest: true,
  nestedPaging: false,
  memoryAliasing: true,
  memoryUnmapping: true,
  partialUnmapping: false,
  memoryProtection: true,
  protection: true,
  dirtyPages: true,
  step: true,
  codeBreakpoints: Number.POSITIVE_INFINITY,
  dataBreakpoints: Number.POSITIVE_INFINITY,
  customCpuid: true,
  cpuFeatures: implementedFeatures,
  debugControl: true,
  completeState: true,
  nesting: true,
};

export class Software implements Accelerator {
  readonly name = 'software';
  readonly features: Features;
  readonly host: Host;
  #used = false;

  constructor({ cpu, processors, memory, engine, clock }: AcceleratorOptions) {
    this.host = createHost({
      model: cpu,
      processors,
      memory: memory + alignment,
      physicalMap: 'empty',
      ...(engine ? { engine } : {}),
      ...(clock ? { time: clock } : {}),
    });
    this.features = { ...features, time: clock ? 'host' : 'instructions', processorsPerMachine: processors };
  }

  get time(): Host['time'] {
    return this.host.time;
  }

  /** The computer is the guest: there is one. */
  createMachine(specification: MachineSpecification): VirtualMachine {
    if (this.#used)
      throw new MachineError('bad-call', 'software runs one machine', { remedy: 'create another accelerator' });
    const machine = new SoftwareMachine(this, specification);
    this.#used = true;
    return machine;
  }

  [Symbol.dispose](): void {}
}

interface SoftwareBlock extends HostBlock {
  /** Offset in linear memory. */
  readonly offset: number;
}

const linearAddress = ({ block, offset }: PageRun): number => (block as SoftwareBlock).offset + offset;

class SoftwareMachine extends VirtualMachine {
  readonly #host: Host;

  constructor(accelerator: Software, specification: MachineSpecification) {
    super(specification, accelerator);
    this.#host = accelerator.host;
  }

  [Symbol.dispose](): void {}

  protected createProcessor(index: number, parts: ProcessorParts): SoftwareProcessor {
    return new SoftwareProcessor(this.#host, index, parts);
  }

  protected allocateBlock(size: number): HostBlock {
    const { memory } = this.#host;
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
    this.#host.physical.map({
      base: gpa,
      size,
      offset: (block as SoftwareBlock).offset + offset,
      writable: (access & MapAccess.write) !== 0,
      executable: (access & MapAccess.execute) !== 0,
    });
  }

  protected protectBlock(gpa: number, size: number, access: number, exits: boolean): void {
    this.#host.physical.protect(gpa, size, { access, guarded: exits });
  }

  protected trackBlock(run: PageRun, on: boolean): void {
    const { physical } = this.#host;
    const address = linearAddress(run);
    if (on) physical.trackWrites(address, run.size);
    else physical.untrackWrites(address, run.size);
  }

  protected writtenPages(run: PageRun, clear: boolean): Uint8Array {
    const { physical } = this.#host;
    const first = linearAddress(run);
    const written = Uint8Array.from({ length: run.size / 4096 }, (_, n) =>
      physical.isClean(first + n * 4096) ? 0 : 1,
    );
    if (clear && written.includes(1)) physical.trackWrites(first, run.size);
    return written;
  }

  protected unmapBlock({ gpa, size }: Mapping): void {
    this.#host.physical.unmap(gpa, size);
  }
}
