import { type Environment, FloatException, RoundingMode } from './environment.ts';
import type { Format } from './format.ts';
import { round } from './rounding.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** Multiplication and addition with one rounding. Intermediate significands have 192 bits, in words from the highest. */

const words = 6;
const product = new Int32Array(words);
const addend = new Int32Array(words);

/** result = left × right + addend, one of which may be a NaN; the signs of product and addend are turned where these are 1. */
export function fused(environment: Environment, format: Format, turnProduct: number, turnAddend: number): void {
  const { left, right, addend: third, result } = environment;
  if (propagate(environment)) return;
  const sign = left.sign ^ right.sign ^ turnProduct;
  const thirdSign = third.sign ^ turnAddend;
  const infinite = left.kind === Kind.Infinity || right.kind === Kind.Infinity;
  const opposed = infinite && third.kind === Kind.Infinity && sign !== thirdSign;
  if (opposed) {
    environment.invalid();
    return;
  }
  environment.noteDenormal(left.denormal || right.denormal || third.denormal);
  if (environment.blocked) return;
  if (infinite || third.kind === Kind.Infinity) result.setInfinity(infinite ? sign : thirdSign);
  else sum(environment, format, sign, thirdSign);
}

/** The first NaN in the order of the operands; infinity times zero is invalid unless the addend is a quiet NaN. */
function propagate(environment: Environment): boolean {
  const { left, right, addend: third, result } = environment;
  const isInvalid =
    (left.kind === Kind.Infinity && right.kind === Kind.Zero) ||
    (left.kind === Kind.Zero && right.kind === Kind.Infinity);
  if (!left.isNaN && !right.isNaN && !third.isNaN) {
    if (isInvalid) environment.invalid();
    return isInvalid;
  }
  const signals = [left, right, third].some(({ kind }) => kind === Kind.SignalingNaN);
  if (signals) environment.raise(FloatException.Invalid);
  result.copy(left.isNaN ? left : right.isNaN ? right : third);
  result.quieten();
  return true;
}

function sum(environment: Environment, format: Format, sign: number, thirdSign: number): void {
  const { left, right, addend: third, result } = environment;
  const isZero = left.kind === Kind.Zero || right.kind === Kind.Zero;
  if (isZero && third.kind === Kind.Zero) {
    result.setZero(sign === thirdSign ? sign : zeroSign(environment));
    return;
  }
  if (isZero) {
    result.setFinite(thirdSign, third.exponent, third.hi, third.lo);
    round(environment, format);
    return;
  }
  multiplySignificands(left, right);
  let exponent = left.exponent + right.exponent + 1;
  if (product[0] >= 0) {
    shiftLeft(product);
    exponent--;
  }
  if (third.kind === Kind.Zero) {
    deliver(result, product, sign, exponent);
    round(environment, format);
    return;
  }
  addend.fill(0);
  addend[0] = third.hi;
  addend[1] = third.lo;
  const isLarger = exponent > third.exponent || (exponent === third.exponent && compareWords(product, addend) >= 0);
  const [larger, smaller] = isLarger ? [product, addend] : [addend, product];
  const distance = Math.abs(exponent - third.exponent);
  shiftRight(smaller, distance);
  const most = Math.max(exponent, third.exponent);
  if (sign === thirdSign) {
    const carry = addWords(larger, smaller);
    if (carry) {
      shiftRight(larger, 1);
      larger[0] |= 0x8000_0000;
    }
    deliver(result, larger, sign, most + carry);
  } else {
    subtractWords(larger, smaller);
    if (larger.every(word => word === 0)) {
      result.setZero(zeroSign(environment));
      return;
    }
    let shifted = 0;
    while (larger[0] >= 0) {
      shiftLeft(larger);
      shifted++;
    }
    deliver(result, larger, isLarger ? sign : thirdSign, most - shifted);
  }
  round(environment, format);
}

const zeroSign = (environment: Environment): number => (environment.rounding === RoundingMode.Down ? 1 : 0);

/** The highest 96 bits, the lowest of which is sticky. */
function deliver(result: Unpacked, from: Int32Array, sign: number, exponent: number): void {
  result.setFinite(sign, exponent, from[0], from[1]);
  result.extra = from[2] | ((from[3] | from[4] | from[5]) === 0 ? 0 : 1);
}

/** 128 bits, in 16-bit digits: every column stays below 2^35. */
function multiplySignificands(left: Unpacked, right: Unpacked): void {
  product.fill(0);
  let column = 0;
  for (let place = 0; place < 8; place++) {
    for (let n = Math.max(0, place - 3); n <= Math.min(3, place); n++)
      column += digit(left, n) * digit(right, place - n);
    const word = 3 - (place >> 1);
    product[word] |= (column % 0x1_0000) << ((place & 1) * 16);
    column = Math.floor(column / 0x1_0000);
  }
}

const digit = ({ hi, lo }: Unpacked, n: number): number => ((n < 2 ? lo : hi) >>> ((n & 1) * 16)) & 0xffff;

function compareWords(left: Int32Array, right: Int32Array): number {
  for (let n = 0; n < words; n++) if (left[n] !== right[n]) return (left[n] >>> 0) - (right[n] >>> 0);
  return 0;
}

function shiftLeft(value: Int32Array): void {
  for (let n = 0; n < words; n++) value[n] = (value[n] << 1) | (n + 1 < words ? value[n + 1] >>> 31 : 0);
}

/** What falls out stays as the lowest bit. */
function shiftRight(value: Int32Array, count: number): void {
  const whole = Math.min(count >>> 5, words);
  const bits = count & 31;
  let lost = 0;
  for (let n = words - whole; n < words; n++) lost |= value[n];
  for (let n = words - 1; n >= 0; n--) value[n] = n >= whole ? value[n - whole] : 0;
  if (bits !== 0 && whole < words) {
    lost |= value[words - 1] << (32 - bits);
    for (let n = words - 1; n >= 0; n--) value[n] = (value[n] >>> bits) | (n > 0 ? value[n - 1] << (32 - bits) : 0);
  }
  if (lost !== 0) value[words - 1] |= 1;
}

/** Into `left`; returns the carry. */
function addWords(left: Int32Array, right: Int32Array): number {
  let carry = 0;
  for (let n = words - 1; n >= 0; n--) {
    const total = (left[n] >>> 0) + (right[n] >>> 0) + carry;
    left[n] = total | 0;
    carry = total > 0xffff_ffff ? 1 : 0;
  }
  return carry;
}

function subtractWords(left: Int32Array, right: Int32Array): void {
  let borrow = 0;
  for (let n = words - 1; n >= 0; n--) {
    const difference = (left[n] >>> 0) - (right[n] >>> 0) - borrow;
    left[n] = difference | 0;
    borrow = difference < 0 ? 1 : 0;
  }
}
