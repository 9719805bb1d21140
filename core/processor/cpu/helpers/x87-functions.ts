/** Functions of ST(0) and perhaps ST(1) (core/processor/isa/float/arithmetic.ts). */
import { classify, F80Class } from '../../float/classify.ts';
import { intelAngle, X87Function } from '../../isa/float/operations.ts';
import { state as layout } from '../../state/layout.ts';
import { Status } from '../../state/leave.ts';
import type { CpuCore } from '../core.ts';
import {
  begin,
  isEmpty,
  load,
  overflow,
  pop,
  push,
  StatusBit,
  setC1,
  setCodes,
  setDefaultNaN,
  settle,
  store,
  underflow,
} from './x87-stack.ts';

type Procedure = (cpu: CpuCore) => void;

/** ST(0) is there, or the masked response to its absence has been given. */
function hasTop(cpu: CpuCore): boolean {
  if (!isEmpty(cpu, 0)) {
    load(cpu, cpu.float.first, 0);
    return true;
  }
  if (underflow(cpu)) store(cpu, 0, setDefaultNaN(cpu.float.third));
  return false;
}

/** Of one number, in its place. */
const unary =
  (compute: Procedure): Procedure =>
  cpu => {
    if (!hasTop(cpu)) return;
    compute(cpu);
    settle(cpu);
    if (!cpu.float.blocked) store(cpu, 0, cpu.float.third);
  };

const ofSign =
  (change: (sign: number) => number): Procedure =>
  cpu => {
    if (!hasTop(cpu)) return;
    const { first } = cpu.float;
    first.sign = change(first.sign);
    store(cpu, 0, first);
  };

/** Of ST(0) and ST(1); the result replaces ST(0), or ST(1) under a pop. */
const binary =
  (compute: Procedure, pops: boolean): Procedure =>
  cpu => {
    const { float } = cpu;
    if (isEmpty(cpu, 0) || isEmpty(cpu, 1)) {
      if (!underflow(cpu)) return;
      setDefaultNaN(float.third);
    } else {
      load(cpu, float.first, 0);
      load(cpu, float.second, 1);
      compute(cpu);
      settle(cpu);
      if (float.blocked) return;
    }
    store(cpu, pops ? 1 : 0, float.third);
    if (pops) pop(cpu);
  };

/** FPREM and FPREM1: C2 says whether there is more to do; without a quotient C3 and C0 stay. C1 is the quotient's lowest bit. */
const remainder = (compute: (cpu: CpuCore) => number): Procedure => {
  const perform = binary(cpu => {
    const { float } = cpu;
    const codes = compute(cpu);
    float.roundedUp = false;
    if (float.result.isNaN || float.blocked) return;
    setCodes(cpu, codes);
    if ((codes & StatusBit.c1) !== 0) setC1(cpu);
  }, false);
  return cpu => {
    setC2(cpu, false);
    perform(cpu);
  };
};

/** A trigonometric function; C2 where the angle is too large. */
const circular =
  (compute: (cpu: CpuCore) => boolean): Procedure =>
  cpu => {
    setC2(cpu, false);
    if (!hasTop(cpu)) return;
    if (!compute(cpu)) {
      setC2(cpu, true);
      return;
    }
    settle(cpu);
    if (!cpu.float.blocked) store(cpu, 0, cpu.float.third);
  };

function setC2({ state }: CpuCore, on: boolean): void {
  const word = layout.fsw.offset;
  state.set16(word, on ? state.get16(word) | StatusBit.c2 : state.get16(word) & ~StatusBit.c2);
}

/** Whether ST(0) is there and a push can follow; else the masked response has been given to both. */
function hasTopAndRoom(cpu: CpuCore): boolean {
  const empty = isEmpty(cpu, 0);
  if (!empty && isEmpty(cpu, -1)) return true;
  const masked = empty ? underflow(cpu) : overflow(cpu);
  if (!masked) return false;
  store(cpu, 0, setDefaultNaN(cpu.float.third));
  push(cpu, cpu.float.third);
  return false;
}

/** The result is in `third` and what is pushed above it in `second`. */
const pushing =
  (compute: (cpu: CpuCore) => boolean): Procedure =>
  cpu => {
    const { float } = cpu;
    if (!hasTopAndRoom(cpu)) return;
    load(cpu, float.first, 0);
    if (!compute(cpu)) {
      setC2(cpu, true);
      return;
    }
    settle(cpu);
    if (float.blocked) return;
    store(cpu, 0, float.third);
    push(cpu, float.second);
  };

const circularPair = (compute: (cpu: CpuCore) => boolean): Procedure => {
  const perform = pushing(compute);
  return cpu => {
    setC2(cpu, false);
    perform(cpu);
  };
};

const examine: Procedure = cpu => {
  const { float } = cpu;
  const found = classify(load(cpu, float.first, 0));
  const codes = isEmpty(cpu, 0) ? F80Class.Empty | (found & StatusBit.c1) : found;
  setCodes(cpu, codes);
  if ((codes & StatusBit.c1) !== 0) setC1(cpu);
};

const test: Procedure = cpu => {
  const { float } = cpu;
  if (isEmpty(cpu, 0)) {
    setCodes(cpu, StatusBit.c3 | StatusBit.c2 | StatusBit.c0);
    underflow(cpu);
    return;
  }
  setCodes(cpu, float.extended.compare(load(cpu, float.first, 0), float.second.set(0, 0, 0, 0)) << 8);
  settle(cpu);
};

const functions: Readonly<Record<X87Function, Procedure>> = {
  [X87Function.changeSign]: ofSign(sign => sign ^ 1),
  [X87Function.absolute]: ofSign(() => 0),
  [X87Function.test]: test,
  [X87Function.examine]: examine,
  [X87Function.squareRoot]: unary(({ float }) => float.extended.squareRoot(float.third, float.first)),
  [X87Function.round]: unary(({ float }) => float.extended.roundToIntegral(float.third, float.first)),
  [X87Function.scale]: binary(({ float }) => float.extended.scale(float.third, float.first, float.second), false),
  [X87Function.extract]: pushing(({ float }) => {
    float.extended.extract(float.third, float.second, float.first);
    return true;
  }),
  [X87Function.remainder]: remainder(({ float }) => float.extended.remainder(float.third, float.first, float.second)),
  [X87Function.remainderNearest]: remainder(({ float }) =>
    float.extended.remainderNearest(float.third, float.first, float.second),
  ),
  [X87Function.exponential]: unary(({ float }) => float.transcendental.exponential(float.third, float.first)),
  [X87Function.logarithm]: binary(
    ({ float }) => float.transcendental.logarithm(float.third, float.second, float.first),
    true,
  ),
  [X87Function.logarithmOfSuccessor]: binary(
    ({ float }) => float.transcendental.logarithmOfSuccessor(float.third, float.second, float.first),
    true,
  ),
  [X87Function.arctangent]: binary(
    ({ float }) => float.transcendental.arctangent(float.third, float.second, float.first),
    true,
  ),
  [X87Function.sine]: circular(({ float }) => float.transcendental.sine(float.third, float.first)),
  [X87Function.cosine]: circular(({ float }) => float.transcendental.cosine(float.third, float.first)),
  [X87Function.sineCosine]: circularPair(({ float }) =>
    float.transcendental.sineCosine(float.third, float.second, float.first),
  ),
  [X87Function.tangent]: circularPair(({ float }) =>
    float.transcendental.tangent(float.third, float.second, float.first),
  ),
};

const table: readonly Procedure[] = Object.values(X87Function).map(number => functions[number]);

export function x87Function(cpu: CpuCore): Status {
  const which = cpu.state.low(layout.argument0.offset);
  begin(cpu);
  cpu.float.copiesTiny = (which & intelAngle) !== 0;
  table[which & ~intelAngle](cpu);
  return Status.done;
}
