import { arctangent } from './arctangent.ts';
import type { Environment } from './environment.ts';
import { type F80, packF80, unpackF80 } from './float80.ts';
import { exponential, logarithm, logarithmOfSuccessor } from './logarithm.ts';
import { propagateLarger, propagateOne } from './nan.ts';
import { cosine, outOfRange, sine, tangent } from './trigonometry.ts';
import { Kind } from './unpacked.ts';

/**
 * The x87 transcendental instructions, rounded from a far more precise value (SDM vol. 1, 8.3.10 allows an ulp).
 * Precision control does not apply. An unmasked exception found before computing leaves `out` alone.
 */
export class Transcendental {
  constructor(private readonly environment: Environment) {}

  /** F2XM1: 2^value - 1, for values between -1 and 1. */
  exponential(out: F80, value: F80): void {
    if (this.#operand(value)) exponential(this.environment);
    this.#finish(out);
  }

  /** FYL2X: factor × log₂ value. */
  logarithm(out: F80, factor: F80, value: F80): void {
    if (this.#operands(factor, value)) logarithm(this.environment);
    this.#finish(out);
  }

  /** FYL2XP1: factor × log₂ (value + 1). */
  logarithmOfSuccessor(out: F80, factor: F80, value: F80): void {
    if (this.#operands(factor, value)) logarithmOfSuccessor(this.environment);
    this.#finish(out);
  }

  /** FPATAN: the angle of the point (x, y). */
  arctangent(out: F80, y: F80, x: F80): void {
    if (this.#operands(y, x)) arctangent(this.environment);
    this.#finish(out);
  }

  /** FSIN. False, and nothing done, if the angle is out of range (C2). */
  sine(out: F80, angle: F80): boolean {
    return this.#circular(out, angle, sine);
  }

  cosine(out: F80, angle: F80): boolean {
    return this.#circular(out, angle, cosine);
  }

  /** FPTAN: `pushed` gets 1.0, or the NaN too. It must not be `angle`. */
  tangent(out: F80, pushed: F80, angle: F80): boolean {
    const { environment } = this;
    if (!this.#circular(out, angle, tangent)) return false;
    if (environment.blocked) return true;
    if (environment.result.isNaN) packF80(pushed, environment.result);
    else pushed.set(0, 0x3fff, 0x8000_0000, 0);
    return true;
  }

  /** FSINCOS. C1 is the sine's. `cosineOut` must not be `angle`. */
  sineCosine(sineOut: F80, cosineOut: F80, angle: F80): boolean {
    const { environment } = this;
    if (!this.cosine(cosineOut, angle)) return false;
    const { raised } = environment;
    this.sine(sineOut, angle);
    environment.raise(raised);
    return true;
  }

  #circular(out: F80, angle: F80, compute: (environment: Environment) => void): boolean {
    const { environment } = this;
    if (this.#operand(angle)) {
      const { left } = environment;
      if (outOfRange(left)) return false;
      environment.noteDenormal(left.denormal);
      if (left.kind === Kind.Infinity) environment.invalid();
      else if (!environment.blocked) compute(environment);
    }
    this.#finish(out);
    return true;
  }

  #operand(value: F80): boolean {
    this.environment.begin();
    unpackF80(this.environment.left, value);
    return !propagateOne(this.environment);
  }

  #operands(left: F80, right: F80): boolean {
    const { environment } = this;
    environment.begin();
    unpackF80(environment.left, left);
    unpackF80(environment.right, right);
    return !propagateLarger(environment);
  }

  #finish(out: F80): void {
    if (!this.environment.blocked) packF80(out, this.environment.result);
  }
}
