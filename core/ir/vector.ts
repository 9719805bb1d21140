/**
 * Vector operations: each a name, lane width and lane-wise meaning. WebAssembly's SIMD instruction of the same meaning is
 * named where there is one; readers without SIMD apply the meaning lane by lane.
 */

export interface VectorOperation {
  readonly name: string;
  /** Bits of a lane of the arguments. */
  readonly lane: 8 | 16 | 32 | 64;
  /** An operation parameter known at trace time (a shuffle's lanes). */
  readonly parameter?: readonly number[];
}

export const vectorOperation = (
  name: string,
  lane: VectorOperation['lane'],
  parameter?: readonly number[],
): VectorOperation => (parameter ? { name, lane, parameter } : { name, lane });
