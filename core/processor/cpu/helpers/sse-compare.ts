/** CMPPS and kin; COMISS and kin (core/processor/isa/vector/float-compare.ts). */
import { Relation } from '../../float/compare.ts';
import { Format } from '../../isa/vector/operations.ts';
import { state as layout } from '../../state/layout.ts';
import { Status } from '../../state/leave.ts';
import type { CpuCore } from '../core.ts';
import type { FloatUnit } from './float-unit.ts';
import { begin, settle } from './sse-exceptions.ts';
import { formatOf, isWide, operationOf, vectorArguments, writeVector } from './vector-result.ts';

const first = layout.argument0.offset >> 2;
const second = layout.argument1.offset >> 2;
const third = layout.argument2.offset >> 2;

/**
 * Predicates (SDM vol. 2, CMPPD, table 3-1): 0 equal, 1 less, 2 less or equal, 3 unordered, + 4: not so. Less and its kin signal quiet NaNs.
 * Of AVX: + 8 says the same of what is unordered as of what is equal (3: false), + 16 turns signalling round.
 */
const signals = (predicate: number): boolean => ((predicate & 3) === 1 || (predicate & 3) === 2) !== predicate >= 16;

function holds(relation: number, predicate: number): boolean {
  const unordered = relation === Relation.Unordered;
  const exchanged = (predicate & 8) !== 0;
  switch (predicate & 3) {
    case 0:
      return relation === Relation.Equal || (exchanged && unordered);
    case 1:
      return relation === Relation.Less || (exchanged && unordered);
    case 2:
      return relation === Relation.Less || relation === Relation.Equal || (exchanged && unordered);
    default:
      return unordered && !exchanged;
  }
}

const maskOf = (relation: number, predicate: number): number =>
  holds(relation, predicate) === ((predicate & 4) === 0) ? -1 : 0;

function related(
  unit: FloatUnit,
  isSingle: boolean,
  signalling: boolean,
  i32: Int32Array,
  a: number,
  b: number,
): number {
  if (isSingle) return signalling ? unit.single.compare(i32[a], i32[b]) : unit.single.compareQuietly(i32[a], i32[b]);
  return signalling
    ? unit.double.compare(i32[a], i32[a + 1], i32[b], i32[b + 1])
    : unit.double.compareQuietly(i32[a], i32[a + 1], i32[b], i32[b + 1]);
}

/** Masks of 128 bits' lanes from word `to` on; returns what was raised. */
function compare(cpu: CpuCore, code: number, left: number, right: number, to: number): number {
  const { float, state } = cpu;
  const predicate = operationOf(code);
  const format = formatOf(code);
  const isSingle = format === Format.ps || format === Format.ss;
  const words = format === Format.ss ? 1 : format === Format.sd ? 2 : 4;
  let raised = 0;
  for (let word = 0; word < words; word += isSingle ? 1 : 2) {
    const relation = related(float, isSingle, signals(predicate), state.i32, left + word, right + word);
    raised |= float.raised;
    float.lanes[to + word] = maskOf(relation, predicate);
    if (!isSingle) float.lanes[to + word + 1] = float.lanes[to + word];
  }
  return raised;
}

export function sseCompare(cpu: CpuCore): Status {
  const { left, right, leftHigh, rightHigh } = vectorArguments;
  const code = cpu.state.i32[vectorArguments.code];
  const format = formatOf(code);
  begin(cpu);
  let raised = compare(cpu, code, left, right, 0);
  if (isWide(code)) raised |= compare(cpu, code, leftHigh, rightHigh, 4);
  settle(cpu, raised);
  writeVector(cpu, code, format === Format.ss ? 1 : format === Format.sd ? 2 : 4);
  return Status.done;
}

export function sseCompareFlags(cpu: CpuCore): Status {
  const { float, state } = cpu;
  const { i32 } = state;
  const signalling = (i32[third] & 1) !== 0;
  begin(cpu);
  const relation = related(float, i32[third] >> 8 === Format.ss, signalling, i32, first, second);
  settle(cpu, float.raised);
  state.arithmeticFlags = relation;
  return Status.done;
}
