import { Kind, type Unpacked } from './unpacked.ts';

/** A number in an x87 register (SDM vol. 1, 4.2.2): the significand's bit 63 is explicit. */
export class F80 {
  sign = 0;
  /** Biased by 16383, 15 bits. */
  exponent = 0;
  /** Significand, as uint32 halves. */
  hi = 0;
  lo = 0;

  set(sign: number, exponent: number, hi: number, lo: number): this {
    this.sign = sign;
    this.exponent = exponent;
    this.hi = hi >>> 0;
    this.lo = lo >>> 0;
    return this;
  }

  copy(from: F80): this {
    return this.set(from.sign, from.exponent, from.hi, from.lo);
  }

  /** The ten bytes that FLD m80 and FXSAVE read. */
  load(view: DataView, offset: number): this {
    const top = view.getUint16(offset + 8, true);
    return this.set(top >>> 15, top & 0x7fff, view.getUint32(offset + 4, true), view.getUint32(offset, true));
  }

  store(view: DataView, offset: number): void {
    view.setUint32(offset, this.lo, true);
    view.setUint32(offset + 4, this.hi, true);
    view.setUint16(offset + 8, (this.sign << 15) | this.exponent, true);
  }
}

const bias = 16383;
const top = 0x7fff;

export function unpackF80(value: Unpacked, from: F80): void {
  const { sign, exponent } = from;
  value.setFinite(sign, exponent - bias, from.hi | 0, from.lo | 0);
  value.denormal = false;
  const integerBit = value.hi < 0;
  if (exponent === 0) {
    if ((value.hi | value.lo) === 0) {
      value.setZero(sign);
      return;
    }
    value.denormal = true;
    value.exponent = 1 - bias;
    value.normalize();
  } else if (!integerBit) {
    value.kind = Kind.Unsupported;
  } else if (exponent === top) {
    if (((value.hi << 1) | value.lo) === 0) value.kind = Kind.Infinity;
    else value.kind = (value.hi & 0x4000_0000) === 0 ? Kind.SignalingNaN : Kind.QuietNaN;
  }
}

export function packF80(out: F80, value: Unpacked): void {
  switch (value.kind) {
    case Kind.Zero:
      out.set(value.sign, 0, 0, 0);
      break;
    case Kind.Finite:
      out.set(value.sign, value.hi < 0 ? value.exponent + bias : 0, value.hi, value.lo);
      break;
    default:
      out.set(value.sign, top, value.hi, value.lo);
  }
}
