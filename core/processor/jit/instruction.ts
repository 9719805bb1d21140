/** An instruction as its record has it, read back for compilation. */
import { Handler } from '../interpreter/handlers.ts';
import { jittedRecord, record, recordSlots } from '../interpreter/record.ts';
import type { Form } from '../isa/form.ts';
import { state } from '../state/layout.ts';

export interface CompiledInstruction {
  readonly form: Form;
  /** In its page. */
  readonly offset: number;
  readonly length: number;
  /** By `OperandForm.slot`. */
  readonly slots: readonly number[];
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  readonly segment: number;
  readonly segmentBase: number;
  readonly displacement: bigint;
  readonly immediate: bigint;
}

export interface FormSource {
  formOf(handler: number): Form | undefined;
}

/** undefined: it is none of those that can be compiled. */
export function readInstruction(view: DataView, pointer: number, forms: FormSource): CompiledInstruction | undefined {
  const u16 = (at: number, offset: number) => view.getUint16(at + offset, true);
  let at = pointer >>> 0;
  if (u16(at, record.handler) === Handler.jitted) at = view.getUint32(at + jittedRecord.original, true);
  const form = forms.formOf(u16(at, record.handler));
  const address = view.getUint8(at + record.address);
  const slow = (address & 4) !== 0;
  if (!form || slow) return undefined;
  return {
    form,
    offset: u16(at, record.offset),
    length: view.getUint8(at + record.length),
    slots: recordSlots.map(offset => u16(at, offset)),
    base: u16(at, record.base),
    index: u16(at, record.index),
    scale: address & 3,
    segment: (address >> 3) & 7,
    segmentBase: u16(at, record.segmentBase),
    displacement: view.getBigInt64(at + record.displacement, true),
    immediate: view.getBigInt64(at + record.immediate, true),
  };
}

export const noSlot = state.zero.offset;
