/**
 * The buses that a virtual machine is created with, before the board behind them exists: a board's devices see guest memory, and
 * guest memory is the virtual machine's. Each access is an act.
 */
import type { MachineSpecification } from '#accelerators';
import type { Board, InterruptController } from '#core';
import { type Acts, virtualTimeActs } from './acts.ts';

export class LateBuses implements Pick<MachineSpecification, 'ports' | 'mmio' | 'msrs' | 'timestamps' | 'interrupts'> {
  #board: Board | undefined;
  readonly interrupts: readonly LateController[];

  readonly ports: MachineSpecification['ports'];
  readonly mmio: MachineSpecification['mmio'];
  readonly msrs: MachineSpecification['msrs'] = {
    read: (processor, index) => this.acts.run(() => this.#connected.msrs.read(processor, index)),
    write: (processor, index, value) => this.acts.run(() => this.#connected.msrs.write(processor, index, value)),
  };

  /** Processors are reset when they are created: nobody waits for them then. */
  readonly timestamps: MachineSpecification['timestamps'] = {
    changed: processor => this.acts.run(() => this.#board?.timestamps.changed(processor)),
  };

  constructor(
    processors: number,
    private readonly acts: Acts,
  ) {
    this.interrupts = Array.from({ length: processors }, () => new LateController());
    const ports: MachineSpecification['ports'] = {
      read: (port, size) => this.#board!.ports.read(port, size),
      write: (port, size, value) => this.#board!.ports.write(port, size, value),
    };
    const mmio: MachineSpecification['mmio'] = {
      read: (address, size, data, processor) => this.#board!.mmio.read(address, size, data, processor),
      write: (address, size, data, processor) => this.#board!.mmio.write(address, size, data, processor),
    };
    this.ports = acts === virtualTimeActs ? ports : portsInActs(ports, acts);
    this.mmio = acts === virtualTimeActs ? mmio : mmioInActs(mmio, acts);
  }

  connect(board: Board): void {
    this.#board = board;
    for (const [processor, late] of this.interrupts.entries()) late.connect(board.controllers.of(processor));
  }

  get #connected(): Board {
    return this.#board!;
  }
}

const portsInActs = (ports: MachineSpecification['ports'], acts: Acts): MachineSpecification['ports'] => ({
  read(port, size) {
    acts.begin();
    try {
      return ports.read(port, size);
    } finally {
      acts.end();
    }
  },
  write(port, size, value) {
    acts.begin();
    try {
      ports.write(port, size, value);
    } finally {
      acts.end();
    }
  },
});

const mmioInActs = (mmio: MachineSpecification['mmio'], acts: Acts): MachineSpecification['mmio'] => ({
  read(address, size, data, processor) {
    acts.begin();
    try {
      mmio.read(address, size, data, processor);
    } finally {
      acts.end();
    }
  },
  write(address, size, data, processor) {
    acts.begin();
    try {
      mmio.write(address, size, data, processor);
    } finally {
      acts.end();
    }
  },
});

class LateController implements InterruptController {
  #controller: InterruptController | undefined;

  connect(controller: InterruptController): void {
    controller.taskPriority = this.taskPriority;
    this.#controller = controller;
  }

  get pending(): boolean {
    return this.#controller?.pending ?? false;
  }
  acknowledge(): number {
    return this.#controller!.acknowledge();
  }
  get nmiPending(): boolean {
    return this.#controller?.nmiPending ?? false;
  }
  acknowledgeNmi(): void {
    this.#controller?.acknowledgeNmi();
  }
  get taskPriority(): number {
    return this.#controller?.taskPriority ?? 0;
  }
  set taskPriority(priority: number) {
    if (this.#controller) this.#controller.taskPriority = priority;
  }
  get onChange(): (() => void) | undefined {
    return this.#controller?.onChange;
  }
  set onChange(action: (() => void) | undefined) {
    if (this.#controller) this.#controller.onChange = action;
  }
}
