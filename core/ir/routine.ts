/**
 * A function of values with a name, for what is too large to be written out wherever it is used: WebAssembly has it once in a module, the
 * evaluator as it stands. It sees nothing but its parameters.
 */
import { evaluateVector } from './evaluate-vector.ts';
import { Folder } from './fold.ts';
import { compute } from './operations.ts';
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

export function evaluateRoutine({ body }: Routine, inputs: readonly bigint[]): bigint {
  const known = new Map<Value, bigint>();
  const evaluate = (value: Value): bigint => {
    const found = known.get(value);
    if (found !== undefined) return found;
    const result = BigInt.asUintN(value.width, evaluateNode(value));
    known.set(value, result);
    return result;
  };
  const evaluateNode = (value: Value): bigint => {
    if (value.operation === 'constant') return value.detail as bigint;
    if (value.operation === 'parameter') return inputs[value.detail as number]!;
    const operands = value.inputs.map(evaluate);
    if (value.operation === 'vector') return evaluateVector(value, operands);
    if (value.operation === 'routine') return evaluateRoutine(value.detail as Routine, operands);
    return compute(value, operands);
  };
  return evaluate(body);
}
