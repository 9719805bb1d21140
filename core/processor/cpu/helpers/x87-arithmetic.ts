/** FADD … FDIVR, comparisons (core/processor/isa/float/arithmetic.ts). */
import { Relation } from '../../float/compare.ts';
import { FloatException } from '../../float/environment.ts';
import type { F80 } from '../../float/float80.ts';
import { Kind } from '../../float/unpacked.ts';
import { X87Arithmetic, X87Compare, X87Memory } from '../../isa/float/operations.ts';
import { state as layout } from '../../state/layout.ts';
import { Status } from '../../state/leave.ts';
import type { CpuCore } from '../core.ts';
import type { FloatUnit } from './float-unit.ts';
import { widen } from './x87-memory.ts';
import {
  begin,
  beginAt,
  beginKeepingC1,
  isEmpty,
  load,
  pop,
  setCodes,
  setDefaultNaN,
  settle,
  store,
  underflow,
} from './x87-stack.ts';

const slot = (n: number): number => layout.argument0.offset + n * 8;
const argument = (cpu: CpuCore, n: number): number => cpu.state.low(slot(n));

function compute({ extended }: FloatUnit, operation: number, out: F80, target: F80, source: F80): void {
  switch (operation) {
    case X87Arithmetic.add:
      extended.add(out, target, source);
      break;
    case X87Arithmetic.multiply:
      extended.multiply(out, target, source);
      break;
    case X87Arithmetic.subtract:
      extended.subtract(out, target, source);
      break;
    case X87Arithmetic.subtractReversed:
      extended.subtract(out, source, target);
      break;
    case X87Arithmetic.divide:
      extended.divide(out, target, source);
      break;
    default:
      extended.divide(out, source, target);
  }
}

export function x87Arithmetic(cpu: CpuCore): Status {
  const { float } = cpu;
  const target = argument(cpu, 1);
  const source = argument(cpu, 2);
  begin(cpu);
  if (isEmpty(cpu, target) || isEmpty(cpu, source)) {
    if (!underflow(cpu)) return Status.done;
    setDefaultNaN(float.third);
  } else {
    compute(float, argument(cpu, 0), float.third, load(cpu, float.first, target), load(cpu, float.second, source));
    settle(cpu);
    if (float.blocked) return Status.done;
  }
  store(cpu, target, float.third);
  if (argument(cpu, 3) !== 0) pop(cpu);
  return Status.done;
}

/** The operand was denormal in memory and has not stayed so in the register format; exceptions of higher rank hide it. */
function noteDenormal(unit: FloatUnit): void {
  const isNumber = unit.left.kind <= Kind.Infinity && unit.right.kind <= Kind.Infinity;
  if (!isNumber || (unit.raised & (FloatException.ZeroDivide | FloatException.Invalid)) !== 0) return;
  if ((unit.masks & FloatException.Denormal) === 0) {
    unit.raised = 0;
    unit.roundedUp = false;
  }
  unit.raise(FloatException.Denormal);
}

/** The memory operand into `second`; whether it is denormal there. */
function operand(cpu: CpuCore, kind: number, n: number): boolean {
  const { float, state } = cpu;
  const low = state.low(slot(n));
  const high = state.high(slot(n));
  if (kind === X87Memory.int16) float.conversion.fromInt32(float.second, (low << 16) >> 16);
  else if (kind === X87Memory.int32) float.conversion.fromInt32(float.second, low);
  else return widen(float.second, kind === X87Memory.single, low, high);
  return false;
}

export function x87ArithmeticMemory(cpu: CpuCore): Status {
  const { float, state } = cpu;
  beginAt(cpu, argument(cpu, 4), state.low(slot(3)), state.high(slot(3)));
  if (isEmpty(cpu, 0)) {
    if (underflow(cpu)) store(cpu, 0, setDefaultNaN(float.third));
    return Status.done;
  }
  const denormal = operand(cpu, argument(cpu, 1), 2);
  compute(float, argument(cpu, 0), float.third, load(cpu, float.first, 0), float.second);
  if (denormal) noteDenormal(float);
  settle(cpu);
  if (!float.blocked) store(cpu, 0, float.third);
  return Status.done;
}

function popped(cpu: CpuCore, how: number): Status {
  if ((how & (X87Compare.popOne | X87Compare.popTwo)) !== 0) pop(cpu);
  if ((how & X87Compare.popTwo) !== 0) pop(cpu);
  return Status.done;
}

const related = ({ extended, first, second }: FloatUnit, how: number): number =>
  (how & X87Compare.quiet) !== 0 ? extended.compareQuietly(first, second) : extended.compare(first, second);

export function x87Compare(cpu: CpuCore): Status {
  const { float } = cpu;
  const index = argument(cpu, 0);
  const how = argument(cpu, 1);
  begin(cpu);
  if (isEmpty(cpu, 0) || isEmpty(cpu, index)) {
    setCodes(cpu, Relation.Unordered << 8);
    return underflow(cpu) ? popped(cpu, how) : Status.done;
  }
  load(cpu, float.first, 0);
  load(cpu, float.second, index);
  setCodes(cpu, related(float, how) << 8);
  settle(cpu);
  return float.blocked ? Status.done : popped(cpu, how);
}

export function x87CompareMemory(cpu: CpuCore): Status {
  const { float, state } = cpu;
  const how = argument(cpu, 2);
  beginAt(cpu, argument(cpu, 4), state.low(slot(3)), state.high(slot(3)));
  if (isEmpty(cpu, 0)) {
    setCodes(cpu, Relation.Unordered << 8);
    return underflow(cpu) ? popped(cpu, how) : Status.done;
  }
  const denormal = operand(cpu, argument(cpu, 0), 1);
  load(cpu, float.first, 0);
  setCodes(cpu, related(float, how) << 8);
  if (denormal) noteDenormal(float);
  settle(cpu);
  return float.blocked ? Status.done : popped(cpu, how);
}

/** ZF, PF and CF; OF, SF and AF become 0. */
export function x87CompareFlags(cpu: CpuCore): Status {
  const { float, state } = cpu;
  const index = argument(cpu, 0);
  const how = argument(cpu, 1);
  beginKeepingC1(cpu);
  if (isEmpty(cpu, 0) || isEmpty(cpu, index)) {
    state.arithmeticFlags = Relation.Unordered;
    return underflow(cpu) ? popped(cpu, how) : Status.done;
  }
  load(cpu, float.first, 0);
  load(cpu, float.second, index);
  state.arithmeticFlags = related(float, how);
  settle(cpu);
  return float.blocked ? Status.done : popped(cpu, how);
}
