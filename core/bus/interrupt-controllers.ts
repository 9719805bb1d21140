import { MachineError } from '../framework/error.ts';
import type { ExternalInterrupts, InterruptController, InterruptControllers } from './interrupt-controller.ts';

/** The controllers of one machine, by processor. */
export class ControllerSlots implements InterruptControllers {
  readonly #installed: (InterruptController | undefined)[] = [];
  readonly #bare: (BareController | undefined)[] = [];
  #external: ExternalInterrupts | undefined;

  get external(): ExternalInterrupts | undefined {
    return this.#external;
  }

  of(processor: number): InterruptController {
    return this.#installed[processor] ?? (this.#bare[processor] ??= new BareController(this, processor === 0));
  }

  install(processor: number, controller: InterruptController): void {
    if (this.#installed[processor]) throw new MachineError('overlap', `processor ${processor} has two local APICs`);
    this.#installed[processor] = controller;
  }

  installExternal(external: ExternalInterrupts): void {
    if (this.#external) throw new MachineError('overlap', 'the machine has two PICs');
    this.#external = external;
  }
}

/** A processor without a local APIC: the PIC's INTR is wired to the first one, and CR8 holds a number that masks nothing. */
class BareController implements InterruptController {
  #onChange: (() => void) | undefined;
  readonly nmiPending = false;
  taskPriority = 0;

  constructor(
    private readonly slots: ControllerSlots,
    private readonly first: boolean,
  ) {}

  get pending(): boolean {
    return this.first && this.slots.external !== undefined && this.slots.external.pending;
  }

  acknowledge(): number {
    return this.slots.external?.acknowledge() ?? 0;
  }

  acknowledgeNmi(): void {}

  get onChange(): (() => void) | undefined {
    return this.#onChange;
  }

  set onChange(listener: (() => void) | undefined) {
    this.#onChange = listener;
    if (this.first && this.slots.external) this.slots.external.onChange = listener;
  }
}
