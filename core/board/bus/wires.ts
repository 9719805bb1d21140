import { service } from '../framework/service.ts';
import type { InterruptLine } from './interrupt-line.ts';

/** The interrupt wiring of a machine, by names such as `ioapic@4`. */
export interface Wires {
  /**
   * A source on the named pin. Several sources of one pin are ORed. It may be asked for before the controller exists; until
   * then levels are remembered.
   */
  line(name: string): InterruptLine;

  /** Offers the pins of a controller. They are told changes of level, never the same level twice. */
  provide(controller: string, pins: number, pin: (index: number) => InterruptLine): void;

  /** The same for a component that only passes levels on to other wires. */
  relay(name: string, pins: number, pin: (index: number) => InterruptLine): void;
}

export const Wires = service<Wires>('Wires');
