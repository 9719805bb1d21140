import type { InterruptLine } from '#core';

/** The end of an interrupt wire that only writes down what comes. */
export class TestPin implements InterruptLine {
  #level = false;
  #edges = 0;

  constructor(readonly name: string) {}

  get level(): boolean {
    return this.#level;
  }

  /** How often it has gone up. */
  get edges(): number {
    return this.#edges;
  }

  /** For the wire. */
  assert(): void {
    this.#level = true;
    this.#edges++;
  }

  /** For the wire. */
  deassert(): void {
    this.#level = false;
  }

  /** For the wire. */
  pulse(): void {
    this.assert();
    this.deassert();
  }
}
