/** `vcpu.state` of libnvmm(3): a window onto the comm page. A component is valid once it was fetched since the last run. */
import { vectorSize } from '#core';
import { Comm, X64State } from '../abi.ts';
import type { CommPage } from '../driver/machine.ts';

export interface SegmentView {
  selector: number;
  /** type 3:0, S 4, DPL 6:5, P 7, AVL 8, L 9, D/B 10, G 11. */
  attributes: number;
  limit: number;
  base: bigint;
}

export class X64StateView {
  constructor(readonly comm: CommPage) {}

  gpr(index: number): bigint {
    return this.comm.read(X64State.gprs + index * 8);
  }
  setGpr(index: number, value: bigint): void {
    this.comm.write(X64State.gprs + index * 8, value);
  }
  gprLow(index: number): number {
    return this.comm.low(X64State.gprs + index * 8);
  }
  gprHigh(index: number): number {
    return this.comm.high(X64State.gprs + index * 8);
  }
  setGprPair(index: number, low: number, high: number): void {
    this.comm.set(X64State.gprs + index * 8, low, high);
  }

  cr(index: number): bigint {
    return this.comm.read(X64State.crs + index * 8);
  }
  setCr(index: number, value: bigint): void {
    this.comm.write(X64State.crs + index * 8, value);
  }
  crLow(index: number): number {
    return this.comm.low(X64State.crs + index * 8);
  }
  crHigh(index: number): number {
    return this.comm.high(X64State.crs + index * 8);
  }

  dr(index: number): bigint {
    return this.comm.read(X64State.drs + index * 8);
  }
  setDr(index: number, value: bigint): void {
    this.comm.write(X64State.drs + index * 8, value);
  }

  msr(index: number): bigint {
    return this.comm.read(X64State.msrs + index * 8);
  }
  setMsr(index: number, value: bigint): void {
    this.comm.write(X64State.msrs + index * 8, value);
  }
  msrLow(index: number): number {
    return this.comm.low(X64State.msrs + index * 8);
  }

  get intr(): number {
    return this.comm.low(X64State.intr);
  }
  set intr(bits: number) {
    this.comm.set(X64State.intr, bits, 0);
  }

  segment(index: number): SegmentView {
    const word = this.comm.stateWord(X64State.segs + index * 16);
    const first = this.comm.words[word];
    return {
      selector: first & 0xffff,
      attributes: first >>> 16,
      limit: this.comm.words[word + 1] >>> 0,
      base: this.comm.read(X64State.segs + index * 16 + 8),
    };
  }
  setSegment(index: number, { selector, attributes, limit, base }: SegmentView): void {
    const word = this.comm.stateWord(X64State.segs + index * 16);
    this.comm.words[word] = (selector & 0xffff) | (attributes << 16);
    this.comm.words[word + 1] = limit;
    this.comm.write(X64State.segs + index * 16 + 8, base);
  }
  segmentAttributes(index: number): number {
    return this.comm.words[this.comm.stateWord(X64State.segs + index * 16)] >>> 16;
  }
  segmentLimit(index: number): number {
    return this.comm.words[this.comm.stateWord(X64State.segs + index * 16) + 1] >>> 0;
  }
  segmentBaseLow(index: number): number {
    return this.comm.low(X64State.segs + index * 16 + 8);
  }
  segmentBaseHigh(index: number): number {
    return this.comm.high(X64State.segs + index * 16 + 8);
  }

  /** The FXSAVE image itself. */
  get fpu(): Uint8Array {
    const start = (this.comm.stateWord(X64State.fpu) - this.comm.word) * 4;
    return this.comm.bytes.subarray(start, start + 512);
  }

  /** Upper halves of YMM registers. */
  get vector(): Uint8Array {
    return this.comm.bytes.subarray(Comm.vector, Comm.vector + vectorSize);
  }
}
