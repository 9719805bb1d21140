import { add } from './add.ts';
import { compare } from './compare.ts';
import { divide } from './divide.ts';
import { type Environment, FloatException } from './environment.ts';
import { type F80, packF80, unpackF80 } from './float80.ts';
import { registerFormat } from './format.ts';
import { roundToIntegral } from './integer.ts';
import { multiply } from './multiply.ts';
import { propagateLarger, propagateOne } from './nan.ts';
import { remainder } from './remainder.ts';
import { extract, scale } from './scale.ts';
import { squareRoot } from './square-root.ts';
import { Kind } from './unpacked.ts';

/**
 * x87 arithmetic and comparisons. The result goes to `out`, which may be an operand; an unmasked
 * exception found before computing leaves it alone. C1 is environment.roundedUp.
 */
export class Extended {
  constructor(private readonly environment: Environment) {}

  add(out: F80, left: F80, right: F80): void {
    const { environment } = this;
    if (this.#operands(left, right)) add(environment, registerFormat(environment.precision));
    this.#finish(out);
  }

  subtract(out: F80, left: F80, right: F80): void {
    const { environment } = this;
    if (this.#operands(left, right)) {
      environment.right.sign ^= 1;
      add(environment, registerFormat(environment.precision));
    }
    this.#finish(out);
  }

  multiply(out: F80, left: F80, right: F80): void {
    const { environment } = this;
    if (this.#operands(left, right)) multiply(environment, registerFormat(environment.precision));
    this.#finish(out);
  }

  divide(out: F80, left: F80, right: F80): void {
    const { environment } = this;
    if (this.#operands(left, right)) divide(environment, registerFormat(environment.precision));
    this.#finish(out);
  }

  squareRoot(out: F80, value: F80): void {
    const { environment } = this;
    if (this.#operand(value)) squareRoot(environment, registerFormat(environment.precision));
    this.#finish(out);
  }

  /** FRNDINT. */
  roundToIntegral(out: F80, value: F80): void {
    const { environment } = this;
    if (this.#operand(value)) {
      const { left, result } = environment;
      environment.noteDenormal(left.denormal);
      result.copy(left);
      if (left.kind === Kind.Finite && !environment.blocked) {
        const rounded = roundToIntegral(result, environment.rounding);
        if (rounded !== 0) environment.raise(FloatException.Precision);
        environment.roundedUp = rounded === 2;
      }
    }
    this.#finish(out);
  }

  /** A `Relation`. FCOM signals quiet NaNs, FUCOM does not. */
  compare(left: F80, right: F80): number {
    this.#load(left, right);
    return compare(this.environment, true);
  }

  compareQuietly(left: F80, right: F80): number {
    this.#load(left, right);
    return compare(this.environment, false);
  }

  /** FSCALE: value × 2^trunc(by). */
  scale(out: F80, value: F80, by: F80): void {
    if (this.#operands(value, by)) scale(this.environment);
    this.#finish(out);
  }

  /** FXTRACT: `exponent` is what ends in ST(1), `significand` in ST(0). */
  extract(exponent: F80, significand: F80, value: F80): void {
    const { environment } = this;
    const { left, result } = environment;
    if (this.#operand(value)) extract(environment);
    else left.copy(result);
    if (environment.blocked) return;
    packF80(exponent, result);
    packF80(significand, left);
  }

  /** FPREM. Returns the condition codes where the status word has them: the quotient's low bits, or C2 if not done yet. */
  remainder(out: F80, dividend: F80, divisor: F80): number {
    return this.#remainder(out, dividend, divisor, false);
  }

  /** FPREM1: IEEE 754's remainder, whose quotient is the nearest integer. */
  remainderNearest(out: F80, dividend: F80, divisor: F80): number {
    return this.#remainder(out, dividend, divisor, true);
  }

  #remainder(out: F80, dividend: F80, divisor: F80, nearest: boolean): number {
    const codes = this.#operands(dividend, divisor) ? remainder(this.environment, nearest) : 0;
    this.#finish(out);
    return codes;
  }

  #finish(out: F80): void {
    if (!this.environment.blocked) packF80(out, this.environment.result);
  }

  #load(left: F80, right: F80): void {
    const { environment } = this;
    environment.begin();
    unpackF80(environment.left, left);
    unpackF80(environment.right, right);
  }

  /** Whether there is something to compute: no NaN has decided the result. */
  #operand(value: F80): boolean {
    this.environment.begin();
    unpackF80(this.environment.left, value);
    return !propagateOne(this.environment);
  }

  #operands(left: F80, right: F80): boolean {
    this.#load(left, right);
    return !propagateLarger(this.environment);
  }
}
