/** Plain numbers from and to their formats in memory, and their order. */
import { Routine } from '../../ir/routine.ts';
import { no, type Value, yes } from '../../ir/value.ts';
import { X87Memory } from './operations.ts';
import {
  bias,
  choose,
  type Extended,
  exponentOf,
  isNormal,
  isPlain,
  isZero,
  not,
  number,
  type Outcome,
  pack,
  signed,
  signOf,
  topBit,
  unpack,
  wide,
  zeroOf,
} from './plain.ts';
import { type Exact, type Rounding, round, roundedAlways, shiftRight, truncating } from './rounding.ts';

/** Where fields are in singles and doubles. */
const formats = {
  32: { fraction: 23, largest: 0xff, bias: 127 },
  64: { fraction: 52, largest: 0x7ff, bias: 1023 },
} as const;

export interface Widened extends Extended {
  readonly isPlain: Value;
}

/** The bits of a single or double. */
export function widenPlain(bits: Value): Widened {
  const format = formats[bits.width as 32 | 64];
  const exponent = bits.shr(format.fraction).truncate(32).and(format.largest);
  const widened: Extended = {
    significand: bits
      .zeroExtend(64)
      .shl(63 - format.fraction)
      .or(topBit),
    signExponent: signed(bits.sign, exponent.add(bias - format.bias)),
  };
  const nothing = bits.shl(1).eq(0);
  return {
    ...choose(nothing, zeroOf(bits.sign), widened),
    isPlain: nothing.or(isNormal(exponent, format.largest - 1)),
  };
}

/** All integers are plain numbers. */
export function fromInteger(value: Value): Widened {
  const integer = value.signExtend(64);
  const { sign } = integer;
  const magnitude = sign.select(integer.neg(), integer);
  const count = magnitude.clz().and(63);
  const converted: Extended = {
    significand: magnitude.shl(count),
    signExponent: signed(sign, number(bias + 63).sub(count.truncate(32))),
  };
  return { ...choose(magnitude.eq(0), zeroOf(no), converted), isPlain: yes };
}

export const fromMemory = (kind: X87Memory, bits: Value): Widened =>
  kind === X87Memory.single || kind === X87Memory.double ? widenPlain(bits) : fromInteger(bits);

/** What is to be stored, with bits for the status word. */
export interface Stored {
  readonly bits: Value;
  readonly status: Value;
  readonly isPlain: Value;
}

const packStored = ({ bits, status, isPlain: plain }: Stored): Value =>
  bits.join(status.zeroExtend(64).or(plain.zeroExtend(64).shl(32)));

const unpackStored = (packed: Value): Stored => {
  const rest = packed.high64();
  return { bits: packed.low64(), status: rest.truncate(32), isPlain: rest.bit(32) };
};

function narrow(operand: Extended, control: Value, width: 32 | 64): Value {
  const format = formats[width];
  const sign = signOf(operand);
  const below = 63 - format.fraction;
  const exact = { sign, high: operand.significand.shr(below), low: operand.significand.shl(64 - below) };
  return roundedAlways(control, rounding => {
    const { magnitude, status, isPlain: exactEnough } = round(exact, rounding);
    // The leading one goes into the exponent, and so does a carry.
    const exponent = exponentOf(operand).sub(bias - format.bias);
    const carried = magnitude.shr(format.fraction + 1).truncate(32);
    const nothing = isZero(operand);
    const joined = exponent.sub(1).zeroExtend(64).shl(format.fraction).add(magnitude);
    return packStored({
      bits: sign
        .zeroExtend(64)
        .shl(width - 1)
        .or(nothing.select(wide(0), joined)),
      status: nothing.select(number(0), status),
      isPlain: isPlain(operand).and(
        nothing.or(
          isNormal(exponent.add(carried), format.largest - 1)
            .and(isNormal(exponent, format.largest))
            .and(exactEnough),
        ),
      ),
    });
  });
}

/** An operand as an integer of 64 bits and what is behind it; only to be believed if it is less than 2^63. */
const wholeOf = (operand: Extended): Exact => ({
  sign: signOf(operand),
  ...shiftRight(operand.significand, number(bias + 63).sub(exponentOf(operand))),
});
const isWhole = (operand: Extended): Value => not(exponentOf(operand).ltU(bias + 63));

const toInteger =
  (operand: Extended, width: 16 | 32 | 64) =>
  (rounding: Rounding): Value => {
    const exact = wholeOf(operand);
    const { magnitude, status, isPlain: exactEnough } = round(exact, rounding);
    // The least integer has no magnitude of its own width: left to the helper.
    const fits = not(isWhole(operand)).and(magnitude.ltU(wide(1n << BigInt(width - 1))));
    return packStored({
      bits: exact.sign.select(magnitude.neg(), magnitude),
      status,
      isPlain: isPlain(operand).and(fits).and(exactEnough),
    });
  };

/** To an integer in the register format. */
const toIntegral = (operand: Extended, control: Value): Value =>
  roundedAlways(control, rounding => {
    const exact = wholeOf(operand);
    const { magnitude, status, isPlain: exactEnough } = round(exact, rounding);
    const count = magnitude.clz().and(63);
    const converted: Extended = {
      significand: magnitude.shl(count),
      signExponent: signed(exact.sign, number(bias + 63).sub(count.truncate(32))),
    };
    const already = isWhole(operand);
    return pack({
      ...choose(already, operand, choose(magnitude.eq(0), zeroOf(exact.sign), converted)),
      status: already.select(number(0), status),
      isPlain: isPlain(operand).and(already.or(exactEnough)),
    });
  });

const routine = (name: string, write: (operand: Extended, control: Value) => Value): Routine =>
  new Routine(name, [64, 32, 32], 128, (significand, signExponent, control) =>
    write({ significand: significand!, signExponent: signExponent! }, control!),
  );

const integral = routine('x87 integral', toIntegral);
export const roundPlain = ({ significand, signExponent }: Extended, control: Value): Outcome =>
  unpack(integral.of(significand, signExponent, control));

export type Store = (operand: Extended, control: Value) => Stored;

const store = (name: string, write: (operand: Extended, control: Value) => Value): Store => {
  const converted = routine(name, write);
  return ({ significand, signExponent }, control) => unpackStored(converted.of(significand, signExponent, control));
};

const toFloat = (width: 32 | 64): Store =>
  store(`x87 to f${width}`, (operand, control) => narrow(operand, control, width));
const rounded = (width: 16 | 32 | 64): Store =>
  store(`x87 to i${width}`, (operand, control) => roundedAlways(control, toInteger(operand, width)));
const truncated = (width: 16 | 32 | 64): Store =>
  store(`x87 to i${width} truncated`, (operand, control) => toInteger(operand, width)(truncating(control)));

const { single, double, int16, int32, int64 } = X87Memory;
/** By X87Memory. */
export const toMemory: Readonly<Record<X87Memory, Store>> = {
  [single]: toFloat(32),
  [double]: toFloat(64),
  [int16]: rounded(16),
  [int32]: rounded(32),
  [int64]: rounded(64),
};
export const toMemoryTruncated: Readonly<Record<number, Store>> = {
  [int16]: truncated(16),
  [int32]: truncated(32),
  [int64]: truncated(64),
};

export interface Order {
  readonly less: Value;
  readonly equal: Value;
}

export function comparePlain(left: Extended, right: Extended): Order {
  const [leftExponent, rightExponent] = [exponentOf(left), exponentOf(right)];
  const [leftSign, rightSign] = [signOf(left), signOf(right)];
  const sameExponent = leftExponent.eq(rightExponent);
  const same = sameExponent.and(left.significand.eq(right.significand));
  const smaller = leftExponent.ltU(rightExponent).or(sameExponent.and(left.significand.ltU(right.significand)));
  const alike = not(leftSign.xor(rightSign));
  const nothing = same.and(isZero(left));
  return {
    less: alike.select(leftSign.select(not(smaller.or(same)), smaller), leftSign.and(not(nothing))),
    equal: same.and(alike.or(nothing)),
  };
}
