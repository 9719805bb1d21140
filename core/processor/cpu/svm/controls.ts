/** What VMRUN takes over from the control area: it stays as it is until the #VMEXIT, whatever is written to the page meanwhile. */
import { Control, VirtualInterrupt } from './vmcb.ts';

export class Controls {
  readonly #intercepts = new Int32Array(6);
  pauseCount = 0;
  pauseThreshold = 0;
  iopmLow = 0;
  iopmHigh = 0;
  msrpmLow = 0;
  msrpmHigh = 0;
  tscOffsetLow = 0;
  tscOffsetHigh = 0;
  asid = 0;
  tlbControl = 0;
  /** The V_INTR word as loaded: what the guest changes of it is kept elsewhere. */
  virtualInterrupt = 0;
  virtualVector = 0;
  nestedPaging = false;
  nestedRootLow = 0;
  nestedRootHigh = 0;
  injection = 0;
  injectionError = 0;
  nextRipLow = 0;
  nextRipHigh = 0;

  /** `at`: word index of the VMCB. */
  load(words: Int32Array, at: number): void {
    const intercepts = this.#intercepts;
    for (let n = 0; n < 6; n++) intercepts[n] = words[at + n];
    const pause = words[at + (Control.pauseThreshold >> 2)];
    this.pauseThreshold = pause & 0xffff;
    this.pauseCount = pause >>> 16;
    this.iopmLow = words[at + (Control.iopmBase >> 2)] & ~0xfff;
    this.iopmHigh = words[at + (Control.iopmBase >> 2) + 1];
    this.msrpmLow = words[at + (Control.msrpmBase >> 2)] & ~0xfff;
    this.msrpmHigh = words[at + (Control.msrpmBase >> 2) + 1];
    this.tscOffsetLow = words[at + (Control.tscOffset >> 2)];
    this.tscOffsetHigh = words[at + (Control.tscOffset >> 2) + 1];
    this.asid = words[at + (Control.asid >> 2)] >>> 0;
    this.tlbControl = words[at + (Control.tlbControl >> 2)] & 0xff;
    this.virtualInterrupt = words[at + (Control.virtualInterrupt >> 2)];
    this.virtualVector = words[at + (Control.virtualInterrupt >> 2) + 1] & 0xff;
    this.nestedPaging = (words[at + (Control.nestedControl >> 2)] & 1) !== 0;
    this.nestedRootLow = words[at + (Control.nestedRoot >> 2)];
    this.nestedRootHigh = words[at + (Control.nestedRoot >> 2) + 1];
    this.injection = words[at + (Control.eventInjection >> 2)];
    this.injectionError = words[at + (Control.eventInjection >> 2) + 1];
    this.nextRipLow = words[at + (Control.nextRip >> 2)];
    this.nextRipHigh = words[at + (Control.nextRip >> 2) + 1];
  }

  /** Whether something is intercepted, by its exit code. */
  intercepts(code: number): boolean {
    return ((this.#intercepts[code >> 5] >>> (code & 31)) & 1) !== 0;
  }

  get virtualMasking(): boolean {
    return (this.virtualInterrupt & VirtualInterrupt.masking) !== 0;
  }
  get virtualGif(): boolean {
    return (this.virtualInterrupt & VirtualInterrupt.gifEnable) !== 0;
  }
}
