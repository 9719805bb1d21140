import { Unpacked } from './unpacked.ts';

/** Exception bits as MXCSR, the x87 status word and both mask fields number them (SDM vol. 1, 8.1.3.3 and 10.2.3). */
export const FloatException = {
  Invalid: 0x01,
  Denormal: 0x02,
  ZeroDivide: 0x04,
  Overflow: 0x08,
  Underflow: 0x10,
  Precision: 0x20,
} as const;

/** Rounding control as MXCSR.RC and the x87 control word encode it. */
export const RoundingMode = { Nearest: 0, Down: 1, Up: 2, Zero: 3 } as const;

/** Detected before anything is computed: unmasked, they leave the destination as it was. */
const beforeComputation = FloatException.Invalid | FloatException.Denormal | FloatException.ZeroDivide;

/** Control and status of one floating-point unit, and the scratch operands its operations work in. */
export class Environment {
  rounding = 0;
  /** x87 precision control in significand bits: 24, 53 or 64. */
  precision = 64;
  /** Sticky exception bits. Operations only ever set them. */
  flags = 0;
  /** What the latest operation alone raised. */
  raised = 0;
  /** Exceptions whose mask bit is set give the default response; the others suppress or wrap the result. */
  masks = 0x3f;
  /** FSIN and kin do with tiny angles as Intel's processors do (trigonometry.ts). */
  copiesTiny = false;
  /** MXCSR.DAZ: SSE operands that are denormal count as zeros. */
  daz = false;
  /** MXCSR.FTZ: SSE results that would be tiny become zeros while underflow is masked. */
  ftz = false;
  /** Whether the latest operation rounded away from zero: C1 of the x87 status word. */
  roundedUp = false;
  /** 64-bit results, as a pair of int32. */
  lo = 0;
  hi = 0;

  private packedBefore = 0;
  private packedRaised = 0;

  readonly left = new Unpacked();
  readonly right = new Unpacked();
  readonly addend = new Unpacked();
  readonly result = new Unpacked();

  /** Every operation starts here. */
  begin(): void {
    this.raised = 0;
    this.roundedUp = false;
  }

  /** Opens a packed SSE instruction: one element's operation after the other follows, then `endPacked`. */
  beginPacked(): void {
    this.packedBefore = this.flags;
    this.packedRaised = 0;
  }

  /**
   * All elements are looked at before any is computed (SDM vol. 1, 11.5.2): an unmasked exception found then leaves
   * none of the others' overflow, underflow or precision in `flags`. Afterwards `raised` speaks for all elements.
   */
  endPacked(): void {
    this.raised = this.packedRaised;
    if (!this.blocked) return;
    this.raised &= beforeComputation;
    this.flags = this.packedBefore | this.raised;
  }

  raise(exceptions: number): void {
    this.raised |= exceptions;
    this.packedRaised |= exceptions;
    this.flags |= exceptions;
  }

  /** An unmasked exception was found before computing: there is no result, and later exceptions are not looked for. */
  get blocked(): boolean {
    return (this.raised & ~this.masks & beforeComputation) !== 0;
  }

  /** The latest store leaves memory alone: an exception other than lost precision is unmasked. */
  get suppressed(): boolean {
    return (this.raised & ~this.masks & ~FloatException.Precision) !== 0;
  }

  /** Some exception of the latest operation is unmasked: #XM, or #MF at the next waiting x87 instruction. */
  get faulted(): boolean {
    return (this.raised & ~this.masks) !== 0;
  }

  invalid(): void {
    this.raise(FloatException.Invalid);
    this.result.setDefaultNaN();
  }

  noteDenormal(denormal: boolean): void {
    if (denormal) this.raise(FloatException.Denormal);
  }
}
