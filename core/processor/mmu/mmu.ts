/**
 * One CPU's memory management unit, in four layers: address spaces, translation, helpers' memory, and here what generated code asks when
 * its own TLB lookup misses.
 */

import { stackAccess } from '../memory/access-size.ts';
import { state as layout, tlb as tables } from '../state/layout.ts';
import { Access, Leave, Status } from '../state/leave.ts';
import { is64 } from '../state/mode.ts';
import { Vector } from '../state/registers.ts';
import { HelperMemory } from './helper-memory.ts';
import { isCanonical, LinearAddress } from './segmentation.ts';

const bounceOffset = layout.bounce.offset;

export class Mmu extends HelperMemory {
  /** The common part of `fetch` as generated code, if there is any (core/processor/mmu/fast-walk.ts); 0: unknown. */
  quickFetch: (block: number, low: number, high: number) => number = () => 0;
  readonly #address = new LinearAddress();

  /** Segment checks: the linear address goes to result0. `sizeAndAccess`: bytes in bits 7:0, Access bits (read, write) from bit 8. */
  linear(segment: number, low: number, high: number, sizeAndAccess: number): Status {
    const { state } = this;
    const vector = this.#address.form(state, segment, low, high, sizeAndAccess & 0xff, sizeAndAccess >>> 8);
    if (vector !== 0) {
      this.raise(vector, 0);
      return Status.fault;
    }
    state.setResult(0, this.#address.low, this.#address.high);
    return Status.done;
  }

  translateRead(low: number, high: number, size: number): number {
    const bytes = size & 0xff;
    const offset = low & 0xfff;
    if (!this.mayAccess(low, high, bytes, (size & stackAccess) !== 0)) return 0;
    if (offset + bytes <= 0x1000) return this.data(low, high, bytes, Access.read, 0);
    return this.#gather(low, high, bytes, Access.read);
  }

  translateWrite(low: number, high: number, size: number): number {
    const bytes = size & 0xff;
    const offset = low & 0xfff;
    if (!this.mayAccess(low, high, bytes, (size & stackAccess) !== 0)) return 0;
    if (offset + bytes <= 0x1000) {
      const address = this.data(low, high, bytes, Access.write, 0);
      return address !== 0 && this.#hitsCode(address, bytes) ? 0 : address;
    }
    return this.#gather(low, high, bytes, Access.write);
  }

  /** The bounce buffer, which translateWrite gave, has been stored into. */
  commitBounce(): void {
    const { physical, state } = this;
    const first = state.get32(layout.bounceFirst.offset);
    const second = state.get32(layout.bounceSecond.offset);
    const firstBytes = state.get8(layout.bounceFirstBytes.offset);
    const bytes = state.get8(layout.bounceBytes.offset);
    for (let n = 0; n < bytes; n++)
      physical.store8(n < firstBytes ? first + n : second + n - firstBytes, state.get8(bounceOffset + n));
  }

  #gather(low: number, high: number, bytes: number, access: number): number {
    const { physical, state } = this;
    const firstLength = 0x1000 - (low & 0xfff);
    const first = this.data(low, high, firstLength, access, 0);
    if (first === 0) return 0;
    const nextLow = (low + firstLength) | 0;
    const nextHigh = nextLow === 0 && is64(state.mode) ? (high + 1) | 0 : high;
    const second = this.data(nextLow, nextHigh, bytes - firstLength, access, 0);
    if (second === 0) return 0;
    if (access === Access.write && (this.#hitsCode(first, firstLength) || this.#hitsCode(second, bytes - firstLength)))
      return 0;
    state.set32(layout.bounceFirst.offset, first);
    state.set32(layout.bounceSecond.offset, second);
    state.set8(layout.bounceFirstBytes.offset, firstLength);
    state.set8(layout.bounceBytes.offset, bytes);
    for (let n = 0; n < bytes; n++)
      state.set8(bounceOffset + n, physical.load8(n < firstLength ? first + n : second + n - firstLength));
    return state.base + bounceOffset;
  }

  #hitsCode(address: number, bytes: number): boolean {
    if (!this.physical.writeTouchesCode(address, bytes)) return false;
    this.state.leave = Leave.codeWrite;
    this.state.set64(layout.leaveAddress.offset, address, 0);
    this.state.set32(layout.leaveAccess.offset, bytes);
    return true;
  }

  /** For instruction fetch: address in linear memory of the byte at a linear address, or 0 with fault and leave fields set. */
  fetch(low: number, high: number): number {
    const { state, watchpoints } = this;
    if (!isCanonical(high)) {
      this.raise(Vector.gp, 0);
      return 0;
    }
    if (watchpoints.code !== 0 && !this.stepping && watchpoints.watchesCode(low, high)) {
      state.leave = Leave.step;
      return 0;
    }
    const known = this.quickFetch(state.base, low, high);
    if (known !== 0) return known;
    const user = state.cpl === 3 ? Access.user : 0;
    const page = this.translate(low, high, Access.execute | user);
    return page === 0 ? 0 : page + (low & 0xfff);
  }

  /** Makes the fetch entry for an address that `fetch` found. `table` goes to the entry's aux word. */
  fillFetch(low: number, high: number, address: number, table: number): void {
    if (this.watchpoints.code !== 0 && this.watchpoints.watchesCode(low, high)) return;
    this.tlb.fill(tables.fetch, low, high, this.state.context, address & ~0xfff, table);
  }
}
