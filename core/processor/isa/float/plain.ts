/**
 * Plain numbers, which most programs compute with: zeros and normal numbers in the register format, as values of the IR. Where an operand or
 * a result is anything else, or an exception is not masked, the unit's helpers do all of it (core/processor/cpu/helpers), and only they know how.
 */
import { constant, type Value, zero } from '../../ir/value.ts';

export interface Extended {
  /** 64 bits. */
  readonly significand: Value;
  /** 32 bits, the upper half of which is zero. */
  readonly signExponent: Value;
}

/** What a routine gives back in 128 bits. */
export interface Outcome extends Extended {
  /** Bits for the status word, 32 bits. */
  readonly status: Value;
  /** Width 1: no more happened than that. */
  readonly isPlain: Value;
}

export const Status = { precision: 0x20, c1: 0x200 } as const;
export const bias = 16383;
export const number = (value: number): Value => constant(32, value);
export const wide = (value: bigint | number): Value => constant(64, value);
export const topBit = wide(1n << 63n);
export const not = (condition: Value): Value => condition.xor(constant(1, 1));

export const exponentOf = ({ signExponent }: Extended): Value => signExponent.and(0x7fff);
export const signOf = ({ signExponent }: Extended): Value => signExponent.bit(15);
export const isZero = ({ significand }: Extended): Value => significand.eq(0);

/** Whether an exponent of 32 bits, biased, is a normal number's. */
export const isNormal = (exponent: Value, largest = 0x7ffe): Value => exponent.sub(1).ltU(largest);

export const isPlain = (operand: Extended): Value => {
  const exponent = exponentOf(operand);
  const normal = operand.significand.sign.and(isNormal(exponent));
  return normal.or(exponent.zeroExtend(64).or(operand.significand).eq(0));
};

export const signed = (sign: Value, exponent: Value): Value => sign.zeroExtend(32).shl(15).or(exponent);
export const zeroOf = (sign: Value): Extended => ({ significand: zero(64), signExponent: signed(sign, number(0)) });

export const choose = (condition: Value, then: Extended, otherwise: Extended): Extended => ({
  significand: condition.select(then.significand, otherwise.significand),
  signExponent: condition.select(then.signExponent, otherwise.signExponent),
});

export const pack = ({ significand, signExponent, status, isPlain: plain }: Outcome): Value =>
  significand.join(signExponent.or(status.shl(16)).zeroExtend(64).or(plain.zeroExtend(64).shl(32)));

export function unpack(packed: Value): Outcome {
  const rest = packed.high64();
  const word = rest.truncate(32);
  return {
    significand: packed.low64(),
    signExponent: word.and(0xffff),
    status: word.shr(16),
    isPlain: rest.bit(32),
  };
}
