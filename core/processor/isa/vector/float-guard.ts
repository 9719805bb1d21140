/**
 * When plain WebAssembly arithmetic is as good as SSE's. MXCSR must have its default controls and the precision flag set already (any inexact
 * result sets it, and nothing ever clears it by itself) or the result must be exact; then operands that are not denormal and a result that is
 * finite and normal leave no trace but the result. Everything else goes to a helper, which knows all of SDM vol. 1, section 11.5.
 */

import type { HelperName } from '../../ir/helpers.ts';
import { constant, type Value, yes, zero } from '../../ir/value.ts';
import { everywhere, simd } from '../../ir/vector.ts';
import type { Operand } from '../operand.ts';
import type { Tracer } from '../tracer.ts';
import type { VectorHelp } from '../vex-run.ts';

type FloatWidth = 32 | 64;

const smallest = { 32: 0x0080_0000n, 64: 0x0010_0000_0000_0000n } as const;
const infinity = { 32: 0x7f80_0000n, 64: 0x7ff0_0000_0000_0000n } as const;
const magnitudeMask = { 32: 0x7fff_ffffn, 64: 0x7fff_ffff_ffff_ffffn } as const;

export const not = (condition: Value): Value => condition.xor(yes);

const controls = 0xffe0;
/** All exceptions masked, rounding to nearest, no DAZ, no FTZ. */
const defaults = 0x1f80;
const precision = 0x20;

/** Controls are the default, and PE is set or, as `exact` says, will not be. */
export function defaultControls(cpu: Tracer, exact: Value): Value {
  const mxcsr = cpu.state('mxcsr').read().and(controls);
  return mxcsr.eq(defaults | precision).branch(yes, mxcsr.eq(defaults).and(exact));
}

/** Facts about numbers: a condition of width 1 for a scalar, a mask of lanes for a vector. */
export interface Facts {
  isZero(value: Value): Value;
  isDenormal(value: Value): Value;
  /** Anything but finite and normal; zero too. */
  isAbnormal(value: Value): Value;
  /** Denormal or not a number. */
  isIncomparable(value: Value): Value;
  either(...facts: Value[]): Value;
  /** The first is so and the second is not. */
  unless(fact: Value, exception: Value): Value;
  both(left: Value, right: Value): Value;
  /** Width 1: it is so nowhere. */
  nowhere(fact: Value): Value;
}

const scalarFacts = (width: FloatWidth): Facts => {
  const bits = (value: bigint) => constant(width, value);
  const magnitude = (value: Value) => value.and(bits(magnitudeMask[width]));
  const [least, most] = [smallest[width], infinity[width]];
  const isDenormal = (value: Value) =>
    magnitude(value)
      .sub(1)
      .ltU(bits(least - 1n));
  return {
    isZero: value => magnitude(value).eq(0),
    isDenormal,
    isAbnormal: value =>
      not(
        magnitude(value)
          .sub(bits(least))
          .ltU(bits(most - least)),
      ),
    isIncomparable: value => isDenormal(value).or(bits(most).ltU(magnitude(value))),
    either: (...facts) => facts.reduce((a, b) => a.or(b)),
    unless: (fact, exception) => fact.and(not(exception)),
    both: (left, right) => left.and(right),
    nowhere: not,
  };
};

/** Magnitudes have no sign, so signed comparisons serve; of 64-bit lanes WebAssembly has no others. */
const vectorFacts = (width: FloatWidth): Facts => {
  const shape = `i${width}x${128 / width}`;
  const lanes = (value: bigint) => everywhere(width, value);
  const magnitude = (value: Value) => simd('v128.and', value, lanes(magnitudeMask[width]));
  const [least, most] = [smallest[width], infinity[width]];
  const below = (value: Value) => simd(`${shape}.lt_s`, magnitude(value), lanes(least));
  const above = (value: Value, limit: bigint) => simd(`${shape}.gt_s`, magnitude(value), lanes(limit));
  const either = (...facts: Value[]) => facts.reduce((a, b) => simd('v128.or', a, b));
  const isDenormal = (value: Value) => simd('v128.and', above(value, 0n), below(value));
  return {
    isZero: value => simd(`${shape}.eq`, magnitude(value), zero(128)),
    isDenormal,
    isAbnormal: value => either(below(value), above(value, most - 1n)),
    isIncomparable: value => either(isDenormal(value), above(value, most)),
    either,
    unless: (fact, exception) => simd('v128.andnot', fact, exception),
    both: (left, right) => simd('v128.and', left, right),
    nowhere: fact => not(simd('v128.any_true', fact)),
  };
};

const facts = {
  scalar: { 32: scalarFacts(32), 64: scalarFacts(64) },
  vector: { 32: vectorFacts(32), 64: vectorFacts(64) },
} as const;

/** `total` is the width of the values, `width` that of a number in them. */
export const factsOf = (total: number, width: FloatWidth): Facts =>
  total === 128 ? facts.vector[width] : facts.scalar[width];

/** Numbers that compare without exceptions, whatever the controls. */
export const comparable = (width: FloatWidth, ...values: Value[]): Value => {
  const { either, isIncomparable, nowhere } = factsOf(values[0].width, width);
  return nowhere(either(...values.map(isIncomparable)));
};

/** A helper does all of it. */
export function help(cpu: Tracer, what: VectorHelp): void {
  if (cpu.vex) cpu.vex.help(what);
  else cpu.call(what.helper, ...helperInputs(what));
}

/** Unless `plain`, the helper does all of it and the instruction ends there: with more than one lane, unless it is plain in all of them. */
export function helpUnless(cpu: Tracer, plain: Value, what: VectorHelp): void {
  if (cpu.vex) cpu.vex.help({ ...what, plain });
  else unless(cpu, plain, what.helper, ...helperInputs(what));
}

function helperInputs({ inputs, target, code }: VectorHelp): Value[] {
  const [left, right, ...others] = inputs.map(input => input.zeroExtend(128)) as [Value, Value, ...Value[]];
  return [left, right, target.number(), code, ...others];
}

/** What a scalar's target has above it in a VEX form; else the scalar that it held. */
export const kept = (cpu: Tracer, target: Operand, left: Value): Value =>
  cpu.vex && left.width < 128 ? target.whole() : left;

/** Unless `plain`, the helper does all of it and the instruction ends there. */
export function unless(cpu: Tracer, plain: Value, helper: HelperName, ...inputs: Value[]): void {
  const hard = not(plain);
  cpu.callIf(hard, helper, ...inputs);
  cpu.finish(hard);
}
