/** What an operand is, whatever its format. */
export const Kind = {
  Zero: 0,
  Finite: 1,
  Infinity: 2,
  QuietNaN: 3,
  SignalingNaN: 4,
  /** x87 encodings that no operation accepts: unnormals, pseudo-infinities, pseudo-NaNs. */
  Unsupported: 5,
} as const;

/**
 * An operand or result apart from its format: significand × 2^exponent, 1 ≤ significand < 2, in hi:lo with bit 63 set,
 * and 32 bits below (`extra`) for rounding, the lowest of which is sticky. A NaN keeps its payload in hi:lo.
 */
export class Unpacked {
  kind = 0;
  sign = 0;
  exponent = 0;
  hi = 0;
  lo = 0;
  extra = 0;
  /** It was denormal (or, in x87 format, pseudo-denormal) in memory. */
  denormal = false;

  get isNaN(): boolean {
    return this.kind === Kind.QuietNaN || this.kind === Kind.SignalingNaN;
  }

  copy(from: Unpacked): void {
    this.kind = from.kind;
    this.sign = from.sign;
    this.exponent = from.exponent;
    this.hi = from.hi;
    this.lo = from.lo;
    this.extra = from.extra;
    this.denormal = from.denormal;
  }

  setZero(sign: number): void {
    this.kind = Kind.Zero;
    this.sign = sign;
    this.exponent = 0;
    this.hi = this.lo = this.extra = 0;
  }

  setInfinity(sign: number): void {
    this.kind = Kind.Infinity;
    this.sign = sign;
    this.hi = 0x8000_0000 | 0;
    this.lo = this.extra = 0;
  }

  setDefaultNaN(): void {
    this.kind = Kind.QuietNaN;
    this.sign = 1;
    this.hi = 0xc000_0000 | 0;
    this.lo = this.extra = 0;
  }

  setFinite(sign: number, exponent: number, hi: number, lo: number): void {
    this.kind = Kind.Finite;
    this.sign = sign;
    this.exponent = exponent;
    this.hi = hi;
    this.lo = lo;
    this.extra = 0;
  }

  quieten(): void {
    this.kind = Kind.QuietNaN;
    this.hi |= 0x4000_0000;
  }

  /** Brings the leading one to bit 63. Something in the 96 bits must be set. */
  normalize(): void {
    while (this.hi === 0) {
      this.hi = this.lo;
      this.lo = this.extra;
      this.extra = 0;
      this.exponent -= 32;
    }
    const count = Math.clz32(this.hi);
    if (count === 0) return;
    this.hi = (this.hi << count) | (this.lo >>> (32 - count));
    this.lo = (this.lo << count) | (this.extra >>> (32 - count));
    this.extra <<= count;
    this.exponent -= count;
  }

  /** Shifts the 96 bits right; whatever falls out stays as the sticky bit. The exponent is the caller's. */
  shiftRight(count: number): void {
    if (count >= 96) {
      this.extra = (this.hi | this.lo | this.extra) === 0 ? 0 : 1;
      this.hi = this.lo = 0;
      return;
    }
    for (; count >= 32; count -= 32) {
      this.extra = this.lo | (this.extra === 0 ? 0 : 1);
      this.lo = this.hi;
      this.hi = 0;
    }
    if (count === 0) return;
    const lost = this.extra << (32 - count);
    this.extra = (this.extra >>> count) | (this.lo << (32 - count)) | (lost === 0 ? 0 : 1);
    this.lo = (this.lo >>> count) | (this.hi << (32 - count));
    this.hi >>>= count;
    this.hi |= 0;
  }

  /** Compares magnitudes of two finite values: negative, zero or positive. */
  compareMagnitude(other: Unpacked): number {
    if (this.exponent !== other.exponent) return this.exponent - other.exponent;
    return this.compareSignificand(other);
  }

  compareSignificand(other: Unpacked): number {
    if (this.hi !== other.hi) return (this.hi >>> 0) - (other.hi >>> 0);
    return (this.lo >>> 0) - (other.lo >>> 0);
  }
}
