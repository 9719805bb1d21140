/** The floating-point unit of a CPU: arithmetic (core/processor/float) under the controls that MXCSR or the x87 control word hold. */
import { F80 } from '../../float/float80.ts';
import { SoftFloat } from '../../float/soft-float.ts';

/** MXCSR bits. */
export const Mxcsr = { daz: 0x40, ftz: 0x8000, exceptions: 0x3f } as const;

/** Precision control to significand bits; 1 is reserved. */
const precisions = [24, 24, 53, 64] as const;

export class FloatUnit extends SoftFloat {
  /** Operands and results of x87 instructions. */
  readonly first: F80 = new F80();
  readonly second: F80 = new F80();
  readonly third: F80 = new F80();
  /** Lanes of an SSE result. */
  readonly lanes: Int32Array = new Int32Array(8);

  useMxcsr(mxcsr: number): void {
    this.masks = (mxcsr >> 7) & 0x3f;
    this.rounding = (mxcsr >> 13) & 3;
    this.daz = (mxcsr & Mxcsr.daz) !== 0;
    this.ftz = (mxcsr & Mxcsr.ftz) !== 0;
  }

  useControlWord(control: number): void {
    this.masks = control & 0x3f;
    this.rounding = (control >> 10) & 3;
    this.precision = precisions[(control >> 8) & 3];
    this.daz = false;
    this.ftz = false;
  }
}
