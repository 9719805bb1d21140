import type { Environment } from './environment.ts';
import type { Format } from './format.ts';
import { round } from './rounding.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** result = left × right, neither a NaN. */
export function multiply(environment: Environment, format: Format): void {
  const { left, right, result } = environment;
  const sign = left.sign ^ right.sign;
  const infinite = left.kind === Kind.Infinity || right.kind === Kind.Infinity;
  const zero = left.kind === Kind.Zero || right.kind === Kind.Zero;
  if (infinite && zero) {
    environment.invalid();
    return;
  }
  environment.noteDenormal(left.denormal || right.denormal);
  if (environment.blocked) return;
  if (infinite) {
    result.setInfinity(sign);
    return;
  }
  if (zero) {
    result.setZero(sign);
    return;
  }
  result.setFinite(sign, left.exponent + right.exponent + 1, 0, 0);
  multiplySignificands(result, left, right);
  result.normalize();
  round(environment, format);
}

/** Schoolbook in 16-bit digits: every column stays below 2^35, so it is exact as a double. */
function multiplySignificands(result: Unpacked, left: Unpacked, right: Unpacked): void {
  const a0 = left.lo & 0xffff;
  const a1 = left.lo >>> 16;
  const a2 = left.hi & 0xffff;
  const a3 = left.hi >>> 16;
  const b0 = right.lo & 0xffff;
  const b1 = right.lo >>> 16;
  const b2 = right.hi & 0xffff;
  const b3 = right.hi >>> 16;
  const c0 = a0 * b0;
  const c1 = a0 * b1 + a1 * b0 + Math.floor(c0 / 0x1_0000);
  const c2 = a0 * b2 + a1 * b1 + a2 * b0 + Math.floor(c1 / 0x1_0000);
  const c3 = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + Math.floor(c2 / 0x1_0000);
  const c4 = a1 * b3 + a2 * b2 + a3 * b1 + Math.floor(c3 / 0x1_0000);
  const c5 = a2 * b3 + a3 * b2 + Math.floor(c4 / 0x1_0000);
  const c6 = a3 * b3 + Math.floor(c5 / 0x1_0000);
  result.extra = (c3 << 16) | (c2 & 0xffff) | (((c0 | c1) & 0xffff) === 0 ? 0 : 1);
  result.lo = (c5 << 16) | (c4 & 0xffff);
  result.hi = c6 | 0;
}
