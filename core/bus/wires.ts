import { service } from '../framework/service.ts';
import type { InterruptLine } from './interrupt-line.ts';

/** The interrupt wiring of a machine, by names such as `ioapic@4`. */
export interface Wires {
  /**
   * A source on the named pin. Several sources of one pin are ORed. It may be asked for before the controller exists; until
   * then levels are remembered.
   */
  line(name: string): InterruptLine;

  /**
   * Offers the pins of a controller. The lines that it answers are told levels: edges only, never the same level twice.
   */
  provide(controller: string, pins: number, pin: (index: number) => InterruptLine): void;
}

export const Wires = service<Wires>('Wires');
