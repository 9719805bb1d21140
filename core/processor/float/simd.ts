import { compare, Relation } from './compare.ts';
import { type Environment, FloatException } from './environment.ts';
import { roundToIntegral } from './integer.ts';
import { propagateOne } from './nan.ts';
import { Kind } from './unpacked.ts';

/** What single and double precision SSE operations have in common beyond arithmetic. */

/** MIN and MAX of left and right: whether it is the right one. Any NaN is an invalid operand. */
export function extremeIsRight(environment: Environment, maximum: boolean): boolean {
  return compare(environment, true) !== (maximum ? Relation.Greater : Relation.Less);
}

const useEnvironment = 4;
const quiet = 8;

/** ROUNDSS and ROUNDSD of left (SDM vol. 2, table 4-18). */
export function roundScalar(environment: Environment, control: number): void {
  const { left, result } = environment;
  if (propagateOne(environment)) return;
  result.copy(left);
  if (left.kind !== Kind.Finite) return;
  const mode = (control & useEnvironment) !== 0 ? environment.rounding : control & 3;
  const rounded = roundToIntegral(result, mode);
  if (rounded !== 0 && (control & quiet) === 0) environment.raise(FloatException.Precision);
}
