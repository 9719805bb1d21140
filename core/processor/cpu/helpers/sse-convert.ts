/** Conversions of SSE floating point (core/processor/isa/vector/float-convert.ts). */
import { RoundingMode } from '../../float/environment.ts';
import { SseConversion } from '../../isa/vector/operations.ts';
import { state as layout } from '../../state/layout.ts';
import { Status } from '../../state/leave.ts';
import type { CpuCore } from '../core.ts';
import type { FloatUnit } from './float-unit.ts';
import { begin, settle } from './sse-exceptions.ts';
import { isWide, operationOf, vectorArguments, writeVector } from './vector-result.ts';

/** Converts one number from words at `from` into the unit's lanes from `to`; what it raised is in unit.raised. */
type Convert = (unit: FloatUnit, i32: Int32Array, from: number, to: number) => void;

interface Conversion {
  readonly count: number;
  /** Words of a number before and after. */
  readonly from: 1 | 2;
  readonly to: 1 | 2;
  readonly convert: Convert;
  /** Words to write; those beyond the numbers are zero. */
  readonly words: 1 | 2 | 4;
  /** Which side is an MMX register. */
  readonly mmx?: 'source' | 'target';
}

const keepPair = (unit: FloatUnit, to: number): void => {
  unit.lanes[to] = unit.lo;
  unit.lanes[to + 1] = unit.hi;
};

const singleToDouble: Convert = (unit, i32, from, to) => {
  unit.single.toDouble(i32[from]);
  keepPair(unit, to);
};
const doubleToSingle: Convert = (unit, i32, from, to) => {
  unit.lanes[to] = unit.double.toSingle(i32[from], i32[from + 1]);
};
const int32ToSingle: Convert = (unit, i32, from, to) => {
  unit.lanes[to] = unit.single.fromInt32(i32[from]);
};
const int64ToSingle: Convert = (unit, i32, from, to) => {
  unit.lanes[to] = unit.single.fromInt64(i32[from], i32[from + 1]);
};
const int64ToDouble: Convert = (unit, i32, from, to) => {
  unit.double.fromInt64(i32[from], i32[from + 1]);
  keepPair(unit, to);
};
const halfToSingle: Convert = (unit, i32, from, to) => {
  unit.lanes[to] = unit.single.fromHalf(i32[from]);
};
const singleToInt32 =
  (truncates: boolean): Convert =>
  (unit, i32, from, to) => {
    unit.lanes[to] = unit.single.toInt32(i32[from], truncates ? RoundingMode.Zero : unit.rounding);
  };
const singleToInt64 =
  (truncates: boolean): Convert =>
  (unit, i32, from, to) => {
    unit.single.toInt64(i32[from], truncates ? RoundingMode.Zero : unit.rounding);
    keepPair(unit, to);
  };
const doubleToInt32 =
  (truncates: boolean): Convert =>
  (unit, i32, from, to) => {
    unit.lanes[to] = unit.double.toInt32(i32[from], i32[from + 1], truncates ? RoundingMode.Zero : unit.rounding);
  };
const doubleToInt64 =
  (truncates: boolean): Convert =>
  (unit, i32, from, to) => {
    unit.double.toInt64(i32[from], i32[from + 1], truncates ? RoundingMode.Zero : unit.rounding);
    keepPair(unit, to);
  };

/** A 32-bit result in a general register clears its upper half. */
const conversions: Readonly<Record<SseConversion, Conversion>> = {
  [SseConversion.ss2sd]: { count: 1, from: 1, to: 2, words: 2, convert: singleToDouble },
  [SseConversion.sd2ss]: { count: 1, from: 2, to: 1, words: 1, convert: doubleToSingle },
  [SseConversion.ps2pd]: { count: 2, from: 1, to: 2, words: 4, convert: singleToDouble },
  [SseConversion.pd2ps]: { count: 2, from: 2, to: 1, words: 4, convert: doubleToSingle },
  [SseConversion.dq2ps]: { count: 4, from: 1, to: 1, words: 4, convert: int32ToSingle },
  [SseConversion.ps2dq]: { count: 4, from: 1, to: 1, words: 4, convert: singleToInt32(false) },
  [SseConversion.tps2dq]: { count: 4, from: 1, to: 1, words: 4, convert: singleToInt32(true) },
  [SseConversion.pd2dq]: { count: 2, from: 2, to: 1, words: 4, convert: doubleToInt32(false) },
  [SseConversion.tpd2dq]: { count: 2, from: 2, to: 1, words: 4, convert: doubleToInt32(true) },
  [SseConversion.si2ss32]: { count: 1, from: 1, to: 1, words: 1, convert: int32ToSingle },
  [SseConversion.si2ss64]: { count: 1, from: 2, to: 1, words: 1, convert: int64ToSingle },
  [SseConversion.si2sd64]: { count: 1, from: 2, to: 2, words: 2, convert: int64ToDouble },
  [SseConversion.ss2si32]: { count: 1, from: 1, to: 1, words: 2, convert: singleToInt32(false) },
  [SseConversion.ss2si64]: { count: 1, from: 1, to: 2, words: 2, convert: singleToInt64(false) },
  [SseConversion.tss2si32]: { count: 1, from: 1, to: 1, words: 2, convert: singleToInt32(true) },
  [SseConversion.tss2si64]: { count: 1, from: 1, to: 2, words: 2, convert: singleToInt64(true) },
  [SseConversion.sd2si32]: { count: 1, from: 2, to: 1, words: 2, convert: doubleToInt32(false) },
  [SseConversion.sd2si64]: { count: 1, from: 2, to: 2, words: 2, convert: doubleToInt64(false) },
  [SseConversion.tsd2si32]: { count: 1, from: 2, to: 1, words: 2, convert: doubleToInt32(true) },
  [SseConversion.tsd2si64]: { count: 1, from: 2, to: 2, words: 2, convert: doubleToInt64(true) },
  [SseConversion.pi2ps]: { count: 2, from: 1, to: 1, words: 2, convert: int32ToSingle, mmx: 'source' },
  [SseConversion.pm2ps]: { count: 2, from: 1, to: 1, words: 2, convert: int32ToSingle },
  [SseConversion.ph2ps]: { count: 4, from: 1, to: 1, words: 4, convert: halfToSingle },
  [SseConversion.ps2pi]: { count: 2, from: 1, to: 1, words: 2, convert: singleToInt32(false), mmx: 'target' },
  [SseConversion.tps2pi]: { count: 2, from: 1, to: 1, words: 2, convert: singleToInt32(true), mmx: 'target' },
  [SseConversion.pd2pi]: { count: 2, from: 2, to: 1, words: 2, convert: doubleToInt32(false), mmx: 'target' },
  [SseConversion.tpd2pi]: { count: 2, from: 2, to: 1, words: 2, convert: doubleToInt32(true), mmx: 'target' },
};

const table: readonly Conversion[] = Object.values(SseConversion).map(number => conversions[number]);

function enterMmx({ state }: CpuCore): void {
  state.set8(layout.x87Top.offset, 0);
  state.set8(layout.x87Tags.offset, 0xff);
}

function convert(cpu: CpuCore, { count, from, to, convert: one }: Conversion, source: number, place: number): number {
  const { float, state } = cpu;
  let raised = 0;
  for (let n = 0; n < count; n++) {
    one(float, state.i32, source + n * from, place + n * to);
    raised |= float.raised;
  }
  return raised;
}

export function sseConvert(cpu: CpuCore): Status {
  const { float, state } = cpu;
  const { right, rightHigh, target, code: codeWord } = vectorArguments;
  const code = state.i32[codeWord];
  const conversion = table[operationOf(code)];
  const { count, to, words } = conversion;
  // Results of half the size lie side by side.
  const isNarrowing = isWide(code) && count * to < words;
  float.lanes.fill(0);
  begin(cpu);
  let raised = convert(cpu, conversion, right, 0);
  if (isWide(code)) raised |= convert(cpu, conversion, rightHigh, isNarrowing ? 2 : 4);
  // The x87 unit is taken over even where the conversion then faults.
  if (conversion.mmx) enterMmx(cpu);
  settle(cpu, raised);
  writeVector(cpu, code, words);
  if (conversion.mmx === 'target') state.set16(state.i32[target] + 8, 0xffff);
  return Status.done;
}

/** (low, high, rounding as VCVTPS2PH has it): the halves of both, 64 bits each. */
export function singlesToHalves(cpu: CpuCore): Status {
  const { float, state } = cpu;
  const control = state.argument(4);
  begin(cpu);
  const mode = (control & 4) !== 0 ? float.rounding : control & 3;
  let raised = 0;
  for (let n = 0; n < 8; n++) {
    const half = float.single.toHalf(state.i32[vectorArguments.left + n], mode);
    raised |= float.raised;
    float.lanes[n >> 1] = n & 1 ? float.lanes[n >> 1] | (half << 16) : half;
  }
  settle(cpu, raised);
  state.setResult(0, float.lanes[0], float.lanes[1]);
  state.setResult(1, float.lanes[2], float.lanes[3]);
  return Status.done;
}
