/** SSE arithmetic, lane by lane (core/processor/isa/vector/float-arithmetic.ts). */
import {
  estimateReciprocal,
  estimateReciprocalRoot,
  intelReciprocal,
  intelReciprocalRoot,
} from '../../float/estimate.ts';
import { Format, SseArithmetic } from '../../isa/vector/operations.ts';
import { Status } from '../../state/leave.ts';
import type { CpuCore } from '../core.ts';
import type { FloatUnit } from './float-unit.ts';
import { begin, settle } from './sse-exceptions.ts';
import { formatOf, isWide, operationOf, vectorArguments, writeVector } from './vector-result.ts';

function single(unit: FloatUnit, operation: number, a: number, b: number): number {
  switch (operation) {
    case SseArithmetic.add:
      return unit.single.add(a, b);
    case SseArithmetic.subtract:
      return unit.single.subtract(a, b);
    case SseArithmetic.multiply:
      return unit.single.multiply(a, b);
    case SseArithmetic.divide:
      return unit.single.divide(a, b);
    case SseArithmetic.minimum:
      return unit.single.minimum(a, b);
    case SseArithmetic.maximum:
      return unit.single.maximum(a, b);
    default:
      return unit.single.squareRoot(b);
  }
}

/** Into unit.hi:lo. */
function double(unit: FloatUnit, operation: number, aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  switch (operation) {
    case SseArithmetic.add:
      unit.double.add(aLow, aHigh, bLow, bHigh);
      break;
    case SseArithmetic.subtract:
      unit.double.subtract(aLow, aHigh, bLow, bHigh);
      break;
    case SseArithmetic.multiply:
      unit.double.multiply(aLow, aHigh, bLow, bHigh);
      break;
    case SseArithmetic.divide:
      unit.double.divide(aLow, aHigh, bLow, bHigh);
      break;
    case SseArithmetic.minimum:
      unit.double.minimum(aLow, aHigh, bLow, bHigh);
      break;
    case SseArithmetic.maximum:
      unit.double.maximum(aLow, aHigh, bLow, bHigh);
      break;
    default:
      unit.double.squareRoot(bLow, bHigh);
  }
}

/** What is done in one lane, and whether its operands are neighbours instead of counterparts. */
function laneOperation(operation: number, lane: number): number {
  switch (operation) {
    case SseArithmetic.addSubtract:
      return (lane & 1) !== 0 ? SseArithmetic.add : SseArithmetic.subtract;
    case SseArithmetic.horizontalAdd:
      return SseArithmetic.add;
    case SseArithmetic.horizontalSubtract:
      return SseArithmetic.subtract;
    default:
      return operation;
  }
}

const isHorizontal = (operation: number): boolean =>
  operation === SseArithmetic.horizontalAdd || operation === SseArithmetic.horizontalSubtract;

/** Lanes of 128 bits at words `left` and `right`; `to`: the first word of the result. */
function singles(cpu: CpuCore, operation: number, count: number, left: number, right: number, to: number): number {
  const { float, state } = cpu;
  const { i32 } = state;
  const horizontal = isHorizontal(operation);
  let raised = 0;
  for (let lane = 0; lane < count; lane++) {
    const from = horizontal ? (lane < 2 ? left : right) + (lane & 1) * 2 : left + lane;
    const other = horizontal ? from + 1 : right + lane;
    float.lanes[to + lane] = single(float, laneOperation(operation, lane), i32[from], i32[other]);
    raised |= float.raised;
  }
  return raised;
}

function doubles(cpu: CpuCore, operation: number, count: number, left: number, right: number, to: number): number {
  const { float, state } = cpu;
  const { i32 } = state;
  const horizontal = isHorizontal(operation);
  let raised = 0;
  for (let lane = 0; lane < count; lane++) {
    const from = horizontal ? (lane === 0 ? left : right) : left + lane * 2;
    const other = horizontal ? from + 2 : right + lane * 2;
    double(float, laneOperation(operation, lane), i32[from], i32[from + 1], i32[other], i32[other + 1]);
    float.lanes[to + lane * 2] = float.lo;
    float.lanes[to + lane * 2 + 1] = float.hi;
    raised |= float.raised;
  }
  return raised;
}

const estimators: Readonly<Record<number, (bits: number) => number>> = {
  [SseArithmetic.reciprocal]: estimateReciprocal,
  [SseArithmetic.reciprocalRoot]: estimateReciprocalRoot,
  [SseArithmetic.intelReciprocal]: intelReciprocal,
  [SseArithmetic.intelReciprocalRoot]: intelReciprocalRoot,
};

function estimates(cpu: CpuCore, operation: number, count: number, right: number, to: number): void {
  const { float, state } = cpu;
  const estimator = estimators[operation];
  for (let lane = 0; lane < count; lane++) float.lanes[to + lane] = estimator(state.i32[right + lane]);
}

/** Returns what was raised. */
function compute(cpu: CpuCore, code: number, left: number, right: number, to: number): number {
  const operation = operationOf(code);
  const format = formatOf(code);
  const isSingle = format === Format.ps || format === Format.ss;
  const count = format === Format.ps ? 4 : format === Format.pd ? 2 : 1;
  if (operation >= SseArithmetic.reciprocal) {
    estimates(cpu, operation, count, right, to);
    return 0;
  }
  return isSingle ? singles(cpu, operation, count, left, right, to) : doubles(cpu, operation, count, left, right, to);
}

const wordsOf = (format: number): number => (format === Format.ss ? 1 : format === Format.sd ? 2 : 4);

export function sseArithmetic(cpu: CpuCore): Status {
  const { left, right, leftHigh, rightHigh } = vectorArguments;
  const code = cpu.state.i32[vectorArguments.code];
  begin(cpu);
  let raised = compute(cpu, code, left, right, 0);
  if (isWide(code)) raised |= compute(cpu, code, leftHigh, rightHigh, 4);
  settle(cpu, raised);
  writeVector(cpu, code, wordsOf(formatOf(code)));
  return Status.done;
}
