/**
 * A function of values with a name, for what is too large to be written out wherever it is used: WebAssembly has it once in a module, the
 * evaluator as it stands. It sees nothing but its parameters.
 */
import { Folder } from './fold.ts';
import { Value, type Width } from './value.ts';

export class Routine {
  #body: Value | undefined;

  constructor(
    readonly name: string,
    readonly parameters: readonly Width[],
    readonly width: Width,
    private readonly write: (...parameters: Value[]) => Value,
  ) {}

  /** Made when it is first needed. */
  get body(): Value {
    this.#body ??= new Folder().value(
      this.write(...this.parameters.map((width, n) => new Value('parameter', width, [], n))),
    );
    return this.#body;
  }

  of(...inputs: Value[]): Value {
    inputs.forEach(({ width }, n) => {
      if (width !== this.parameters[n]) throw new Error(`${this.name}: parameter ${n} has ${width} bits`);
    });
    return new Value('routine', this.width, inputs, this);
  }

  /** In keys of folded values. */
  toJSON(): string {
    return this.name;
  }
}
