/**
 * The buses that a virtual machine is created with, before the board behind them exists: a board's devices see guest memory, and
 * guest memory is the virtual machine's. Each access is an act.
 */
import type { MachineSpecification } from '#accelerators';
import type { Board, InterruptController } from '#core';
import type { Acts } from './acts.ts';

export class LateBuses implements Pick<MachineSpecification, 'ports' | 'mmio' | 'msrs' | 'timestamps' | 'interrupts'> {
  #board: Board | undefined;
  readonly interrupts: readonly LateController[];

  readonly ports: MachineSpecification['ports'] = {
    read: (port, size) => {
      this.acts.begin();
      try {
        return this.#connected.ports.read(port, size);
      } finally {
        this.acts.end();
      }
    },
    write: (port, size, value) => {
      this.acts.begin();
      try {
        this.#connected.ports.write(port, size, value);
      } finally {
        this.acts.end();
      }
    },
  };
  readonly mmio: MachineSpecification['mmio'] = {
    read: (address, size, data, processor) => {
      this.acts.begin();
      try {
        this.#connected.mmio.read(address, size, data, processor);
      } finally {
        this.acts.end();
      }
    },
    write: (address, size, data, processor) => {
      this.acts.begin();
      try {
        this.#connected.mmio.write(address, size, data, processor);
      } finally {
        this.acts.end();
      }
    },
  };
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
  }

  connect(board: Board): void {
    this.#board = board;
    for (const [processor, late] of this.interrupts.entries()) late.connect(board.controllers.of(processor));
  }

  get #connected(): Board {
    return this.#board!;
  }
}

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
