/** An accelerator of one's own: another one, which does the work, and counts of what its guests ask of their boards. */
import {
  type Accelerator,
  type AcceleratorFactory,
  type AcceleratorOptions,
  type AcceleratorTime,
  accelerators,
  type Features,
  type MachineSpecification,
  type ProcessorBoard,
  type VirtualMachine,
} from 'virt64/accelerators';

export class Counts {
  machines = 0;
  ports = 0;
  mmio = 0;
  msrs = 0;
}

export class CountingAccelerator implements Accelerator {
  readonly name = 'counting';
  readonly counts: Counts;
  readonly #inner: Accelerator;

  constructor(inner: Accelerator, counts = new Counts()) {
    this.#inner = inner;
    this.counts = counts;
  }

  get features(): Features {
    return this.#inner.features;
  }

  get time(): AcceleratorTime {
    return this.#inner.time;
  }

  createMachine(specification: MachineSpecification): VirtualMachine {
    const machine = this.#inner.createMachine(specification);
    this.counts.machines++;
    const powerOn = machine.powerOn.bind(machine);
    machine.powerOn = board => powerOn(counted(board, this.counts));
    return machine;
  }

  [Symbol.dispose](): void {
    this.#inner[Symbol.dispose]();
  }
}

/** A board that answers as this one does. */
const counted = (board: ProcessorBoard, counts: Counts): ProcessorBoard => ({
  ...board,
  ports: {
    read: (port, size) => {
      counts.ports++;
      return board.ports.read(port, size);
    },
    write: (port, size, value) => {
      counts.ports++;
      board.ports.write(port, size, value);
    },
  },
  mmio: {
    read: (address, size, result, processor) => {
      counts.mmio++;
      board.mmio.read(address, size, result, processor);
    },
    write: (address, size, value, processor) => {
      counts.mmio++;
      board.mmio.write(address, size, value, processor);
    },
  },
  msrs: {
    read: (processor, index) => {
      counts.msrs++;
      return board.msrs.read(processor, index);
    },
    write: (processor, index, value) => {
      counts.msrs++;
      return board.msrs.write(processor, index, value);
    },
  },
});

/** Counts on top of `software`. */
export class CountingFactory implements AcceleratorFactory {
  readonly name = 'counting';
  readonly description = 'software, with counts';
  readonly counts = new Counts();

  create(options: AcceleratorOptions): Accelerator {
    const software = accelerators.find(({ name }) => name === 'software');
    if (!software) throw new Error('virt64 has no software accelerator');
    return new CountingAccelerator(software.create(options), this.counts);
  }
}
