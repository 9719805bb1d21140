/** Performs a routine's body: each value once, though the body is a graph. */
import { compute } from '../ir/operations.ts';
import type { Routine } from '../ir/routine.ts';
import type { Value } from '../ir/value.ts';
import { evaluateVector } from './evaluate-vector.ts';

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
    if (value.operation === 'parameter') return inputs[value.detail as number];
    const operands = value.inputs.map(evaluate);
    if (value.operation === 'vector') return evaluateVector(value, operands);
    if (value.operation === 'routine') return evaluateRoutine(value.detail as Routine, operands);
    return compute(value, operands);
  };
  return evaluate(body);
}
