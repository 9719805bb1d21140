/** Where vector helpers find their arguments, and how they write what they computed. */
import { VectorCode } from '../../isa/vector/operations.ts';
import { state as layout, ymmHighDistance } from '../../state/layout.ts';
import type { CpuCore } from '../core.ts';

/** Words of the state block: (left, right, target, code), then the upper halves of left and right where there are such. */
export const vectorArguments = {
  left: layout.argument0.offset >> 2,
  right: layout.argument2.offset >> 2,
  target: layout.argument4.offset >> 2,
  code: layout.argument5.offset >> 2,
  leftHigh: (layout.argument0.offset + 6 * 8) >> 2,
  rightHigh: (layout.argument0.offset + 8 * 8) >> 2,
} as const;

/** Number of the operation, and operand format, in a helper's code. */
export const operationOf = (code: number): number => code & 0xff;
export const formatOf = (code: number): number => (code >> 8) & 0xff;
export const isWide = (code: number): boolean => (code & VectorCode.wide) !== 0;

/**
 * The first `words` of the unit's lanes to the target. A VEX form has the rest of 128 bits from its left argument; above that are the lanes of the
 * upper half, or zeros.
 */
export function writeVector({ float, state }: CpuCore, code: number, words: number): void {
  const { i32 } = state;
  const target = i32[vectorArguments.target] >> 2;
  for (let word = 0; word < words; word++) i32[target + word] = float.lanes[word];
  if ((code & VectorCode.vex) === 0) return;
  for (let word = words; word < 4; word++) i32[target + word] = i32[vectorArguments.left + word];
  const upper = target + (ymmHighDistance >> 2);
  for (let word = 0; word < 4; word++) i32[upper + word] = isWide(code) ? float.lanes[4 + word] : 0;
}
