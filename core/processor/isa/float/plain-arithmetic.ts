/** Sum, product, quotient and root of plain numbers. All are exact up to the one rounding at the end. */
import { Routine } from '../../ir/routine.ts';
import { no, type Value } from '../../ir/value.ts';
import { simd } from '../../ir/vector.ts';
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
import { type Exact, round, roundedToRegister, shiftRight } from './rounding.ts';

/** Normalised: the top bit of the upper half is set. The exponent has 32 bits. */
interface Finite extends Exact {
  readonly exponent: Value;
}

/** The result, or `other` where `exception` holds, if the operands allow it. */
function finish(result: Finite, control: Value, exception: Value, other: Extended, allowed: Value): Value {
  return roundedToRegister(control, rounding => {
    const { magnitude, status, isPlain: exactEnough } = round(result, rounding);
    const carried = magnitude.eq(0);
    const exponent = result.exponent.add(carried.zeroExtend(32));
    const rounded: Extended = {
      significand: carried.select(topBit, magnitude),
      signExponent: signed(result.sign, exponent),
    };
    return pack({
      ...choose(exception, other, rounded),
      status: exception.select(number(0), status),
      isPlain: allowed.and(exception.or(isNormal(exponent).and(exactEnough))),
    });
  });
}

const normalise = (high: Value, low: Value): { high: Value; low: Value; count: Value } => {
  const count = high.clz();
  const empty = high.eq(0);
  const shift = count.and(63);
  return {
    high: empty.select(low, high.shl(shift).or(low.shr(1).shr(shift.xor(63)))),
    low: empty.select(wide(0), low.shl(shift)),
    count: count.truncate(32),
  };
};

const sum = (left: Extended, right: Extended, control: Value): Value => {
  const [leftExponent, rightExponent] = [exponentOf(left), exponentOf(right)];
  const smallerFirst = leftExponent
    .ltU(rightExponent)
    .or(leftExponent.eq(rightExponent).and(left.significand.ltU(right.significand)));
  const larger = choose(smallerFirst, right, left);
  const smaller = choose(smallerFirst, left, right);
  const exponent = exponentOf(larger);
  const sign = signOf(larger);
  const alike = not(sign.xor(signOf(smaller)));
  const aligned = shiftRight(smaller.significand, exponent.sub(exponentOf(smaller)));

  const allowed = allPlain(left, right);

  const added = larger.significand.add(aligned.high);
  const carry = added.ltU(larger.significand);
  const total: Finite = {
    sign,
    exponent: exponent.add(carry.zeroExtend(32)),
    high: carry.select(added.shr(1).or(topBit), added),
    low: carry.select(aligned.low.shr(1).or(aligned.low.and(1)).or(added.shl(63)), aligned.low),
  };

  const borrow = aligned.low.ne(0).zeroExtend(64);
  const { count, high, low } = normalise(larger.significand.sub(aligned.high).sub(borrow), aligned.low.neg());
  const difference: Finite = { sign, exponent: exponent.sub(count), high, low };
  // What cancels is +0, except when rounding down.
  const roundsDown = control.shr(10).and(3).eq(1);

  return alike.branch(
    finish(total, control, isZero(larger), zeroOf(sign), allowed),
    finish(difference, control, high.eq(0), zeroOf(roundsDown), allowed),
  );
};

const product = (left: Extended, right: Extended, control: Value): Value => {
  const high = left.significand.mulHighU(right.significand);
  const low = left.significand.mul(right.significand);
  const isLong = high.sign;
  const sign = signOf(left).xor(signOf(right));
  const result: Finite = {
    sign,
    exponent: exponentOf(left).add(exponentOf(right)).sub(bias).add(isLong.zeroExtend(32)),
    high: isLong.select(high, high.shl(1).or(low.shr(63))),
    low: isLong.select(low, low.shl(1)),
  };
  return finish(result, control, isZero(left).or(isZero(right)), zeroOf(sign), allPlain(left, right));
};

const digit = 0xffff_ffffn;

/** A digit of 32 bits of a quotient, and the rest: the dividend is less than the divisor, whose top bit is set (Knuth, 4.3.1, algorithm D). */
function quotientDigit(dividend: Value, next: Value, divisor: Value): { quotient: Value; rest: Value } {
  const first = divisor.shr(32);
  const second = divisor.and(wide(digit));
  const tooLarge = (guess: Value, over: Value): Value =>
    wide(digit)
      .ltU(guess)
      .or(over.shl(32).or(next).ltU(guess.mul(second)));
  const guess = dividend.divU(first);
  const over = dividend.sub(guess.mul(first));
  const once = tooLarge(guess, over);
  const less = guess.sub(once.zeroExtend(64));
  const more = over.add(once.select(first, wide(0)));
  const twice = once.and(more.shr(32).eq(0)).and(tooLarge(less, more));
  const quotient = less.sub(twice.zeroExtend(64));
  return { quotient, rest: dividend.shl(32).or(next).sub(quotient.mul(divisor)) };
}

const quotient = (left: Extended, right: Extended, control: Value): Value => {
  const divisor = right.significand;
  const isLong = not(left.significand.ltU(divisor));
  const high = isLong.select(left.significand.shr(1), left.significand);
  const low = isLong.select(left.significand.shl(63), wide(0));
  const upper = quotientDigit(high, low.shr(32), divisor);
  const lower = quotientDigit(upper.rest, low.and(wide(digit)), divisor);
  // Half, more than half, less than half of a unit.
  const missing = divisor.sub(lower.rest);
  const rest = missing
    .ltU(lower.rest)
    .select(wide(-1), missing.eq(lower.rest).select(topBit, lower.rest.ne(0).zeroExtend(64)));
  const sign = signOf(left).xor(signOf(right));
  const result: Finite = {
    sign,
    exponent: exponentOf(left)
      .sub(exponentOf(right))
      .add(bias - 1)
      .add(isLong.zeroExtend(32)),
    high: upper.quotient.shl(32).or(lower.quotient),
    low: rest,
  };
  const allowed = allPlain(left, right).and(not(isZero(right)));
  return finish(result, control, isZero(left), zeroOf(sign), allowed);
};

const four = wide(0x4010_0000_0000_0000n);

/** Of a number whose upper two bits are not both clear: the root, 32 bits, and what is left. A double's 53 bits miss it by one at most. */
function smallRoot(radicand: Value): { root: Value; rest: Value } {
  const about = simd('f64.sqrt', simd('f64.mul', simd('f64.convert_i64_s', radicand.shr(2)), four));
  const guess = simd('i64.trunc_sat_f64_s', about);
  const limited = wide(digit).ltU(guess).select(wide(digit), guess);
  const above = radicand.ltU(limited.mul(limited)).zeroExtend(64);
  const low = limited.sub(above);
  const rest = radicand.sub(low.mul(low));
  const below = low.shl(1).ltU(rest);
  return {
    root: low.add(below.zeroExtend(64)),
    rest: below.select(rest.sub(low.shl(1)).sub(1), rest),
  };
}

/** Half of the root's digits from the upper half of the radicand, the others by a division (Zimmermann, Karatsuba Square Root, 1999). */
const root = (operand: Extended, control: Value): Value => {
  const exponent = exponentOf(operand);
  // Its bias is odd: an odd field is an even exponent.
  const even = exponent.truncate(1);
  const high = even.select(operand.significand.shr(1), operand.significand);
  const low = even.select(operand.significand.shl(63), wide(0));
  const upper = smallRoot(high);
  // The lower half's first digit is even and its second is zero.
  const dividend = upper.rest.shl(31).or(low.shr(33));
  const lower = dividend.divU(upper.root);
  const over = dividend.sub(lower.mul(upper.root)).shl(1);
  // rest = over × 2^32 - lower^2, of 128 bits
  const square = lower.mul(lower);
  const overLow = over.shl(32);
  const borrow = overLow.ltU(square).zeroExtend(64);
  const restLow = overLow.sub(square);
  const restHigh = over.shr(32).sub(lower.shr(32)).sub(borrow);
  const negative = restHigh.sign;
  const result = upper.root.shl(32).add(lower).sub(negative.zeroExtend(64));
  const twice = result.shl(1).or(wide(1));
  const mendedLow = restLow.add(twice);
  const mendedHigh = restHigh.add(1).add(mendedLow.ltU(twice).zeroExtend(64));
  const leftLow = negative.select(mendedLow, restLow);
  const leftHigh = negative.select(mendedHigh, restHigh);
  const more = leftHigh.ne(0).or(result.ltU(leftLow));
  const rest = more.select(wide(-1), leftLow.ne(0).zeroExtend(64));
  const finite: Finite = { sign: no, exponent: exponent.add(bias).shr(1), high: result, low: rest };
  const nothing = isZero(operand);
  const allowed = isPlain(operand).and(nothing.or(not(signOf(operand))));
  return finish(finite, control, nothing, zeroOf(signOf(operand)), allowed);
};

const allPlain = (left: Extended, right: Extended): Value => isPlain(left).and(isPlain(right));

export type Operation = (left: Extended, right: Extended, control: Value) => Outcome;

const binary = (name: string, write: (left: Extended, right: Extended, control: Value) => Value): Operation => {
  const routine = new Routine(name, [64, 32, 64, 32, 32], 128, (a, b, c, d, control) =>
    write({ significand: a!, signExponent: b! }, { significand: c!, signExponent: d! }, control!),
  );
  return (left, right, control) =>
    unpack(routine.of(left.significand, left.signExponent, right.significand, right.signExponent, control));
};

export const addPlain = binary('x87 sum', sum);
export const multiplyPlain = binary('x87 product', product);
export const dividePlain = binary('x87 quotient', quotient);

const rootRoutine = new Routine('x87 root', [64, 32, 32], 128, (significand, signExponent, control) =>
  root({ significand: significand!, signExponent: signExponent! }, control!),
);
export const rootOfPlain = ({ significand, signExponent }: Extended, control: Value): Outcome =>
  unpack(rootRoutine.of(significand, signExponent, control));
