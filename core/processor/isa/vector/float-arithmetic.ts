/** Packed and scalar floating-point arithmetic of SSE, SSE2 and SSE3 (SDM vol. 2, ADDPS … HSUBPD). */
import { constant, type Value } from '../../ir/value.ts';
import { simd } from '../../ir/vector.ts';
import { type Instruction, instruction } from '../instruction.ts';
import { type Exactness, exactDifference, exactProduct, exactQuotient, exactRoot, exactSum } from './exactness.ts';
import { defaultControls, type Facts, factsOf, help, helpUnless, kept } from './float-guard.ts';
import { Format, type FormatName, SseArithmetic } from './operations.ts';

type FloatWidth = 32 | 64;

/** Result, and where it is not to be trusted even though controls are the default. */
interface Plain {
  result(shape: string, left: Value, right: Value): Value;
  bad(facts: Facts, left: Value, right: Value, result: Value): Value;
  /** Of one lane; none: controls do not matter, the operation never rounds. */
  readonly exact?: Exactness;
}

const direct =
  (name: string) =>
  (shape: string, left: Value, right: Value): Value =>
    simd(`${shape}.${name}`, left, right);

/** Sums may be zero: what cancels does so exactly. */
const sum = (name: string, exact: Exactness): Plain => ({
  exact,
  result: direct(name),
  bad: ({ either, isDenormal, isAbnormal, isZero, unless: except }, left, right, result) =>
    either(isDenormal(left), isDenormal(right), except(isAbnormal(result), isZero(result))),
});

/** A product or quotient of zero is exact where it comes from a zero; else it may have underflowed. */
const product = (name: 'mul' | 'div'): Plain => ({
  exact: name === 'mul' ? exactProduct : exactQuotient,
  result: direct(name),
  bad: ({ both, either, isDenormal, isAbnormal, isZero, unless: except }, left, right, result) => {
    const fromZero = name === 'mul' ? either(isZero(left), isZero(right)) : isZero(left);
    return either(isDenormal(left), isDenormal(right), except(isAbnormal(result), both(isZero(result), fromZero)));
  },
});

/** The second operand where they are equal, as WebAssembly's pmin (right < left ? right : left) has it with exchanged operands. */
const extreme = (vectors: 'pmin' | 'pmax', comparison: 'lt' | 'gt'): Plain => ({
  result: (shape, left, right) =>
    left.width === 128
      ? simd(`${shape}.${vectors}`, right, left)
      : simd(`${shape}.${comparison}`, left, right).select(left, right),
  bad: ({ either, isIncomparable }, left, right) => either(isIncomparable(left), isIncomparable(right)),
});

const root: Plain = {
  exact: exactRoot,
  result: (shape, _left, right) => simd(`${shape}.sqrt`, right),
  bad: ({ either, isDenormal, isAbnormal, isZero, unless: except }, _left, right, result) =>
    either(isDenormal(right), except(isAbnormal(result), isZero(right))),
};

const everyLane = (
  width: FloatWidth,
  exact: Exactness,
  ...values: [left: Value, right: Value, result: Value]
): Value => {
  const count = values[0].width / width;
  const lane = (value: Value, n: number): Value => {
    if (count === 1) return value;
    const half = n * width < 64 ? value.low64() : value.high64();
    return (width === 32 && n % 2 === 1 ? half.shr(32) : half).truncate(width);
  };
  const lanes = Array.from({ length: count }, (_, n) => {
    const [left, right, result] = values;
    return exact(lane(left, n), lane(right, n), lane(result, n));
  });
  return lanes.reduce((a, b) => a.and(b));
};

interface Row {
  readonly name: string;
  readonly opcode: string;
  readonly operation: SseArithmetic;
  /** Where Intel's processors do something else. */
  readonly intel?: SseArithmetic;
  readonly plain?: Plain;
  /** One operand is read, not two. */
  readonly single?: true;
}

const rows: readonly Row[] = [
  { name: 'add', opcode: '0f 58', operation: SseArithmetic.add, plain: sum('add', exactSum) },
  { name: 'mul', opcode: '0f 59', operation: SseArithmetic.multiply, plain: product('mul') },
  { name: 'sub', opcode: '0f 5c', operation: SseArithmetic.subtract, plain: sum('sub', exactDifference) },
  { name: 'min', opcode: '0f 5d', operation: SseArithmetic.minimum, plain: extreme('pmin', 'lt') },
  { name: 'div', opcode: '0f 5e', operation: SseArithmetic.divide, plain: product('div') },
  { name: 'max', opcode: '0f 5f', operation: SseArithmetic.maximum, plain: extreme('pmax', 'gt') },
  { name: 'sqrt', opcode: '0f 51', operation: SseArithmetic.squareRoot, plain: root, single: true },
];

const prefixes: Readonly<Record<FormatName, string>> = { ps: 'np', pd: '66', ss: 'f3', sd: 'f2' };
/** By format: a vector that follows VEX.L, or a scalar. */
const types: Readonly<Record<FormatName, string>> = { ps: 'x', pd: 'x', ss: 'ss', sd: 'sd' };
const widths: Readonly<Record<FormatName, FloatWidth>> = { ps: 32, pd: 64, ss: 32, sd: 64 };

function arithmetic(row: Row, format: FormatName, feature: string, prefix = prefixes[format]): Instruction {
  const { plain } = row;
  const width = widths[format];
  const packed = format === 'ps' || format === 'pd';
  const type = types[format];
  // Scalars keep the rest of a vector, which is another operand's in a VEX form.
  const vex = packed && row.single ? 'Vx Wx' : `V${type} H${type} W${type}`;
  return instruction(`${row.name}${format}`, {
    encodings: [[`${prefix} ${row.opcode}`, `V${type}`, `W${type}`, { vex }]],
    feature,
    unit: 'sse',
    ...(packed ? { aligned: true as const } : {}),
    ...(row.intel === undefined ? {} : { vendorDependent: () => true }),
    semantics(cpu, target, source) {
      const operation = (cpu.form.vendor === 'intel' ? row.intel : undefined) ?? row.operation;
      const code = constant(32, operation | (Format[format] << 8));
      const right = source.read();
      const left = target.read();
      const helped = {
        helper: 'sseArithmetic',
        wide: 'sseArithmeticWide',
        inputs: [kept(cpu, target, left), right],
        target,
        code,
      } as const;
      if (!plain) {
        help(cpu, helped);
        return;
      }
      const result = plain.result(packed ? `f${width}x${128 / width}` : `f${width}`, left, right);
      const facts = factsOf(left.width, width);
      const good = facts.nowhere(plain.bad(facts, left, right, result));
      const usual = plain.exact && defaultControls(cpu, everyLane(width, plain.exact, left, right, result));
      helpUnless(cpu, usual ? usual.and(good) : good, helped);
      target.write(result);
    },
  });
}

export const floatArithmetic: readonly Instruction[] = rows.flatMap(row => [
  arithmetic(row, 'ps', 'sse'),
  arithmetic(row, 'pd', 'sse2'),
  arithmetic(row, 'ss', 'sse'),
  arithmetic(row, 'sd', 'sse2'),
]);

/** Within vectors: F2 marks the singles here. */
const across = (name: string, opcode: string, operation: SseArithmetic): Instruction[] => [
  arithmetic({ name, opcode, operation }, 'ps', 'sse3', 'f2'),
  arithmetic({ name, opcode, operation }, 'pd', 'sse3'),
];

export const horizontalArithmetic: readonly Instruction[] = [
  ...across('addsub', '0f d0', SseArithmetic.addSubtract),
  ...across('hadd', '0f 7c', SseArithmetic.horizontalAdd),
  ...across('hsub', '0f 7d', SseArithmetic.horizontalSubtract),
];

const estimate = (name: string, opcode: string, operation: SseArithmetic, intel: SseArithmetic): Instruction[] => [
  arithmetic({ name, opcode, operation, intel, single: true }, 'ps', 'sse'),
  arithmetic({ name, opcode, operation, intel, single: true }, 'ss', 'sse'),
];

export const estimates: readonly Instruction[] = [
  ...estimate('rcp', '0f 53', SseArithmetic.reciprocal, SseArithmetic.intelReciprocal),
  ...estimate('rsqrt', '0f 52', SseArithmetic.reciprocalRoot, SseArithmetic.intelReciprocalRoot),
];
