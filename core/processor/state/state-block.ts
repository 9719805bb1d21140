/**
 * Typed access to one CPU's block (layout.ts). Values of 64 bits are read and written as two signed 32-bit halves; BigInt is for
 * the API's edges only.
 */
import { blockSize, type Field, gprOffset, segmentOffset, state } from './layout.ts';
import { evenParity } from './lazy-flags.ts';
import { arithmeticFlags, Flag, systemFlags } from './registers.ts';

const cplWord = state.cpl.offset >> 2;
const modeWord = state.mode.offset >> 2;
const contextWord = state.context.offset >> 2;
const shadowWord = state.interruptShadow.offset >> 2;
const guestWord = state.guest.offset >> 2;
const eventWord = state.eventPending.offset >> 2;
const leaveWord = state.leave.offset >> 2;
const budgetWord = state.budget.offset >> 2;
const flagResultWord = state.flagResult.offset >> 2;
const flagBitsWord = state.flagBits.offset >> 2;
const flagSystemWord = state.flagSystem.offset >> 2;
const cr0Word = state.cr0.offset >> 2;
const cr4Word = state.cr4.offset >> 2;
const eferWord = state.efer.offset >> 2;
const faultVectorWord = state.faultVector.offset >> 2;
const faultErrorWord = state.faultError.offset >> 2;
const argumentWord = state.argument0.offset >> 2;
const resultWord = state.result0.offset >> 2;

export class StateBlock {
  readonly i32: Int32Array;
  readonly u16: Uint16Array;
  readonly u8: Uint8Array;
  readonly view: DataView;

  constructor(
    buffer: ArrayBufferLike,
    /** Where the block lies in the buffer: the argument of generated code. */
    readonly base: number,
  ) {
    this.i32 = new Int32Array(buffer, base, blockSize / 4);
    this.u16 = new Uint16Array(buffer, base, blockSize / 2);
    this.u8 = new Uint8Array(buffer, base, blockSize);
    this.view = new DataView(buffer, base, blockSize);
  }

  /** A block of its own, outside any host's memory. */
  static detached(): StateBlock {
    return new StateBlock(new ArrayBuffer(blockSize), 0);
  }

  get8(offset: number): number {
    return this.u8[offset];
  }
  set8(offset: number, value: number): void {
    this.u8[offset] = value;
  }
  get16(offset: number): number {
    return this.u16[offset >> 1];
  }
  set16(offset: number, value: number): void {
    this.u16[offset >> 1] = value;
  }
  get32(offset: number): number {
    return this.i32[offset >> 2];
  }
  set32(offset: number, value: number): void {
    this.i32[offset >> 2] = value;
  }
  low(offset: number): number {
    return this.i32[offset >> 2];
  }
  high(offset: number): number {
    return this.i32[(offset >> 2) + 1];
  }
  set64(offset: number, low: number, high: number): void {
    const word = offset >> 2;
    this.i32[word] = low;
    this.i32[word + 1] = high;
  }
  copy64(to: number, from: number): void {
    const { i32 } = this;
    const target = to >> 2;
    const source = from >> 2;
    i32[target] = i32[source];
    i32[target + 1] = i32[source + 1];
  }

  /** API edge: a field of any width, unsigned. */
  get(field: Field): bigint {
    const { offset } = field;
    switch (field.width) {
      case 8:
        return BigInt(this.u8[offset]);
      case 16:
        return BigInt(this.u16[offset >> 1]);
      case 32:
        return BigInt(this.i32[offset >> 2] >>> 0);
      case 64:
        return this.view.getBigUint64(offset, true);
      case 128:
        return this.view.getBigUint64(offset, true) | (this.view.getBigUint64(offset + 8, true) << 64n);
    }
  }
  set(field: Field, value: bigint): void {
    const { offset } = field;
    switch (field.width) {
      case 8:
        this.u8[offset] = Number(BigInt.asUintN(8, value));
        break;
      case 16:
        this.u16[offset >> 1] = Number(BigInt.asUintN(16, value));
        break;
      case 32:
        this.i32[offset >> 2] = Number(BigInt.asIntN(32, value));
        break;
      case 64:
        this.view.setBigUint64(offset, BigInt.asUintN(64, value), true);
        break;
      case 128:
        this.view.setBigUint64(offset, BigInt.asUintN(64, value), true);
        this.view.setBigUint64(offset + 8, BigInt.asUintN(64, value >> 64n), true);
        break;
    }
  }
  getBig(offset: number): bigint {
    return this.view.getBigUint64(offset, true);
  }
  setBig(offset: number, value: bigint): void {
    this.view.setBigUint64(offset, BigInt.asUintN(64, value), true);
  }

  get cpl(): number {
    return this.i32[cplWord];
  }
  set cpl(value: number) {
    this.i32[cplWord] = value;
  }
  get mode(): number {
    return this.i32[modeWord];
  }
  set mode(value: number) {
    this.i32[modeWord] = value;
  }
  get context(): number {
    return this.i32[contextWord];
  }
  set context(value: number) {
    this.i32[contextWord] = value;
  }
  get interruptShadow(): number {
    return this.i32[shadowWord];
  }
  set interruptShadow(value: number) {
    this.i32[shadowWord] = value;
  }
  get guest(): number {
    return this.i32[guestWord];
  }
  set guest(value: number) {
    this.i32[guestWord] = value;
  }
  get eventPending(): number {
    return this.i32[eventWord];
  }
  set eventPending(value: number) {
    this.i32[eventWord] = value;
  }
  get leave(): number {
    return this.i32[leaveWord];
  }
  set leave(value: number) {
    this.i32[leaveWord] = value;
  }
  get budget(): number {
    return this.i32[budgetWord];
  }
  set budget(value: number) {
    this.i32[budgetWord] = value;
  }
  get cr0(): number {
    return this.i32[cr0Word];
  }
  set cr0(value: number) {
    this.i32[cr0Word] = value;
  }
  get cr4(): number {
    return this.i32[cr4Word];
  }
  set cr4(value: number) {
    this.i32[cr4Word] = value;
  }
  /** Low half of EFER: all its bits are there. */
  get efer(): number {
    return this.i32[eferWord];
  }
  set efer(value: number) {
    this.i32[eferWord] = value;
  }
  get faultVector(): number {
    return this.i32[faultVectorWord];
  }
  set faultVector(value: number) {
    this.i32[faultVectorWord] = value;
  }
  get faultError(): number {
    return this.i32[faultErrorWord];
  }
  set faultError(value: number) {
    this.i32[faultErrorWord] = value;
  }

  /** Low and high halves of helper arguments, and writing of results. */
  argument(n: number): number {
    return this.i32[argumentWord + 2 * n];
  }
  argumentHigh(n: number): number {
    return this.i32[argumentWord + 2 * n + 1];
  }
  setResult(n: number, low: number, high = 0): void {
    this.i32[resultWord + 2 * n] = low;
    this.i32[resultWord + 2 * n + 1] = high;
  }

  gprLow(index: number): number {
    return this.i32[index << 1];
  }
  gprHigh(index: number): number {
    return this.i32[(index << 1) + 1];
  }
  /** With the rules of partial writes: 16 bits keep the rest, 32 bits clear the upper half. */
  setGpr(index: number, width: 16 | 32 | 64, low: number, high: number): void {
    const word = index << 1;
    if (width === 16) this.u16[index << 2] = low;
    else {
      this.i32[word] = low;
      this.i32[word + 1] = width === 64 ? high : 0;
    }
  }

  get ripLow(): number {
    return this.i32[state.rip.offset >> 2];
  }
  get ripHigh(): number {
    return this.i32[(state.rip.offset >> 2) + 1];
  }
  setRip(low: number, high: number): void {
    this.i32[state.rip.offset >> 2] = low;
    this.i32[(state.rip.offset >> 2) + 1] = high;
  }

  selector(segment: number): number {
    return this.u16[(segmentOffset(segment) + 12) >> 1];
  }
  attributes(segment: number): number {
    return this.u16[(segmentOffset(segment) + 14) >> 1];
  }
  /** Unsigned. */
  limit(segment: number): number {
    return this.i32[(segmentOffset(segment) + 8) >> 2] >>> 0;
  }
  baseLow(segment: number): number {
    return this.i32[segmentOffset(segment) >> 2];
  }
  baseHigh(segment: number): number {
    return this.i32[(segmentOffset(segment) >> 2) + 1];
  }
  setSegment(
    segment: number,
    selector: number,
    attributes: number,
    limit: number,
    baseLow: number,
    baseHigh: number,
  ): void {
    const offset = segmentOffset(segment);
    this.i32[offset >> 2] = baseLow;
    this.i32[(offset >> 2) + 1] = baseHigh;
    this.i32[(offset >> 2) + 2] = limit;
    this.u16[(offset + 12) >> 1] = selector;
    this.u16[(offset + 14) >> 1] = attributes;
  }

  /** Low half of RFLAGS, all of it that exists. */
  get flags(): number {
    return this.i32[flagSystemWord] | Flag.fixed | this.arithmeticFlags;
  }
  get systemFlags(): number {
    return this.i32[flagSystemWord];
  }
  set systemFlags(value: number) {
    this.i32[flagSystemWord] = value & systemFlags;
  }
  /** CF PF AF ZF SF OF, from the lazy form. */
  get arithmeticFlags(): number {
    const { i32 } = this;
    const low = i32[flagResultWord];
    const high = i32[flagResultWord + 1];
    const bits = i32[flagBitsWord];
    return (
      (bits & (Flag.cf | Flag.af | Flag.of)) |
      ((low | high) === 0 ? Flag.zf : 0) |
      (((high >>> 24) ^ bits) & Flag.sf) |
      (((evenParity(low & 0xff) << 2) ^ bits) & Flag.pf)
    );
  }
  set flags(value: number) {
    this.arithmeticFlags = value;
    this.i32[flagSystemWord] = value & systemFlags;
  }
  set arithmeticFlags(value: number) {
    const { i32 } = this;
    const zero = value & Flag.zf;
    // A result of 0 has even parity, a result of 1 odd: the bits that flip PF and SF make up for the rest.
    i32[flagResultWord] = zero ? 0 : 1;
    i32[flagResultWord + 1] = 0;
    i32[flagBitsWord] = (value & arithmeticFlags & ~Flag.zf) ^ (zero ? Flag.pf : 0);
  }

  clear(): void {
    this.i32.fill(0);
  }
}

export const gprField = (index: number): Field => ({ offset: gprOffset(index), width: 64 });
