/** One end of an interrupt wire. Levels, not counts: asserting an asserted line does nothing. */
export interface InterruptLine {
  readonly name: string;
  assert(): void;
  deassert(): void;
  /** Asserts and deasserts: one edge. */
  pulse(): void;
}

/** A source: knows its own level, and tells changes of it. */
export class LevelLine implements InterruptLine {
  #asserted = false;

  constructor(
    readonly name: string,
    private readonly onLevel: (asserted: boolean) => void,
  ) {}

  get asserted(): boolean {
    return this.#asserted;
  }

  assert(): void {
    if (this.#asserted) return;
    this.#asserted = true;
    this.onLevel(true);
  }

  deassert(): void {
    if (!this.#asserted) return;
    this.#asserted = false;
    this.onLevel(false);
  }

  pulse(): void {
    this.assert();
    this.deassert();
  }
}

/** A controller's input. It remembers nothing: whoever drives it tells changes only. */
export class InputPin implements InterruptLine {
  constructor(
    readonly name: string,
    private readonly onLevel: (high: boolean) => void,
  ) {}

  assert(): void {
    this.onLevel(true);
  }

  deassert(): void {
    this.onLevel(false);
  }

  pulse(): void {
    this.onLevel(true);
    this.onLevel(false);
  }
}

/** Brings a line to a level. */
export const drive = (line: InterruptLine, asserted: boolean): void => (asserted ? line.assert() : line.deassert());
