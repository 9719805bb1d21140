/**
 * RCPPS, RSQRTPS and their scalar forms: without exceptions or rounding control, and denormals count as zeros (SDM vol. 2, RCPPS). Results
 * have twelve bits of fraction, or are within 1.5 × 2^-12 of the truth at least.
 */

/** Of the magnitude of a normal number, by its biased exponent and its fraction. */
type Magnitude = (exponent: number, fraction: number) => number;

const scratch = new DataView(new ArrayBuffer(4));

/** The correctly rounded single's first twelve bits of fraction, rounded. */
const rounded =
  (compute: (value: number) => number): Magnitude =>
  (exponent, fraction) => {
    scratch.setInt32(0, (exponent << 23) | fraction);
    scratch.setFloat32(0, compute(scratch.getFloat32(0)));
    return (scratch.getInt32(0) + 0x400) & ~0x7ff;
  };

/** Half to one, in units of 2^-13, below a power of two. */
const scaled = (exponent: number, value: number): number =>
  exponent <= 0 ? 0 : (exponent << 23) | ((Math.floor(value * 0x2000 + 0.5) - 0x1000) << 11);

/**
 * The middle of an interval of 2^-11 (2^-10 for the root) of a binade stands for all of it. A Xeon (family 6, model 207) does that, in each bit of
 * each of 2^32 operands.
 */
const middle = {
  reciprocal: (exponent: number, fraction: number): number =>
    scaled(253 - exponent, 1 / (1 + ((fraction >>> 12) + 0.5) / 0x800)),
  root: (exponent: number, fraction: number): number => {
    const value = 1 + ((fraction >>> 13) + 0.5) / 0x400;
    return scaled(126 - ((exponent - 127) >> 1), 1 / Math.sqrt(exponent & 1 ? value : 2 * value));
  },
};

const reciprocal =
  (magnitude: Magnitude) =>
  (bits: number): number => {
    const sign = bits & 0x8000_0000;
    const exponent = (bits >>> 23) & 0xff;
    const fraction = bits & 0x7f_ffff;
    if (exponent === 0xff) return fraction === 0 ? sign : bits | 0x40_0000;
    if (exponent === 0) return sign | 0x7f80_0000;
    const result = magnitude(exponent, fraction);
    return (result & 0x7f80_0000) === 0 ? sign : sign | result;
  };

/** Of what is less than zero there is none. */
const root = (magnitude: Magnitude) => {
  const positive = reciprocal(magnitude);
  return (bits: number): number => {
    const value = bits & 0x7fff_ffff;
    const isNegative = bits < 0 && value >= 0x80_0000 && value <= 0x7f80_0000;
    return isNegative ? 0xffc0_0000 | 0 : positive(bits);
  };
};

/** From the bits of a single to those of the estimate. */
export const estimateReciprocal = reciprocal(rounded(value => 1 / value));
export const estimateReciprocalRoot = root(rounded(value => 1 / Math.sqrt(value)));
export const intelReciprocal = reciprocal(middle.reciprocal);
export const intelReciprocalRoot = root(middle.root);
