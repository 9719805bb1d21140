import { add } from './add.ts';
import { compare } from './compare.ts';
import { divide } from './divide.ts';
import { type Environment, RoundingMode } from './environment.ts';
import { simdDouble, simdSingle } from './format.ts';
import { fused } from './fused.ts';
import { packDouble, packSingle, unpackDouble } from './ieee.ts';
import { fromInteger, toInteger } from './integer.ts';
import { multiply } from './multiply.ts';
import { propagateFirst, propagateOne } from './nan.ts';
import { round } from './rounding.ts';
import { extremeIsRight, roundScalar } from './simd.ts';
import { squareRoot } from './square-root.ts';
import { Kind } from './unpacked.ts';

/** SSE scalar double precision: operands are (lo, hi) pairs, results are in environment.hi:lo. */
export class Double {
  constructor(private readonly environment: Environment) {}

  add(leftLo: number, leftHi: number, rightLo: number, rightHi: number): void {
    if (this.#operands(leftLo, leftHi, rightLo, rightHi)) add(this.environment, simdDouble);
    packDouble(this.environment, this.environment.result);
  }

  subtract(leftLo: number, leftHi: number, rightLo: number, rightHi: number): void {
    const { environment } = this;
    if (this.#operands(leftLo, leftHi, rightLo, rightHi)) {
      environment.right.sign ^= 1;
      add(environment, simdDouble);
    }
    packDouble(environment, environment.result);
  }

  multiply(leftLo: number, leftHi: number, rightLo: number, rightHi: number): void {
    if (this.#operands(leftLo, leftHi, rightLo, rightHi)) multiply(this.environment, simdDouble);
    packDouble(this.environment, this.environment.result);
  }

  /** After `loadAddend`: left × right + addend, rounded once; signs are turned where these are 1. */
  fused(
    leftLo: number,
    leftHi: number,
    rightLo: number,
    rightHi: number,
    turnProduct: number,
    turnAddend: number,
  ): void {
    const { environment } = this;
    this.#load(leftLo, leftHi, rightLo, rightHi);
    fused(environment, simdDouble, turnProduct, turnAddend);
    packDouble(environment, environment.result);
  }

  loadAddend(lo: number, hi: number): void {
    unpackDouble(this.environment.addend, lo, hi, this.environment.daz);
  }

  divide(leftLo: number, leftHi: number, rightLo: number, rightHi: number): void {
    if (this.#operands(leftLo, leftHi, rightLo, rightHi)) divide(this.environment, simdDouble);
    packDouble(this.environment, this.environment.result);
  }

  squareRoot(lo: number, hi: number): void {
    this.#operand(lo, hi);
    if (!propagateOne(this.environment)) squareRoot(this.environment, simdDouble);
    packDouble(this.environment, this.environment.result);
  }

  /** MINSD: the second operand if the two are equal zeros or either is a NaN. */
  minimum(leftLo: number, leftHi: number, rightLo: number, rightHi: number): void {
    this.#load(leftLo, leftHi, rightLo, rightHi);
    if (extremeIsRight(this.environment, false)) this.#choose(rightLo, rightHi, this.environment.right.kind);
    else this.#choose(leftLo, leftHi, this.environment.left.kind);
  }

  maximum(leftLo: number, leftHi: number, rightLo: number, rightHi: number): void {
    this.#load(leftLo, leftHi, rightLo, rightHi);
    if (extremeIsRight(this.environment, true)) this.#choose(rightLo, rightHi, this.environment.right.kind);
    else this.#choose(leftLo, leftHi, this.environment.left.kind);
  }

  /** A `Relation`. COMISD signals quiet NaNs, UCOMISD does not. */
  compare(leftLo: number, leftHi: number, rightLo: number, rightHi: number): number {
    this.#load(leftLo, leftHi, rightLo, rightHi);
    return compare(this.environment, true);
  }

  compareQuietly(leftLo: number, leftHi: number, rightLo: number, rightHi: number): number {
    this.#load(leftLo, leftHi, rightLo, rightHi);
    return compare(this.environment, false);
  }

  toInt32(lo: number, hi: number, mode = this.environment.rounding): number {
    this.#operand(lo, hi);
    toInteger(this.environment, this.environment.left, 32, mode);
    return this.environment.lo;
  }

  toInt32Truncated(lo: number, hi: number): number {
    return this.toInt32(lo, hi, RoundingMode.Zero);
  }

  toInt64(lo: number, hi: number, mode = this.environment.rounding): void {
    this.#operand(lo, hi);
    toInteger(this.environment, this.environment.left, 64, mode);
  }

  toInt64Truncated(lo: number, hi: number): void {
    this.toInt64(lo, hi, RoundingMode.Zero);
  }

  fromInt32(value: number): void {
    this.fromInt64(value, value >> 31);
  }

  fromInt64(lo: number, hi: number): void {
    const { environment } = this;
    environment.begin();
    fromInteger(environment.result, lo, hi);
    if (environment.result.kind === Kind.Finite) round(environment, simdDouble);
    packDouble(environment, environment.result);
  }

  /** CVTSD2SS. */
  toSingle(lo: number, hi: number): number {
    const { environment } = this;
    this.#operand(lo, hi);
    if (!propagateOne(environment)) {
      environment.noteDenormal(environment.left.denormal);
      environment.result.copy(environment.left);
      if (environment.left.kind === Kind.Finite && !environment.blocked) round(environment, simdSingle);
    }
    return packSingle(environment.result);
  }

  /** ROUNDSD; `control` is its immediate: bits 1:0 a mode, bit 2 use MXCSR.RC, bit 3 keep the precision exception quiet. */
  roundToIntegral(lo: number, hi: number, control: number): void {
    this.#operand(lo, hi);
    roundScalar(this.environment, control);
    packDouble(this.environment, this.environment.result);
  }

  /** An operand of MINSD as it comes out: bit for bit, unless DAZ has made it a zero. */
  #choose(lo: number, hi: number, kind: number): void {
    this.environment.lo = kind === Kind.Zero ? 0 : lo | 0;
    this.environment.hi = kind === Kind.Zero ? hi & 0x8000_0000 : hi | 0;
  }

  #operand(lo: number, hi: number): void {
    const { environment } = this;
    environment.begin();
    unpackDouble(environment.left, lo, hi, environment.daz);
  }

  #load(leftLo: number, leftHi: number, rightLo: number, rightHi: number): void {
    const { environment } = this;
    environment.begin();
    unpackDouble(environment.left, leftLo, leftHi, environment.daz);
    unpackDouble(environment.right, rightLo, rightHi, environment.daz);
  }

  /** Whether there is something to compute: no NaN has decided the result. */
  #operands(leftLo: number, leftHi: number, rightLo: number, rightHi: number): boolean {
    this.#load(leftLo, leftHi, rightLo, rightHi);
    return !propagateFirst(this.environment);
  }
}
