import { MachineError } from '../framework/error.ts';
import type { ExternalInterrupts, InterruptController, InterruptControllers } from './interrupt-controller.ts';

/** The controllers of one machine, by processor. */
export class ControllerSlots implements InterruptControllers {
  readonly #installed: (InterruptController | undefined)[] = [];
  readonly #bare: (BareController | undefined)[] = [];
  #external: ExternalInterrupts | undefined;
  readonly #listeners: (() => void)[] = [];

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

  externalChanged(): void {
    for (const listener of this.#listeners) listener();
  }

  onExternalChange(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

/** A processor without a local APIC: the PIC's INTR is wired to the first one, and CR8 is a number that masks nothing. */
class BareController implements InterruptController {
  readonly nmiPending = false;
  taskPriority = 0;
  onChange: (() => void) | undefined;

  constructor(
    private readonly slots: ControllerSlots,
    private readonly first: boolean,
  ) {
    slots.onExternalChange(() => this.pending && this.onChange?.());
  }

  get pending(): boolean {
    return this.first && (this.slots.external?.pending ?? false);
  }

  acknowledge(): number {
    return this.slots.external?.acknowledge() ?? 0;
  }

  acknowledgeNmi(): void {}
}
