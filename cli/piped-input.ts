/**
 * Input that was there before the guest was: `echo poweroff | virt64 run`. A driver empties the receiver when it opens a serial port,
 * so what is piped waits until the guest listens.
 */
import type { Machine } from '#machines';

const lookEvery = 20;
/** Nobody asks a port so often for nothing, unless it waits for input without interrupts. */
const polling = 256;

export class PipedInput implements Disposable {
  readonly #held: Uint8Array[] = [];
  #isOpen = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly machine: Pick<Machine, 'profile' | 'devices' | 'serial'>) {}

  type(data: Uint8Array): void {
    this.#held.push(data);
    this.#look();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    clearTimeout(this.#timer);
    this.#isOpen ||= this.#listens;
    if (this.#isOpen) for (const data of this.#held.splice(0)) this.machine.serial.type(data);
    else this.#timer = setTimeout(() => this.#look(), lookEvery);
  }

  /** It has enabled the receive interrupt, or it polls. Consoles that know neither take input at any time. */
  get #listens(): boolean {
    const { profile, devices } = this.machine;
    const { interruptEnable, polls } = devices.get(profile.console)?.inspect() ?? {};
    if (typeof interruptEnable !== 'number' || typeof polls !== 'number') return true;
    return (interruptEnable & 1) !== 0 || polls >= polling;
  }
}
