import { DeliveryMode, type InterruptMessage, type ProcessorSignals } from '#core';
import { Command, ErrorStatus } from './registers.ts';
import type { LocalApicUnit } from './unit.ts';

/** A destination that means everybody; I/O APICs, MSIs and xAPICs write 0xff. */
const everybody = 0xffff_ffff;

/** Finds the local APICs that a message or a command is meant for (SDM vol. 3, 12.6.2), and hands it to them. */
export class Delivery {
  constructor(
    private readonly units: readonly LocalApicUnit[],
    private readonly signals: ProcessorSignals,
  ) {}

  /** From the outside, where destinations have eight bits. */
  deliver(message: InterruptMessage): boolean {
    const destination = message.destination === 0xff ? everybody : message.destination;
    return this.#hand(message, unit => matches(unit, destination, message.logical));
  }

  /** From a processor's interrupt command register. */
  send(sender: LocalApicUnit): void {
    const { commandLow, commandHigh } = sender.state;
    const mode = (commandLow >>> 8) & 7;
    const vector = commandLow & 0xff;
    const level = (commandLow & Command.level) !== 0;
    // INIT level de-assert is for the arbitration of old buses (12.6.1): nothing happens.
    if (mode === DeliveryMode.Init && level && !(commandLow & Command.asserted)) return;
    if (vector < 16 && mode <= DeliveryMode.LowestPriority) sender.fail(ErrorStatus.sendVector);
    const narrow = commandHigh >>> 24;
    const wide = sender.extended ? commandHigh >>> 0 : narrow === 0xff ? everybody : narrow;
    const logical = (commandLow & Command.logical) !== 0;
    // Interrupts between processors are edges, whatever the trigger bit says.
    const message = { destination: wide, logical, mode, vector, level: false };
    const shorthand = (commandLow >>> 18) & 3;
    this.#hand(message, unit => {
      if (shorthand === 0) return matches(unit, wide, logical);
      if (shorthand === 1) return unit === sender;
      return shorthand === 2 || unit !== sender;
    });
  }

  #hand(message: InterruptMessage, isMeant: (unit: LocalApicUnit) => boolean): boolean {
    const meant = this.units.filter(unit => unit.enabled && isMeant(unit));
    switch (message.mode) {
      case DeliveryMode.LowestPriority: {
        const ready = meant.filter(unit => unit.softwareEnabled);
        const chosen = ready.reduce(
          (best: LocalApicUnit | undefined, unit) =>
            best && best.processorPriority <= unit.processorPriority ? best : unit,
          undefined,
        );
        return chosen?.accept(message) ?? false;
      }
      case DeliveryMode.Init:
        for (const { processor } of meant) {
          this.units[processor].initialize();
          this.signals.init(processor);
        }
        return meant.length > 0;
      case DeliveryMode.Startup:
        for (const { processor } of meant) this.signals.startup(processor, message.vector);
        return meant.length > 0;
      default:
        return meant.filter(unit => unit.accept(message)).length > 0;
    }
  }
}

function matches(unit: LocalApicUnit, destination: number, logical: boolean): boolean {
  if (destination === everybody) return true;
  if (!logical) return destination === unit.processor;
  if (unit.extended) {
    return destination >>> 16 === unit.processor >>> 4 && (destination & (1 << (unit.processor & 15))) !== 0;
  }
  const { logicalDestination, destinationFormat } = unit.state;
  const own = logicalDestination >>> 24;
  if (destinationFormat >>> 28 === 15) return (own & destination) !== 0;
  const cluster = destination >>> 4;
  return (cluster === own >>> 4 || cluster === 15) && (own & destination & 15) !== 0;
}
