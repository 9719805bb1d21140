import { fromDecimal, toDecimal } from './decimal.ts';
import { type Environment, RoundingMode } from './environment.ts';
import { type F80, packF80, unpackF80 } from './float80.ts';
import { storedDouble, storedSingle } from './format.ts';
import { packDouble, packSingle, unpackDouble, unpackSingle } from './ieee.ts';
import { fromInteger, toInteger } from './integer.ts';
import { propagateOne } from './nan.ts';
import { round } from './rounding.ts';
import { Kind } from './unpacked.ts';

/** x87 loads and stores that convert. */
export class Conversion {
  constructor(private readonly environment: Environment) {}

  /** FIST and FISTTP to 16 bits, sign-extended. */
  toInt16(value: F80, mode = this.environment.rounding): number {
    return this.#toInteger(value, 16, mode);
  }

  toInt32(value: F80, mode = this.environment.rounding): number {
    return this.#toInteger(value, 32, mode);
  }

  /** Into environment.hi:lo. */
  toInt64(value: F80, mode = this.environment.rounding): void {
    this.#toInteger(value, 64, mode);
  }

  toInt16Truncated(value: F80): number {
    return this.#toInteger(value, 16, RoundingMode.Zero);
  }

  toInt32Truncated(value: F80): number {
    return this.#toInteger(value, 32, RoundingMode.Zero);
  }

  toInt64Truncated(value: F80): void {
    this.#toInteger(value, 64, RoundingMode.Zero);
  }

  /** FILD of 16 and 32 bits: the value sign-extended to an int32. */
  fromInt32(out: F80, value: number): void {
    this.fromInt64(out, value, value >> 31);
  }

  fromInt64(out: F80, lo: number, hi: number): void {
    const { environment } = this;
    environment.begin();
    fromInteger(environment.result, lo, hi);
    packF80(out, environment.result);
  }

  /** FLD m32. Returns whether there is something to push: an unmasked SNaN is not loaded, an unmasked denormal is. */
  fromSingle(out: F80, bits: number): boolean {
    this.environment.begin();
    unpackSingle(this.environment.left, bits, false);
    return this.#widen(out);
  }

  /** FLD m64; as `fromSingle`. */
  fromDouble(out: F80, lo: number, hi: number): boolean {
    this.environment.begin();
    unpackDouble(this.environment.left, lo, hi, false);
    return this.#widen(out);
  }

  /** FST m32. What an unmasked exception other than precision forbids to store, see `suppressed`. */
  toSingle(value: F80): number {
    const { environment } = this;
    if (this.#operand(value)) {
      environment.result.copy(environment.left);
      if (environment.left.kind === Kind.Finite) round(environment, storedSingle);
    }
    return packSingle(environment.result);
  }

  /** FST m64, into environment.hi:lo; as `toSingle`. */
  toDouble(value: F80): void {
    const { environment } = this;
    if (this.#operand(value)) {
      environment.result.copy(environment.left);
      if (environment.left.kind === Kind.Finite) round(environment, storedDouble);
    }
    packDouble(environment, environment.result);
  }

  /** FBLD: eighteen decimal digits and a sign, as the words of the ten bytes. */
  fromDecimal(out: F80, lo: number, hi: number, top: number): void {
    const { environment } = this;
    environment.begin();
    fromDecimal(environment.result, lo, hi, top);
    packF80(out, environment.result);
  }

  /** FBSTP: the low eight bytes in environment.hi:lo, the top two as the result. */
  toDecimal(value: F80): number {
    const { environment } = this;
    environment.begin();
    unpackF80(environment.left, value);
    return toDecimal(environment, environment.left);
  }

  #widen(out: F80): boolean {
    const { environment } = this;
    if (propagateOne(environment)) {
      if (environment.blocked) return false;
    } else {
      environment.noteDenormal(environment.left.denormal);
      environment.result.copy(environment.left);
    }
    packF80(out, environment.result);
    return true;
  }

  #toInteger(value: F80, width: number, mode: number): number {
    const { environment } = this;
    environment.begin();
    unpackF80(environment.left, value);
    toInteger(environment, environment.left, width, mode);
    return environment.lo;
  }

  /** Whether there is something to convert: it is no NaN. */
  #operand(value: F80): boolean {
    this.environment.begin();
    unpackF80(this.environment.left, value);
    return !propagateOne(this.environment);
  }
}
