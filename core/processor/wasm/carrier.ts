/** How values travel on the WebAssembly stack, and what kinds of nodes there are. */
import type { Value, Width } from '../ir/value.ts';
import type { ValueType } from './function.ts';

export const carrier = (width: Width): ValueType => (width === 128 ? 'v128' : width === 64 ? 'i64' : 'i32');
export const maskOf = (width: Width): number => (width >= 32 ? -1 : (1 << width) - 1);

const leaves = new Set<string>([
  'register',
  'upper',
  'state',
  'flag',
  'offset',
  'number',
  'scale',
  'segment',
  'stackBased',
  'immediate',
  'rip',
  'nextRip',
]);
export const isLeaf = (value: Value): boolean => leaves.has(value.operation);
export const isMutable = (value: Value): boolean =>
  value.operation === 'register' ||
  value.operation === 'upper' ||
  value.operation === 'state' ||
  value.operation === 'element' ||
  value.operation === 'flag' ||
  value.operation === 'offset';
export const isConstant = (value: Value, what?: bigint): boolean =>
  value.operation === 'constant' && (what === undefined || value.detail === what);
