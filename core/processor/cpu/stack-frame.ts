/**
 * A stack while a control transfer pushes or pops: any segment, width and privilege, which need not be the current ones. Registers
 * stay as they are until the transfer is certain to succeed.
 */

import { stackAccess } from '../mmu/linear-memory.ts';
import { checkSegment, isCanonical } from '../mmu/segmentation.ts';
import { Segment } from '../state/layout.ts';
import { Access } from '../state/leave.ts';
import { Attribute, Vector } from '../state/registers.ts';
import type { CpuCore } from './core.ts';
import type { Descriptor } from './descriptor.ts';

export class StackFrame {
  /** rSP as moved so far. */
  low = 0;
  high = 0;
  /** The upper half of what `pop` returned. */
  upper = 0;

  #cpu!: CpuCore;
  #descriptor: Descriptor | undefined = undefined;
  #width: 16 | 32 | 64 = 64;
  /** Bits of an item. */
  #size: 16 | 32 | 64 = 64;
  #access = 0;
  #error = 0;

  /** The current stack. `size`: bits of an item. */
  current(cpu: CpuCore, size: 16 | 32 | 64): this {
    const { state } = cpu;
    this.#cpu = cpu;
    this.#descriptor = undefined;
    this.#size = size;
    this.#width = cpu.is64 ? 64 : (state.attributes(Segment.ss) & Attribute.big) !== 0 ? 32 : 16;
    this.#access = stackAccess;
    this.#error = 0;
    this.low = this.#mask(state.gprLow(4));
    this.high = this.#width === 64 ? state.gprHigh(4) : 0;
    return this;
  }

  /** A stack in IA-32e mode at a given address, for a privilege level. */
  long(cpu: CpuCore, low: number, high: number, privilege: number, error: number): this {
    this.#cpu = cpu;
    this.#descriptor = undefined;
    this.#size = 64;
    this.#width = 64;
    this.#access = stackAccess | (privilege === 3 ? 0 : Access.implicit);
    this.#error = error;
    this.low = low;
    this.high = high;
    return this;
  }

  /** An inner stack by its segment's descriptor. `error`: the code of a #SS from it. */
  inner(cpu: CpuCore, descriptor: Descriptor, pointer: number, size: 16 | 32, error: number): this {
    this.#cpu = cpu;
    this.#descriptor = descriptor;
    this.#size = size;
    this.#width = descriptor.big ? 32 : 16;
    this.#access = stackAccess | Access.implicit;
    this.#error = error;
    this.low = this.#mask(pointer);
    this.high = 0;
    return this;
  }

  /** Bits 3:0 of the pointer become 0 (IA-32e event delivery). */
  align(): void {
    this.low &= ~0xf;
  }

  push(low: number, high = 0): void {
    this.move(-(this.#size >> 3));
    const { memory } = this.#cpu;
    const base = this.#linear(true);
    const upper = this.#linearHigh;
    if (this.#size === 64) memory.write64(base, upper, this.#access, low, high);
    else if (this.#size === 32) memory.write32(base, upper, this.#access, low);
    else memory.write16(base, upper, this.#access, low);
  }

  /** The low half (16-bit items zero-extended). */
  pop(): number {
    const { memory } = this.#cpu;
    const base = this.#linear(false);
    const upper = this.#linearHigh;
    let value: number;
    this.upper = 0;
    if (this.#size === 64) {
      value = memory.read64(base, upper, this.#access);
      this.upper = memory.upper;
    } else
      value = this.#size === 32 ? memory.read32(base, upper, this.#access) : memory.read16(base, upper, this.#access);
    this.move(this.#size >> 3);
    return value;
  }

  /** Adds to the pointer, with the stack's width. */
  move(bytes: number): void {
    const before = this.low;
    this.low = this.#mask((before + bytes) | 0);
    if (this.#width !== 64) return;
    if (bytes < 0 && this.low >>> 0 > before >>> 0) this.high = (this.high - 1) | 0;
    else if (bytes > 0 && this.low >>> 0 < before >>> 0) this.high = (this.high + 1) | 0;
  }

  /** Makes it rSP: as wide as the stack is. */
  commit(): void {
    this.#cpu.state.setGpr(4, this.#width, this.low, this.high);
  }

  #linearHigh = 0;

  #linear(write: boolean): number {
    const cpu = this.#cpu;
    const { state } = cpu;
    this.#linearHigh = this.high;
    if (this.#width === 64) {
      if (!isCanonical(this.high)) cpu.raise(Vector.ss, this.#error);
      return this.low;
    }
    const bytes = this.#size >> 3;
    const descriptor = this.#descriptor;
    if (descriptor) {
      if (!inLimit(descriptor, this.low >>> 0, bytes)) cpu.raise(Vector.ss, this.#error);
      return (descriptor.base + this.low) | 0;
    }
    const vector = checkSegment(state, Segment.ss, this.low, bytes, write ? Access.write : Access.read);
    if (vector !== 0) cpu.raise(vector, this.#error);
    return (state.baseLow(Segment.ss) + this.low) | 0;
  }

  #mask(pointer: number): number {
    return this.#width === 16 ? pointer & 0xffff : pointer;
  }
}

function inLimit(descriptor: Descriptor, first: number, bytes: number): boolean {
  const last = first + bytes - 1;
  const limit = descriptor.limit >>> 0;
  if ((descriptor.attributes & Attribute.expandDown) === 0) return last <= limit;
  return first > limit && last <= (descriptor.big ? 0xffff_ffff : 0xffff);
}
