/** Rounding of exact results (SDM vol. 1, sections 4.8.4 and 8.1.5.3), on values of the IR. */
import { type Value, yes } from '../../ir/value.ts';
import { not, number, topBit, wide } from './plain.ts';

/** A magnitude and what lies beyond its last bit: there are 128 bits, the very last of which may stand for any below it. */
export interface Exact {
  readonly sign: Value;
  readonly high: Value;
  readonly low: Value;
}

export interface Rounding {
  /** Low bits of the upper half that are not to be kept, 64 bits; none: all are. */
  readonly dropped?: Value;
  /** RC, 32 bits, where it is not known. */
  readonly mode: 'nearest' | 'zero' | Value;
  /** Width 1: a result that is not exact is no matter for the helper. */
  readonly inexactAllowed: Value;
}

export interface Rounded {
  /** Zero where a carry has left it. */
  readonly magnitude: Value;
  readonly status: Value;
  readonly isPlain: Value;
}

const mask = { precision: 0x20, precisionControl: 0x300, roundingControl: 0xc00 } as const;
/** Of 64 bits the precision control keeps 24, 24 (reserved), 53 or 64. */
const droppedBits = 40 | (40 << 8) | (11 << 16);

const controlled = (control: Value): Rounding => ({
  mode: control.shr(10).and(3),
  inexactAllowed: control.bit(5),
});

/** Almost all programs leave the control word as it was: they get a shorter way. */
export function roundedToRegister(control: Value, write: (rounding: Rounding) => Value): Value {
  const usual = control.and(mask.precision | mask.precisionControl | mask.roundingControl);
  const dropped = number(droppedBits).shr(control.shr(5).and(0x18)).and(0xff).zeroExtend(64);
  return usual
    .eq(mask.precision | mask.precisionControl)
    .branch(write({ mode: 'nearest', inexactAllowed: yes }), write({ ...controlled(control), dropped }));
}

/** Into memory, where precision control does not count; or to an integer. */
export function roundedAlways(control: Value, write: (rounding: Rounding) => Value): Value {
  const usual = control.and(mask.precision | mask.roundingControl).eq(mask.precision);
  return usual.branch(write({ mode: 'nearest', inexactAllowed: yes }), write(controlled(control)));
}

export const truncating = (control: Value): Rounding => ({ ...controlled(control), mode: 'zero' });

const noneUp = wide(-1);

export function round({ sign, high, low }: Exact, { dropped, mode, inexactAllowed }: Rounding): Rounded {
  const unit = dropped ? wide(1).shl(dropped) : wide(1);
  const below = unit.sub(1);
  const fraction = dropped
    ? high.shl(wide(63).sub(dropped)).shl(1).or(low.shr(dropped)).or(low.and(below).ne(0).zeroExtend(64))
    : low;
  const kept = dropped ? high.and(below.not()) : high;
  // What the fraction must exceed to be rounded up.
  const nearest = topBit.sub(dropped ? kept.and(unit).ne(0).zeroExtend(64) : kept.and(1));
  const limit = (): Value => {
    if (mode === 'nearest') return nearest;
    if (mode === 'zero') return noneUp;
    const away = mode.eq(sign.select(number(1), number(2)));
    return mode.eq(0).select(nearest, away.select(wide(0), noneUp));
  };
  const up = limit().ltU(fraction);
  const inexact = fraction.ne(0);
  return {
    magnitude: kept.add(dropped ? up.select(unit, wide(0)) : up.zeroExtend(64)),
    status: inexact.zeroExtend(32).shl(5).or(up.zeroExtend(32).shl(9)),
    isPlain: not(inexact).or(inexactAllowed),
  };
}

/** Moves a magnitude to the right, up to 127 bits. */
export function shiftRight(magnitude: Value, count: Value): Omit<Exact, 'sign'> {
  const limited = count.ltU(127).select(count, number(127));
  const within = limited.and(63).zeroExtend(64);
  const shifted = magnitude.shr(within);
  const lost = magnitude.shl(1).shl(within.xor(63));
  const near = limited.ltU(64);
  return {
    high: near.select(shifted, wide(0)),
    low: near.select(lost, shifted.or(lost.ne(0).zeroExtend(64))),
  };
}
