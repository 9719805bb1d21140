/** Segment checks (SDM vol. 3, sections 5.3 to 5.5): limit, type, null selectors; and what is left of them in 64-bit mode. */

import { Segment } from '../state/layout.ts';
import { Access } from '../state/leave.ts';
import { is64 } from '../state/mode.ts';
import { Attribute, Cr0, Flag, Vector } from '../state/registers.ts';
import type { StateBlock } from '../state/state-block.ts';

/** Bits 63 to 47 are equal. */
export const isCanonical = (high: number): boolean => high >> 15 === 0 || high >> 15 === -1;

/** 0, or the vector of the fault (error code 0) for `size` bytes at an offset of a segment outside 64-bit mode. */
export function checkSegment(state: StateBlock, segment: number, offset: number, size: number, access: number): number {
  const attributes = state.attributes(segment);
  const fault = segment === Segment.ss ? Vector.ss : Vector.gp;
  const checked = (state.cr0 & Cr0.pe) !== 0 && (state.systemFlags & Flag.vm) === 0;
  if (checked) {
    if ((attributes & Attribute.present) === 0) return fault;
    const isCode = (attributes & Attribute.code) !== 0;
    if ((access & Access.write) !== 0 && (isCode || (attributes & Attribute.writable) === 0)) return fault;
    if ((access & Access.read) !== 0 && isCode && (attributes & Attribute.readable) === 0) return fault;
  }
  const limit = state.limit(segment);
  const first = offset >>> 0;
  const last = first + size - 1;
  const expandDown = (attributes & (Attribute.code | Attribute.expandDown)) === Attribute.expandDown;
  if (!expandDown) return last > limit ? fault : 0;
  const top = (attributes & Attribute.big) !== 0 ? 0xffff_ffff : 0xffff;
  return first <= limit || last > top ? fault : 0;
}

/** Adds a segment's base to an offset. Check first. */
export class LinearAddress {
  low = 0;
  high = 0;

  /** 0, or the vector of the fault with error code 0. */
  form(state: StateBlock, segment: number, low: number, high: number, size: number, access: number): number {
    if (!is64(state.mode)) {
      const fault = checkSegment(state, segment, low, size, access);
      this.low = (low + state.baseLow(segment)) | 0;
      this.high = 0;
      return fault;
    }
    this.low = low;
    this.high = high;
    if (segment === Segment.fs || segment === Segment.gs) {
      this.low = (low + state.baseLow(segment)) | 0;
      const carry = this.low >>> 0 < low >>> 0 ? 1 : 0;
      this.high = (high + state.baseHigh(segment) + carry) | 0;
    }
    return isCanonical(this.high) ? 0 : segment === Segment.ss ? Vector.ss : Vector.gp;
  }
}
