/**
 * The buses that a virtual machine is created with, before the board behind them exists: a board's devices see guest memory, and
 * guest memory is the virtual machine's.
 */
import type { MachineSpecification } from '#accelerators';
import type { Board, InterruptController } from '#core';

export class LateBuses implements Pick<MachineSpecification, 'ports' | 'mmio' | 'msrs' | 'timestamps' | 'interrupts'> {
  #board: Board | undefined;
  readonly interrupts: readonly LateController[];

  readonly ports: MachineSpecification['ports'] = {
    read: (port, size) => this.#connected.ports.read(port, size),
    write: (port, size, value) => this.#connected.ports.write(port, size, value),
  };
  readonly mmio: MachineSpecification['mmio'] = {
    read: (address, size, data, processor) => this.#connected.mmio.read(address, size, data, processor),
    write: (address, size, data, processor) => this.#connected.mmio.write(address, size, data, processor),
  };
  readonly msrs: MachineSpecification['msrs'] = {
    read: (processor, index) => this.#connected.msrs.read(processor, index),
    write: (processor, index, value) => this.#connected.msrs.write(processor, index, value),
  };

  /** Processors are reset when they are created: nobody waits for them then. */
  readonly timestamps: MachineSpecification['timestamps'] = {
    changed: processor => this.#board?.timestamps.changed(processor),
  };

  constructor(processors: number) {
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
