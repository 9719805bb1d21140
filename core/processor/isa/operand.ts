import type { Value, Width } from '../ir/value.ts';
import type { OperandForm } from './form.ts';

/** Something that an instruction reads and writes: a register, a memory operand, an immediate. */
export interface Operand {
  readonly width: Width;
  readonly isMemory: boolean;
  /** The form's kind, for the few instructions whose meaning depends on it (MOVSS, MOV Sreg). */
  readonly form: OperandForm | undefined;
  read(): Value;
  /** 128 bits of a vector, or the part of the operand that goes with them: 0 the lower, 1 the upper. */
  lane(number: number): Operand;
  /** The 128 bits of a vector register of which a narrower write leaves the rest. VEX forms only. */
  whole(): Value;
  /** For memory: the first `width` bits at a displacement in bytes. */
  readAt(displacement: Value | number, width: Width): Value;
  write(value: Value): void;
  /** Registers only: a 32-bit register keeps its upper half where the condition does not hold. */
  writeIf(condition: Value, value: Value): void;
  writeAt(displacement: Value | number, value: Value): void;
  /** Read-modify-write as one act. The new value is computed from the old one by `change`. */
  update(change: (before: Value) => Value): { before: Value; after: Value };
  updateAt(
    displacement: Value | number,
    width: Width,
    change: (before: Value) => Value,
  ): { before: Value; after: Value };
  /** Faults unless `width` bits at a displacement can be written; writes nothing. Memory only. */
  probeAt(displacement: Value | number, width: Width): void;
  /** Faults as a read of the operand does, and reads nothing: a device's register is not touched. */
  probeRead(): void;
  /** Effective address without the segment, 64 bits (LEA, INVLPG, FXSAVE …). Memory only. */
  offset(): Value;
  /** Register number as the helper needs it (segment, control, debug register, ST(i); state offset of a general one): a 32-bit value. */
  number(): Value;
  /** Number of the segment that the memory operand lies in, 32 bits. */
  segment(): Value;
  /** Whether the memory operand's base register is rSP. */
  stackBased(): Value;
}
