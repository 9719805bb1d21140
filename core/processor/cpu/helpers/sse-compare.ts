/** CMPPS and kin; COMISS and kin (core/processor/isa/vector/float-compare.ts). */
import { Relation } from '../../float/compare.ts';
import { Format } from '../../isa/vector/operations.ts';
import { state as layout } from '../../state/layout.ts';
import { Status } from '../../state/leave.ts';
import type { CpuCore } from '../core.ts';
import type { FloatUnit } from './float-unit.ts';
import { begin, settle } from './sse-exceptions.ts';

const first = layout.argument0.offset >> 2;
const second = layout.argument1.offset >> 2;
const third = layout.argument2.offset >> 2;
const fifth = layout.argument4.offset >> 2;
const sixth = layout.argument5.offset >> 2;

/** Predicates: 0 equal, 1 less, 2 less or equal, 3 unordered, + 4: not so. Less and its kin signal quiet NaNs. */
const signals = (predicate: number): boolean => (predicate & 3) === 1 || (predicate & 3) === 2;

function holds(relation: number, predicate: number): boolean {
  const unordered = relation === Relation.Unordered;
  switch (predicate & 3) {
    case 0:
      return relation === Relation.Equal;
    case 1:
      return relation === Relation.Less;
    case 2:
      return relation === Relation.Less || relation === Relation.Equal;
    default:
      return unordered;
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

export function sseCompare(cpu: CpuCore): Status {
  const { float, state } = cpu;
  const { i32 } = state;
  const predicate = i32[sixth] & 0xff;
  const format = i32[sixth] >> 8;
  const isSingle = format === Format.ps || format === Format.ss;
  const words = format === Format.ss ? 1 : format === Format.sd ? 2 : 4;
  let raised = 0;
  begin(cpu);
  for (let word = 0; word < words; word += isSingle ? 1 : 2) {
    const relation = related(float, isSingle, signals(predicate), i32, first + word, third + word);
    raised |= float.raised;
    float.lanes[word] = maskOf(relation, predicate);
    if (!isSingle) float.lanes[word + 1] = float.lanes[word];
  }
  settle(cpu, raised);
  const target = i32[fifth] >> 2;
  for (let word = 0; word < words; word++) i32[target + word] = float.lanes[word];
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
