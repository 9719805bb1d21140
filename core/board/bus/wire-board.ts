import { MachineError } from '../framework/error.ts';
import { blame, type Owner } from '../framework/owner.ts';
import { drive, type InterruptLine, LevelLine } from './interrupt-line.ts';
import type { Wires } from './wires.ts';

interface Pin {
  /** How many sources assert it now. */
  asserted: number;
  target: InterruptLine | undefined;
  relays: boolean;
  /** Of the target. */
  owner: Owner | undefined;
}

interface Controller {
  readonly owner: Owner | undefined;
  readonly relays: boolean;
  readonly pins: number;
  readonly pin: (index: number) => InterruptLine;
}

/** Connects sources to pins, in whatever order their devices are built. */
export class WireBoard implements Wires {
  readonly #pins = new Map<string, Pin>();
  readonly #controllers = new Map<string, Controller>();
  #quiet = false;

  line(name: string): InterruptLine {
    const pin = this.#pin(name);
    return new LevelLine(name, asserted => {
      pin.asserted += asserted ? 1 : -1;
      const changed = pin.asserted === (asserted ? 1 : 0);
      if (changed && pin.target && (pin.relays || !this.#quiet)) this.#drive(pin.target, asserted, pin.owner);
    });
  }

  /** `owner` answers for what the pins throw. */
  provide(controller: string, pins: number, pin: (index: number) => InterruptLine, owner?: Owner): void {
    this.#add(controller, { pins, pin, relays: false, owner });
  }

  relay(name: string, pins: number, pin: (index: number) => InterruptLine, owner?: Owner): void {
    this.#add(name, { pins, pin, relays: true, owner });
  }

  #add(name: string, controller: Controller): void {
    if (this.#controllers.has(name)) {
      throw new MachineError('overlap', `two interrupt controllers are called ${name}`);
    }
    this.#controllers.set(name, controller);
    for (const [wire, waiting] of [...this.#pins]) this.#connect(wire, waiting);
  }

  /** Wires that lead to no controller or to no pin of it. Asked for when all devices are built. */
  get dangling(): readonly string[] {
    return [...this.#pins].filter(([, pin]) => !pin.target).map(([name]) => name);
  }

  /** While saved states are restored, levels are set right at the sources but not passed on: controllers restore their own. */
  quietly(action: () => void): void {
    this.#quiet = true;
    try {
      action();
    } finally {
      this.#quiet = false;
    }
  }

  #drive(target: InterruptLine, asserted: boolean, owner: Owner | undefined): void {
    try {
      drive(target, asserted);
    } catch (error) {
      throw blame(owner, `a change of the wire ${target.name}`, error);
    }
  }

  #pin(name: string): Pin {
    const known = this.#pins.get(name);
    if (known) return known;
    const pin: Pin = { asserted: 0, target: undefined, relays: false, owner: undefined };
    this.#pins.set(name, pin);
    this.#connect(name, pin);
    return pin;
  }

  #connect(name: string, pin: Pin): void {
    if (pin.target) return;
    const [controller = '', index = ''] = name.split('@');
    const known = this.#controllers.get(controller);
    if (!known || !/^\d+$/.test(index) || Number(index) >= known.pins) return;
    pin.target = known.pin(Number(index));
    pin.relays = known.relays;
    pin.owner = known.owner;
    if (pin.asserted > 0) this.#drive(pin.target, true, pin.owner);
  }
}
