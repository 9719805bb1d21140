/**
 * Input that was there before the guest was: `echo poweroff | virt64 run`. A driver empties the receiver when it opens a serial port,
 * so what is piped waits until the guest listens.
 */
import type { Machine } from '#machines';

const lookEvery = 20;
/** A guest that never enables the receive interrupt polls; having been silent for so long, it waits for input. */
const silence = 10_000;

export class PipedInput implements Disposable {
  readonly #held: Uint8Array[] = [];
  #isOpen = false;
  #lastOutput = performance.now();
  #timer: NodeJS.Timeout | undefined;
  readonly #heard = (): void => {
    this.#lastOutput = performance.now();
  };

  constructor(private readonly machine: Machine) {
    machine.serial.events.on('output', this.#heard);
  }

  type(data: Uint8Array): void {
    this.#held.push(data);
    this.#look();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.machine.serial.events.off('output', this.#heard);
  }

  #look(): void {
    clearTimeout(this.#timer);
    this.#isOpen ||= this.#listens || performance.now() - this.#lastOutput > silence;
    if (this.#isOpen) for (const data of this.#held.splice(0)) this.machine.serial.type(data);
    else this.#timer = setTimeout(() => this.#look(), lookEvery);
  }

  /** Consoles without such a register take input at any time. */
  get #listens(): boolean {
    const { profile, devices } = this.machine;
    const enabled = devices.get(profile.console)?.inspect().interruptEnable;
    return typeof enabled !== 'number' || (enabled & 1) !== 0;
  }
}
