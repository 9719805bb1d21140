import { SoftFloat } from '../../../../core/processor/float/soft-float.ts';
import type { Recording, Vector } from './vectors.ts';

const hex = (value: number, digits = 8) => (value >>> 0).toString(16).padStart(digits, '0');
const hex64 = (lo: number, hi: number) => hex(hi) + hex(lo);

type Pair = readonly [lo: number, hi: number];

/** Every single precision operation by its number; a comparison answers its flags, another its result in hex. */
const single: readonly ((unit: SoftFloat, a: number, b: number, integer: Pair, immediate: number) => string)[] = [
  (unit, a, b) => hex(unit.single.add(a, b)),
  (unit, a, b) => hex(unit.single.subtract(a, b)),
  (unit, a, b) => hex(unit.single.multiply(a, b)),
  (unit, a, b) => hex(unit.single.divide(a, b)),
  (unit, a) => hex(unit.single.squareRoot(a)),
  (unit, a, b) => hex(unit.single.minimum(a, b)),
  (unit, a, b) => hex(unit.single.maximum(a, b)),
  (unit, a, b) => hex(unit.single.compare(a, b), 2),
  (unit, a, b) => hex(unit.single.compareQuietly(a, b), 2),
  (unit, a) => hex(unit.single.toInt32(a)),
  (unit, a) => hex(unit.single.toInt32Truncated(a)),
  (unit, a) => pair(unit, unit.single.toInt64(a)),
  (unit, a) => pair(unit, unit.single.toInt64Truncated(a)),
  (unit, _a, _b, [lo]) => hex(unit.single.fromInt32(lo)),
  (unit, _a, _b, [lo, hi]) => hex(unit.single.fromInt64(lo, hi)),
  (unit, a) => pair(unit, unit.single.toDouble(a)),
  (unit, a, _b, _integer, immediate) => hex(unit.single.roundToIntegral(a, immediate)),
];

const double: readonly ((unit: SoftFloat, a: Pair, b: Pair, integer: Pair, immediate: number) => string)[] = [
  (unit, a, b) => pair(unit, unit.double.add(...a, ...b)),
  (unit, a, b) => pair(unit, unit.double.subtract(...a, ...b)),
  (unit, a, b) => pair(unit, unit.double.multiply(...a, ...b)),
  (unit, a, b) => pair(unit, unit.double.divide(...a, ...b)),
  (unit, a) => pair(unit, unit.double.squareRoot(...a)),
  (unit, a, b) => pair(unit, unit.double.minimum(...a, ...b)),
  (unit, a, b) => pair(unit, unit.double.maximum(...a, ...b)),
  (unit, a, b) => hex(unit.double.compare(...a, ...b), 2),
  (unit, a, b) => hex(unit.double.compareQuietly(...a, ...b), 2),
  (unit, a) => hex(unit.double.toInt32(...a)),
  (unit, a) => hex(unit.double.toInt32Truncated(...a)),
  (unit, a) => pair(unit, unit.double.toInt64(...a)),
  (unit, a) => pair(unit, unit.double.toInt64Truncated(...a)),
  (unit, _a, _b, [lo]) => pair(unit, unit.double.fromInt32(lo)),
  (unit, _a, _b, [lo, hi]) => pair(unit, unit.double.fromInt64(lo, hi)),
  (unit, a) => hex(unit.double.toSingle(...a)),
  (unit, a, _b, _integer, immediate) => pair(unit, unit.double.roundToIntegral(...a, immediate)),
];

const pair = (unit: SoftFloat, _computed: unknown) => hex64(unit.lo, unit.hi);

/** Undefined if the software unit does what the CPU did, else what differs. */
export function replaySse(recording: Recording, vector: Vector): string | undefined {
  const { view } = recording;
  const { control } = vector;
  const at = (offset: number): Pair => [view.getInt32(offset, true), view.getInt32(offset + 4, true)];
  const unit = new SoftFloat();
  unit.rounding = (control >> 13) & 3;
  unit.masks = (control >> 7) & 0x3f;
  unit.daz = (control & 0x40) !== 0;
  unit.ftz = (control & 0x8000) !== 0;
  const number = vector.operation & 31;
  const integer = at(recording.integer(vector.a));
  let operands: string;
  let result: string;
  if (vector.operation < 32) {
    const a = view.getUint32(recording.single(vector.a), true);
    const b = view.getUint32(recording.single(vector.b), true);
    result = single[number](unit, a, b, integer, vector.b);
    operands = `${hex(a)} ${hex(b)}`;
  } else {
    const a = at(recording.double(vector.a));
    const b = at(recording.double(vector.b));
    result = double[number](unit, a, b, integer, vector.b);
    operands = `${hex64(...a)} ${hex64(...b)}`;
  }
  const compares = number === 7 || number === 8;
  const [lo, hi] = at(vector.first);
  const wanted = compares ? hex(vector.status >> 8, 2) : hex64(lo, hi).slice(-result.length);
  const got = `${unit.faulted ? 'fault' : result} ${hex(unit.flags, 2)}`;
  const expected = `${vector.suppressed ? 'fault' : wanted} ${hex(vector.status & 0xff, 2)}`;
  if (got === expected) return undefined;
  return `${operands} int ${hex64(...integer)} mxcsr ${hex(control, 4)}: ${got}, the CPU ${expected}`;
}
