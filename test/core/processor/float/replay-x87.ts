import { classify } from '../../../../core/processor/float/classify.ts';
import { F80Constant, loadConstant } from '../../../../core/processor/float/constants.ts';
import { F80 } from '../../../../core/processor/float/float80.ts';
import { SoftFloat } from '../../../../core/processor/float/soft-float.ts';
import { operations, type Recording, type Vector } from './vectors.ts';

/** An x87 instruction under test: ST(0), ST(1), where memory operands lie, and what it answers. */
export class Trial {
  readonly unit = new SoftFloat();
  readonly st0 = new F80();
  readonly st1 = new F80();
  /** Results. Untouched, they are what the recorder finds there: ST(0) stays, and what was not pushed is not compared. */
  readonly first = new F80();
  readonly second = new F80();
  pushes = false;
  codes = 0;
  memory = '';

  constructor(
    readonly recording: Recording,
    readonly vector: Vector,
  ) {
    const { control } = vector;
    this.unit.rounding = (control >> 10) & 3;
    this.unit.precision = [24, 24, 53, 64][(control >> 8) & 3];
    this.unit.masks = control & 0x3f;
    this.st0.load(recording.view, recording.extended(vector.a));
    this.st1.load(recording.view, recording.extended(vector.b));
    this.first.copy(this.st0);
  }

  /** FILD and FLD: what stays in ST(0) if nothing is pushed is the operand loaded first. */
  load(offset: (index: number) => number, convert: (view: DataView, at: number) => void): void {
    this.first.copy(this.st1);
    convert(this.recording.view, offset(this.vector.a));
  }

  circular(done: boolean, pushes = false): void {
    if (!done) this.codes = 0x400;
    this.pushes = pushes && done && !this.unit.blocked;
  }

  store(digits: number, ...words: readonly number[]): void {
    const text = words.map(word => hex(word)).join('');
    this.memory = this.unit.suppressed ? '' : text.slice(-digits);
  }
}

const hex = (value: number, digits = 8) => (value >>> 0).toString(16).padStart(digits, '0');
const show = (value: F80) => hex((value.sign << 15) | value.exponent, 4) + hex(value.hi) + hex(value.lo);
const showAt = (view: DataView, offset: number, _ours: F80) => show(new F80().load(view, offset));

const constant = (name: keyof typeof F80Constant) => (trial: Trial) =>
  loadConstant(trial.first, F80Constant[name], trial.unit.rounding);

export const instructions: Readonly<Record<string, (trial: Trial) => void>> = {
  FADD: ({ unit, first, st0, st1 }) => unit.extended.add(first, st0, st1),
  FSUB: ({ unit, first, st0, st1 }) => unit.extended.subtract(first, st0, st1),
  FMUL: ({ unit, first, st0, st1 }) => unit.extended.multiply(first, st0, st1),
  FDIV: ({ unit, first, st0, st1 }) => unit.extended.divide(first, st0, st1),
  FSQRT: ({ unit, first, st0 }) => unit.extended.squareRoot(first, st0),
  FRNDINT: ({ unit, first, st0 }) => unit.extended.roundToIntegral(first, st0),
  FSCALE: ({ unit, first, st0, st1 }) => unit.extended.scale(first, st0, st1),
  FXTRACT: trial => {
    trial.unit.extended.extract(trial.second, trial.first, trial.st0);
    trial.pushes = !trial.unit.blocked;
  },
  FCOM: trial => {
    trial.codes = trial.unit.extended.compare(trial.st0, trial.st1) << 8;
  },
  FUCOM: trial => {
    trial.codes = trial.unit.extended.compareQuietly(trial.st0, trial.st1) << 8;
  },
  FXAM: trial => {
    trial.codes = classify(trial.st0);
  },
  FPREM: trial => {
    trial.codes = trial.unit.extended.remainder(trial.first, trial.st0, trial.st1);
  },
  FPREM1: trial => {
    trial.codes = trial.unit.extended.remainderNearest(trial.first, trial.st0, trial.st1);
  },
  'FIST m16': trial => trial.store(4, trial.unit.conversion.toInt16(trial.st0)),
  'FIST m32': trial => trial.store(8, trial.unit.conversion.toInt32(trial.st0)),
  'FISTP m64': trial => {
    trial.unit.conversion.toInt64(trial.st0);
    trial.store(16, trial.unit.hi, trial.unit.lo);
  },
  'FISTTP m16': trial => trial.store(4, trial.unit.conversion.toInt16Truncated(trial.st0)),
  'FISTTP m32': trial => trial.store(8, trial.unit.conversion.toInt32Truncated(trial.st0)),
  'FISTTP m64': trial => {
    trial.unit.conversion.toInt64Truncated(trial.st0);
    trial.store(16, trial.unit.hi, trial.unit.lo);
  },
  FBSTP: trial => {
    const top = trial.unit.conversion.toDecimal(trial.st0);
    trial.store(20, top, trial.unit.hi, trial.unit.lo);
  },
  'FST m32': trial => trial.store(8, trial.unit.conversion.toSingle(trial.st0)),
  'FST m64': trial => {
    trial.unit.conversion.toDouble(trial.st0);
    trial.store(16, trial.unit.hi, trial.unit.lo);
  },
  'FILD m16': trial =>
    trial.load(trial.recording.integer, (view, at) =>
      trial.unit.conversion.fromInt32(trial.first, view.getInt16(at, true)),
    ),
  'FILD m32': trial =>
    trial.load(trial.recording.integer, (view, at) =>
      trial.unit.conversion.fromInt32(trial.first, view.getInt32(at, true)),
    ),
  'FILD m64': trial =>
    trial.load(trial.recording.integer, (view, at) =>
      trial.unit.conversion.fromInt64(trial.first, view.getInt32(at, true), view.getInt32(at + 4, true)),
    ),
  FBLD: trial =>
    trial.load(trial.recording.decimal, (view, at) =>
      trial.unit.conversion.fromDecimal(
        trial.first,
        view.getInt32(at, true),
        view.getInt32(at + 4, true),
        view.getUint16(at + 8, true),
      ),
    ),
  'FLD m32': trial =>
    trial.load(trial.recording.single, (view, at) =>
      trial.unit.conversion.fromSingle(trial.first, view.getUint32(at, true)),
    ),
  'FLD m64': trial =>
    trial.load(trial.recording.double, (view, at) =>
      trial.unit.conversion.fromDouble(trial.first, view.getInt32(at, true), view.getInt32(at + 4, true)),
    ),
  F2XM1: ({ unit, first, st0 }) => unit.transcendental.exponential(first, st0),
  FYL2X: ({ unit, first, st0, st1 }) => unit.transcendental.logarithm(first, st1, st0),
  FYL2XP1: ({ unit, first, st0, st1 }) => unit.transcendental.logarithmOfSuccessor(first, st1, st0),
  FPATAN: ({ unit, first, st0, st1 }) => unit.transcendental.arctangent(first, st1, st0),
  FSIN: trial => trial.circular(trial.unit.transcendental.sine(trial.first, trial.st0)),
  FCOS: trial => trial.circular(trial.unit.transcendental.cosine(trial.first, trial.st0)),
  FSINCOS: trial => trial.circular(trial.unit.transcendental.sineCosine(trial.second, trial.first, trial.st0), true),
  FPTAN: trial => trial.circular(trial.unit.transcendental.tangent(trial.second, trial.first, trial.st0), true),
  FLDPI: constant('Pi'),
  FLDL2E: constant('Log2E'),
  FLDL2T: constant('Log2Ten'),
  FLDLG2: constant('LogTen2'),
  FLDLN2: constant('Ln2'),
};

const comparisons = new Set(['FCOM', 'FUCOM', 'FXAM']);
/** Their C1 says something else than whether rounding went up. */
const ownC1 = new Set(['FXAM', 'FPREM', 'FPREM1']);

const transcendental = new Set(['F2XM1', 'FYL2X', 'FYL2XP1', 'FPATAN', 'FSIN', 'FCOS', 'FSINCOS', 'FPTAN']);

/** Neighbours in the order of the reals have neighbouring numbers. */
function ordinal(value: F80): bigint {
  const magnitude = (BigInt(Math.max(value.exponent - 1, 0)) << 63n) + (BigInt(value.hi) << 32n) + BigInt(value.lo);
  return value.sign === 0 ? magnitude : -magnitude;
}

/** A recorded result within an ulp of ours stands for ours. */
function near(view: DataView, offset: number, ours: F80): string {
  const recorded = new F80().load(view, offset);
  const distance = ordinal(recorded) - ordinal(ours);
  return distance >= -1n && distance <= 1n ? show(ours) : show(recorded);
}

/** Undefined if the software unit does what the CPU did, else what differs. */
export function replayX87(recording: Recording, vector: Vector): string | undefined {
  const { view } = recording;
  const name = operations[vector.operation];
  const trial = new Trial(recording, vector);
  instructions[name](trial);
  const { unit } = trial;
  const inexact = transcendental.has(name) && (unit.flags & 0x20) !== 0;
  const c1 = inexact || ownC1.has(name) || !unit.roundedUp ? 0 : 0x200;
  const status = unit.flags | trial.codes | c1;
  let got: string;
  let expected: string;
  if (name.includes('ST')) {
    got = trial.memory;
    const all =
      hex(view.getUint16(vector.first + 8, true), 4) +
      hex(view.getInt32(vector.first + 4, true)) +
      hex(view.getInt32(vector.first, true));
    expected = vector.suppressed ? '' : all.slice(-(got.length || 20));
  } else if (comparisons.has(name)) {
    got = expected = '';
  } else {
    got = show(trial.first);
    const at = transcendental.has(name) ? near : showAt;
    expected = at(view, vector.first, trial.first);
    if (trial.pushes) {
      got += ` ${show(trial.second)}`;
      expected += ` ${at(view, vector.second, trial.second)}`;
    }
  }
  got += ` ${hex(status, 4)}`;
  expected += ` ${hex(vector.status & (inexact ? 0x453f : 0x473f), 4)}`;
  if (got === expected) return undefined;
  return `${show(trial.st0)} ${show(trial.st1)} cw ${hex(vector.control, 4)}: ${got}, the CPU ${expected}`;
}
