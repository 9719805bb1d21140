/**
 * When plain WebAssembly arithmetic is as good as SSE's. MXCSR must have its default controls and the precision flag set already (any inexact
 * result sets it, and nothing ever clears it by itself); then operands that are not denormal and a result that is finite and normal leave no
 * trace but the result. Everything else goes to a helper, which knows all of SDM vol. 1, section 11.5.
 */
import { constant, type Value, yes } from '../../ir/value.ts';
import { everywhere, simd } from '../../ir/vector.ts';
import type { HelperName } from '../helpers.ts';
import type { Tracer } from '../trace.ts';

type FloatWidth = 32 | 64;

const smallest = { 32: 0x0080_0000n, 64: 0x0010_0000_0000_0000n } as const;
const infinity = { 32: 0x7f80_0000n, 64: 0x7ff0_0000_0000_0000n } as const;
const magnitudeMask = { 32: 0x7fff_ffffn, 64: 0x7fff_ffff_ffff_ffffn } as const;

const not = (condition: Value): Value => condition.xor(yes);

/** All exceptions masked, rounding to nearest, no DAZ, no FTZ; PE set. */
export const defaultControls = (cpu: Tracer): Value => cpu.state('mxcsr').read().and(0xffe0).eq(0x1fa0);

/** Facts about numbers, one or several, as conditions of width 1: of vectors, whether it is so in any lane. */
export interface Facts {
  denormal(value: Value): Value;
  /** Denormal, infinite, not a number, but not zero. */
  unusual(value: Value): Value;
  /** Anything but finite and normal; zero too. */
  abnormal(value: Value): Value;
  /** Denormal, not a number. */
  incomparable(value: Value): Value;
}

const scalarFacts = (width: FloatWidth): Facts => {
  const bits = (value: bigint) => constant(width, value);
  const magnitude = (value: Value) => value.and(bits(magnitudeMask[width]));
  const [least, most] = [smallest[width], infinity[width]];
  const denormal = (value: Value) =>
    magnitude(value)
      .sub(1)
      .ltU(bits(least - 1n));
  const abnormal = (value: Value) =>
    not(
      magnitude(value)
        .sub(bits(least))
        .ltU(bits(most - least)),
    );
  return {
    denormal,
    abnormal,
    unusual: value => abnormal(value).and(magnitude(value).ne(0)),
    incomparable: value => denormal(value).or(bits(most).ltU(magnitude(value))),
  };
};

const vectorFacts = (width: FloatWidth): Facts => {
  const shape = `i${width}x${128 / width}`;
  const lanes = (value: bigint) => everywhere(width, value);
  const magnitude = (value: Value) => simd('v128.and', value, lanes(magnitudeMask[width]));
  const [least, most] = [smallest[width], infinity[width]];
  const any = (mask: Value) => simd('v128.any_true', mask);
  const either = (a: Value, b: Value) => any(simd('v128.or', a, b));
  const below = (value: Value) => simd(`${shape}.lt_s`, value, lanes(least));
  const above = (value: Value, limit: bigint) => simd(`${shape}.gt_s`, value, lanes(limit));
  const denormalMask = (size: Value) => simd('v128.and', above(size, 0n), below(size));
  return {
    denormal: value => any(denormalMask(magnitude(value))),
    abnormal: value => either(below(magnitude(value)), above(magnitude(value), most - 1n)),
    unusual: value => either(denormalMask(magnitude(value)), above(magnitude(value), most - 1n)),
    incomparable: value => either(denormalMask(magnitude(value)), above(magnitude(value), most)),
  };
};

const facts = {
  scalar: { 32: scalarFacts(32), 64: scalarFacts(64) },
  vector: { 32: vectorFacts(32), 64: vectorFacts(64) },
} as const;

/** `total` is the width of the values, `width` that of a number in them. */
export const factsOf = (total: number, width: FloatWidth): Facts =>
  total === 128 ? facts.vector[width] : facts.scalar[width];

/** Unless `plain`, the helper does all of it and the instruction ends there. */
export function unless(cpu: Tracer, plain: Value, helper: HelperName, ...inputs: Value[]): void {
  const hard = not(plain);
  cpu.callIf(hard, helper, ...inputs);
  cpu.finish(hard);
}

export { not };
