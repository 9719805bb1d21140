import type { Environment } from './environment.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** Packing and unpacking of the IEEE 754 interchange formats, binary32 as a number and binary64 as a pair. */

/** `flush`: denormals count as zeros (DAZ). */
export function unpackSingle(value: Unpacked, bits: number, flush: boolean): void {
  const sign = bits >>> 31;
  const exponent = (bits >>> 23) & 0xff;
  unpack(value, sign, exponent === 0xff ? 0x7fff : exponent, 127, bits << 8, 0, flush);
}

export function unpackDouble(value: Unpacked, lo: number, hi: number, flush: boolean): void {
  const sign = hi >>> 31;
  const exponent = (hi >>> 20) & 0x7ff;
  unpack(value, sign, exponent === 0x7ff ? 0x7fff : exponent, 1023, (hi << 11) | (lo >>> 21), lo << 11, flush);
}

/** hi:lo is the fraction from bit 62 down; bit 63 is not yet meaningful. */
function unpack(
  value: Unpacked,
  sign: number,
  exponent: number,
  bias: number,
  hi: number,
  lo: number,
  flush: boolean,
): void {
  value.denormal = false;
  if (exponent === 0) {
    const fraction = hi & 0x7fff_ffff;
    if (flush || (fraction | lo) === 0) {
      value.setZero(sign);
      return;
    }
    value.setFinite(sign, 1 - bias, fraction, lo);
    value.denormal = true;
    value.normalize();
    return;
  }
  value.setFinite(sign, exponent - bias, hi | 0x8000_0000, lo);
  if (exponent !== 0x7fff) return;
  if (((hi << 1) | lo) === 0) value.kind = Kind.Infinity;
  else value.kind = (hi & 0x4000_0000) === 0 ? Kind.SignalingNaN : Kind.QuietNaN;
}

export function packSingle(value: Unpacked): number {
  const sign = value.sign << 31;
  const fraction = (value.hi >>> 8) & 0x7f_ffff;
  switch (value.kind) {
    case Kind.Zero:
      return sign >>> 0;
    case Kind.Finite:
      return (sign | ((value.hi < 0 ? value.exponent + 127 : 0) << 23) | fraction) >>> 0;
    default:
      return (sign | 0x7f80_0000 | fraction) >>> 0;
  }
}

export function packDouble(environment: Environment, value: Unpacked): void {
  const sign = value.sign << 31;
  const fraction = (value.hi >>> 11) & 0xf_ffff;
  environment.lo = (value.hi << 21) | (value.lo >>> 11);
  switch (value.kind) {
    case Kind.Zero:
      environment.lo = 0;
      environment.hi = sign;
      break;
    case Kind.Finite:
      environment.hi = sign | ((value.hi < 0 ? value.exponent + 1023 : 0) << 20) | fraction;
      break;
    default:
      environment.hi = sign | 0x7ff0_0000 | fraction;
  }
}
