import { add } from './add.ts';
import { compare } from './compare.ts';
import { divide } from './divide.ts';
import { type Environment, RoundingMode } from './environment.ts';
import { simdDouble, simdSingle } from './format.ts';
import { fused } from './fused.ts';
import { halfToSingle, singleToHalf } from './half.ts';
import { packDouble, packSingle, unpackSingle } from './ieee.ts';
import { fromInteger, toInteger } from './integer.ts';
import { multiply } from './multiply.ts';
import { propagateFirst, propagateOne } from './nan.ts';
import { round } from './rounding.ts';
import { extremeIsRight, roundScalar } from './simd.ts';
import { squareRoot } from './square-root.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** SSE scalar single precision: a float is its 32 bits as a uint32. 64-bit results are in environment.hi:lo. */
export class Single {
  constructor(private readonly environment: Environment) {}

  add(left: number, right: number): number {
    if (this.#operands(left, right)) add(this.environment, simdSingle);
    return packSingle(this.environment.result);
  }

  subtract(left: number, right: number): number {
    const { environment } = this;
    if (this.#operands(left, right)) {
      environment.right.sign ^= 1;
      add(environment, simdSingle);
    }
    return packSingle(environment.result);
  }

  multiply(left: number, right: number): number {
    if (this.#operands(left, right)) multiply(this.environment, simdSingle);
    return packSingle(this.environment.result);
  }

  fromHalf(half: number): number {
    return halfToSingle(this.environment, half);
  }

  toHalf(single: number, mode: number): number {
    return singleToHalf(this.environment, single, mode);
  }

  /** left × right + addend, rounded once; signs of the product and of the addend are turned where these are 1. */
  fused(left: number, right: number, addend: number, turnProduct: number, turnAddend: number): number {
    const { environment } = this;
    this.#load(left, right);
    unpackSingle(environment.addend, addend, environment.daz);
    fused(environment, simdSingle, turnProduct, turnAddend);
    return packSingle(environment.result);
  }

  divide(left: number, right: number): number {
    if (this.#operands(left, right)) divide(this.environment, simdSingle);
    return packSingle(this.environment.result);
  }

  squareRoot(value: number): number {
    this.#operand(value);
    if (!propagateOne(this.environment)) squareRoot(this.environment, simdSingle);
    return packSingle(this.environment.result);
  }

  /** MINSS: the second operand if the two are equal zeros or either is a NaN. */
  minimum(left: number, right: number): number {
    this.#load(left, right);
    const { environment } = this;
    return extremeIsRight(environment, false) ? chosen(environment.right, right) : chosen(environment.left, left);
  }

  maximum(left: number, right: number): number {
    this.#load(left, right);
    const { environment } = this;
    return extremeIsRight(environment, true) ? chosen(environment.right, right) : chosen(environment.left, left);
  }

  /** A `Relation`. COMISS signals quiet NaNs, UCOMISS does not. */
  compare(left: number, right: number): number {
    this.#load(left, right);
    return compare(this.environment, true);
  }

  compareQuietly(left: number, right: number): number {
    this.#load(left, right);
    return compare(this.environment, false);
  }

  toInt32(value: number, mode = this.environment.rounding): number {
    this.#operand(value);
    toInteger(this.environment, this.environment.left, 32, mode);
    return this.environment.lo;
  }

  toInt32Truncated(value: number): number {
    return this.toInt32(value, RoundingMode.Zero);
  }

  toInt64(value: number, mode = this.environment.rounding): void {
    this.#operand(value);
    toInteger(this.environment, this.environment.left, 64, mode);
  }

  toInt64Truncated(value: number): void {
    this.toInt64(value, RoundingMode.Zero);
  }

  fromInt32(value: number): number {
    return this.fromInt64(value, value >> 31);
  }

  fromInt64(lo: number, hi: number): number {
    const { environment } = this;
    environment.begin();
    fromInteger(environment.result, lo, hi);
    if (environment.result.kind === Kind.Finite) round(environment, simdSingle);
    return packSingle(environment.result);
  }

  /** CVTSS2SD: into environment.hi:lo. */
  toDouble(value: number): void {
    const { environment } = this;
    this.#operand(value);
    if (!propagateOne(environment)) {
      environment.noteDenormal(environment.left.denormal);
      environment.result.copy(environment.left);
      if (environment.left.kind === Kind.Finite) round(environment, simdDouble);
    }
    packDouble(environment, environment.result);
  }

  /** ROUNDSS; `control` is its immediate: bits 1:0 a mode, bit 2 use MXCSR.RC, bit 3 keep the precision exception quiet. */
  roundToIntegral(value: number, control: number): number {
    this.#operand(value);
    roundScalar(this.environment, control);
    return packSingle(this.environment.result);
  }

  #operand(value: number): void {
    const { environment } = this;
    environment.begin();
    unpackSingle(environment.left, value, environment.daz);
  }

  #load(left: number, right: number): void {
    const { environment } = this;
    environment.begin();
    unpackSingle(environment.left, left, environment.daz);
    unpackSingle(environment.right, right, environment.daz);
  }

  /** Whether there is something to compute: no NaN has decided the result. */
  #operands(left: number, right: number): boolean {
    this.#load(left, right);
    return !propagateFirst(this.environment);
  }
}

/** An operand of MINSS as it comes out: bit for bit, unless DAZ has made it a zero. */
const chosen = (value: Unpacked, bits: number): number => (value.kind === Kind.Zero ? packSingle(value) : bits >>> 0);
