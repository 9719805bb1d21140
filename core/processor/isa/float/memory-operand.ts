/** x87 operands in memory: how their rows write them. */
import type { Value } from '../../ir/value.ts';
import type { Operand } from '../operand.ts';
import { X87Memory } from './operations.ts';

export interface MemoryForm {
  readonly opcode: string;
  readonly operand: 'Mw' | 'Md' | 'Mq';
  readonly kind: X87Memory;
}

export const single = (opcode: string): MemoryForm => ({ opcode, operand: 'Md', kind: X87Memory.single });
export const double = (opcode: string): MemoryForm => ({ opcode, operand: 'Mq', kind: X87Memory.double });
export const int16 = (opcode: string): MemoryForm => ({ opcode, operand: 'Mw', kind: X87Memory.int16 });
export const int32 = (opcode: string): MemoryForm => ({ opcode, operand: 'Md', kind: X87Memory.int32 });
export const int64 = (opcode: string): MemoryForm => ({ opcode, operand: 'Mq', kind: X87Memory.int64 });

/** Which of a row's kinds of number this operand is. */
export const kindOf = (operand: Operand, forms: readonly MemoryForm[]): X87Memory => {
  const letter = operand.width === 16 ? 'Mw' : operand.width === 32 ? 'Md' : 'Mq';
  return forms.find(form => form.operand === letter)!.kind;
};

/** The place of a memory operand, for the unit's data pointer. */
export const placeOf = (operand: Operand): [Value, Value] => [operand.offset(), operand.segment()];
