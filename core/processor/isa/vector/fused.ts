/** FMA (SDM vol. 2, VFMADD132PD … VFNMSUB231SS): products and sums with one rounding. */
import { constant, type Value } from '../../ir/value.ts';
import { lanesConstant, simd } from '../../ir/vector.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Tracer } from '../tracer.ts';
import { defaultControls, factsOf, helpUnless } from './float-guard.ts';
import { exactFused32, exactFused64, fused32, fused64, isPlain64 } from './fused-plain.ts';
import { Format, type FormatName, FusedOrder, FusedSigns, fusedOrders } from './operations.ts';

type Width = 32 | 64;

const signBits = { 32: 0x8000_0000n, 64: 1n << 63n } as const;

/** Turns signs of all lanes, of the even or of the odd ones. */
function turned(value: Value, width: Width, lanes: 'all' | 'even' | 'odd' | 'none'): Value {
  if (lanes === 'none') return value;
  const count = 128 / width;
  const bits = Array.from({ length: count }, (_, n) =>
    lanes === 'all' || (n % 2 === 0) === (lanes === 'even') ? signBits[width] : 0n,
  );
  return simd('v128.xor', value, lanesConstant(width, bits));
}

const addendTurns = {
  [FusedSigns.add]: 'none',
  [FusedSigns.subtract]: 'all',
  [FusedSigns.negateAdd]: 'none',
  [FusedSigns.negateSubtract]: 'all',
  [FusedSigns.addSubtract]: 'even',
  [FusedSigns.subtractAdd]: 'odd',
} as const;

function fused(cpu: Tracer, left: Value, right: Value, third: Value, width: Width): { result: Value; good: Value } {
  const { isZero, isDenormal, isAbnormal, either, unless, both, nowhere } = factsOf(128, width);
  if (width === 64) {
    const result = fused64(left, right, third);
    return { result, good: defaultControls(cpu, exactFused64(left, right, third)).and(isPlain64(left, right, third)) };
  }
  const result = fused32(left, right, third);
  const product = either(isZero(left), isZero(right));
  // A zero that comes from zeros is one; else it may have underflowed, or cancelled.
  const fromZeros = both(product, isZero(third));
  const bad = either(
    isDenormal(left),
    isDenormal(right),
    isDenormal(third),
    unless(isAbnormal(result), both(isZero(result), fromZeros)),
  );
  return { result, good: defaultControls(cpu, exactFused32(left, right, third, result)).and(nowhere(bad)) };
}

const widths: Readonly<Record<FormatName, Width>> = { ps: 32, pd: 64, ss: 32, sd: 64 };

function row(name: string, opcode: string, order: 132 | 213 | 231, signs: FusedSigns, format: FormatName): Instruction {
  const width = widths[format];
  const type = format === 'ps' || format === 'pd' ? 'x' : format;
  const operands = ['V', 'H', 'W'].map(letter => letter + type);
  const options = { w: width === 64 ? 1 : 0, feature: 'fma' } as const;
  return instruction(`${name}${order}${format}`, {
    encodings: [[`vex 66 0f 38 ${opcode}`, ...operands, options]],
    unit: 'avx',
    semantics(cpu, target, second, source) {
      const third = source.read();
      const values = [target.read(), second.read(), third].map(value => value.zeroExtend(128));
      const [left, right, addend] = fusedOrders[FusedOrder[order]].map(n => values[n]) as [Value, Value, Value];
      const negates = signs === FusedSigns.negateAdd || signs === FusedSigns.negateSubtract;
      const { result, good } = fused(
        cpu,
        turned(left, width, negates ? 'all' : 'none'),
        right,
        turned(addend, width, addendTurns[signs]),
        width,
      );
      helpUnless(cpu, good, {
        helper: 'fusedArithmetic',
        wide: 'fusedArithmeticWide',
        inputs: [type === 'x' ? values[0] : target.whole(), values[1], values[2]],
        target,
        code: constant(32, signs | (FusedOrder[order] << 3) | (Format[format] << 8)),
      });
      target.write(type === 'x' ? result : result.low64().resize(width));
    },
  });
}

const orders = [132, 213, 231] as const;

/** Opcodes of the first order; the others are 10H and 20H further. */
const family = (name: string, packed: number, signs: FusedSigns, scalar = -1): Instruction[] =>
  orders.flatMap((order, n) => {
    const opcode = (first: number) => (first + n * 0x10).toString(16);
    return [
      row(name, opcode(packed), order, signs, 'ps'),
      row(name, opcode(packed), order, signs, 'pd'),
      ...(scalar < 0
        ? []
        : [row(name, opcode(scalar), order, signs, 'ss'), row(name, opcode(scalar), order, signs, 'sd')]),
    ];
  });

export const fusedArithmetic: readonly Instruction[] = [
  ...family('vfmadd', 0x98, FusedSigns.add, 0x99),
  ...family('vfmsub', 0x9a, FusedSigns.subtract, 0x9b),
  ...family('vfnmadd', 0x9c, FusedSigns.negateAdd, 0x9d),
  ...family('vfnmsub', 0x9e, FusedSigns.negateSubtract, 0x9f),
  ...family('vfmaddsub', 0x96, FusedSigns.addSubtract),
  ...family('vfmsubadd', 0x97, FusedSigns.subtractAdd),
];
