import { service } from '../framework/service.ts';

/** What an accelerator asks for, one per virtual processor: the local APIC, with the PIC behind LINT0. */
export interface InterruptController {
  /** A maskable interrupt is deliverable, if the processor accepts any: its priority is above the task priority. */
  readonly pending: boolean;
  /** The vector; called when the processor takes the interrupt. May be the spurious vector. */
  acknowledge(): number;

  readonly nmiPending: boolean;
  acknowledgeNmi(): void;

  /** CR8, 0 to 15; the same register as the local APIC's. */
  taskPriority: number;

  /** Set by the run loop: something may have become pending, which wakes a halted processor. */
  onChange: (() => void) | undefined;
}

/** The PIC's INTR pin and its acknowledge cycle. */
export interface ExternalInterrupts {
  readonly pending: boolean;
  acknowledge(): number;
}

/** Where interrupt controllers install themselves and where the run loop finds them. */
export interface InterruptControllers {
  /** The local APIC of a processor, else the PIC for processor 0, else a controller that never interrupts. */
  of(processor: number): InterruptController;
  install(processor: number, controller: InterruptController): void;
  /** The PIC, if there is one. */
  readonly external: ExternalInterrupts | undefined;
  installExternal(external: ExternalInterrupts): void;
  /** Called by the PIC when its INTR pin has changed, and heard by who is wired to it. */
  externalChanged(): void;
  onExternalChange(listener: () => void): void;
}

export const InterruptControllers = service<InterruptControllers>('InterruptControllers');
