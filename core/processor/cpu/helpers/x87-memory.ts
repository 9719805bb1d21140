/** Singles and doubles in memory as operands: widened bit by bit, so that signalling NaNs stay what they are. */
import type { F80 } from '../../float/float80.ts';

/** Returns whether the number was denormal; as an F80 it is a normal one. */
export function widen(out: F80, isSingle: boolean, low: number, high: number): boolean {
  const top = isSingle ? low : high;
  const exponentBits = isSingle ? 8 : 11;
  const sign = top >>> 31;
  const exponent = (top << 1) >>> (32 - exponentBits);
  const upper = isSingle ? (low << 8) & 0x7fff_ffff : ((high << 11) | (low >>> 21)) & 0x7fff_ffff;
  const lower = isSingle ? 0 : low << 11;
  const bias = isSingle ? 127 : 1023;
  if (exponent !== 0) {
    const isLast = exponent === (1 << exponentBits) - 1;
    out.set(sign, isLast ? 0x7fff : exponent - bias + 16383, upper | 0x8000_0000, lower);
    return false;
  }
  if ((upper | lower) === 0) {
    out.set(sign, 0, 0, 0);
    return false;
  }
  const shift = upper !== 0 ? Math.clz32(upper) : 32 + Math.clz32(lower);
  const hi = shift >= 32 ? lower << (shift - 32) : (upper << shift) | (shift === 0 ? 0 : lower >>> (32 - shift));
  out.set(sign, 1 - bias + 16383 - shift, hi, shift >= 32 ? 0 : lower << shift);
  return true;
}
