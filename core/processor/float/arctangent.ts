import type { Environment } from './environment.ts';
import { arctangentOf, deliver, fractionBits, pi, significand } from './fixed-point.ts';
import { Kind, type Unpacked } from './unpacked.ts';

/** Ratios so small that the angle is the ratio less a hair. */
const tinyExponent = -70;

/** FPATAN: result = the angle of the point (right, left), neither a NaN (SDM vol. 2, FPATAN, table 3-28). */
export function arctangent(environment: Environment): void {
  const { left: y, right: x, result } = environment;
  environment.noteDenormal(y.denormal || x.denormal);
  if (environment.blocked) return;
  if (y.kind === Kind.Infinity || x.kind === Kind.Infinity || y.kind === Kind.Zero || x.kind === Kind.Zero) {
    const eighths = onAxis(y, x);
    if (eighths === 0n) result.setZero(y.sign);
    else deliver(environment, y.sign, (pi * eighths) / 4n, fractionBits);
    return;
  }
  const steep = y.compareMagnitude(x) > 0;
  const larger = steep ? y : x;
  const smaller = steep ? x : y;
  const exponent = smaller.exponent - larger.exponent;
  if (exponent <= tinyExponent && !steep && x.sign === 0) {
    const ratio = (significand(y) << 192n) / significand(x);
    deliver(environment, y.sign, ratio - 1n, 192 - exponent);
    return;
  }
  const angle = exponent < -fractionBits ? 0n : arctangentOf(ratioOf(smaller, larger, exponent));
  deliver(environment, y.sign, place(angle, steep, x.sign), fractionBits);
}

function ratioOf(smaller: Unpacked, larger: Unpacked, exponent: number): bigint {
  return (significand(smaller) << BigInt(fractionBits + exponent)) / significand(larger);
}

/** From the first octant to the one where the point lies. */
function place(angle: bigint, steep: boolean, sign: number): bigint {
  if (steep) return sign === 0 ? pi / 2n - angle : pi / 2n + angle;
  return sign === 0 ? angle : pi - angle;
}

/** The angle in quarters of π where a coordinate is zero or infinite. */
function onAxis(y: Unpacked, x: Unpacked): bigint {
  if (y.kind === Kind.Infinity && x.kind === Kind.Infinity) return x.sign === 0 ? 1n : 3n;
  if (y.kind === Kind.Zero || x.kind === Kind.Infinity) return x.sign === 0 ? 0n : 4n;
  return 2n;
}
