/** Fields of the state block that an index picks. */
import type { Value } from '../ir/value.ts';
import type { ArrayField } from '../state/layout.ts';
import type { ValueWriter } from './values.ts';

export function pushElement(values: ValueWriter, array: ArrayField, index: Value): void {
  pushAddress(values, array, index);
  if (array.width === 64) values.f.memory('i64.load', array.offset);
  else if (array.width === 16) values.f.memory('i32.load16_u', array.offset);
  else throw new Error(`no elements of ${array.width} bits`);
}

export function setElement(values: ValueWriter, array: ArrayField, index: Value, value: Value): void {
  pushAddress(values, array, index);
  values.push(value, true);
  values.f.memory(array.width === 64 ? 'i64.store' : 'i32.store16', array.offset);
}

/** Without the array's own offset. */
function pushAddress(values: ValueWriter, { stride }: ArrayField, index: Value): void {
  values.target.pushCpu();
  values.push(index);
  values.f.i32(Math.log2(stride)).op('i32.shl').op('i32.add');
}
