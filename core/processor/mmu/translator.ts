/**
 * One access at a time, from a linear address to a byte of linear memory: canonical form, alignment, page walk, breakpoints, and an entry
 * in a TLB if the next access may do without all that. Failures are in the state block: `leave`, with the fault or the address.
 */

import { state as layout, tlb as tables } from '../state/layout.ts';
import { Access, Leave } from '../state/leave.ts';
import { is64 } from '../state/mode.ts';
import { Vector } from '../state/registers.ts';
import { AddressSpaces } from './address-spaces.ts';
import { Variant } from './context.ts';
import { Walk } from './paging.ts';
import { isCanonical } from './segmentation.ts';

const kinds = Access.read | Access.write | Access.execute;

export class Translator extends AddressSpaces {
  /** The run loop executes instructions one by one: breakpoint registers may be met. */
  stepping = false;

  /** Canonical form of all bytes, and alignment where it is checked. */
  protected mayAccess(low: number, high: number, bytes: number, stack: boolean): boolean {
    const lastHigh = (low >>> 0) + bytes - 1 > 0xffff_ffff ? (high + 1) | 0 : high;
    if (!isCanonical(high) || (lastHigh !== high && is64(this.state.mode) && !isCanonical(lastHigh))) {
      this.raise(stack ? Vector.ss : Vector.gp, 0);
      return false;
    }
    if ((this.state.context & 3) === Variant.userAligned && (low & (bytes - 1) & 7) !== 0 && bytes <= 8) {
      this.raise(Vector.ac, 0);
      return false;
    }
    return true;
  }

  /** Bytes within a page. `implicit`: Access.implicit or 0. */
  protected data(low: number, high: number, bytes: number, kind: number, implicit: number): number {
    const { state, watchpoints } = this;
    const user = implicit === 0 && state.cpl === 3 ? Access.user : 0;
    const page = this.translate(low, high, kind | user | implicit);
    if (page === 0) return 0;
    const watched = watchpoints.watchesData(low, high);
    if (watched) {
      const met = watchpoints.meetsData(low, high, bytes, kind === Access.write);
      if (met !== 0) {
        if (!this.stepping) {
          state.leave = Leave.step;
          return 0;
        }
        watchpoints.hits |= met;
      }
    } else {
      const context = implicit !== 0 ? this.block | Variant.supervisor : state.context;
      if ((context & 3) !== Variant.userAligned) {
        if (kind === Access.read) this.tlb.fill(tables.read, low, high, context, page, 0);
        else if (!this.physical.isCode(page)) this.tlb.fill(tables.write, low, high, context, page, 0);
      }
    }
    return page + (low & 0xfff);
  }

  /** The page in linear memory, or 0. */
  protected translate(low: number, high: number, access: number): number {
    const { paging, physical, state } = this;
    const status = paging.walk(low, high, access);
    if (status === Walk.done) {
      this.tlb.notePageSize(low, high, paging.shift);
      const kind = access & kinds;
      const page = physical.locateFor(paging.low, paging.high, kind);
      if (page === 0) {
        const guarded = physical.guards(paging.low, paging.high, kind);
        this.#leave(guarded ? Leave.guarded : Leave.mmio, access, paging.low | (low & 0xfff), paging.high);
      }
      return page;
    }
    state.set64(layout.faultAddress.offset, low, high);
    if (status === Walk.nestedFault) this.leaveWalk();
    else this.raise(Vector.pf, paging.error);
    return 0;
  }

  /** After `Walk.nestedFault`. */
  protected leaveWalk(): void {
    const { paging, state } = this;
    if (paging.refused === 0) state.leave = Leave.nestedFault;
    else this.#leave(Leave.guarded, paging.refused, paging.refusedLow, paging.refusedHigh);
  }

  #leave(why: Leave, access: number, low: number, high: number): void {
    const { state } = this;
    state.leave = why;
    state.set32(layout.leaveAccess.offset, access);
    state.set64(layout.leaveAddress.offset, low, high);
  }

  protected raise(vector: number, error: number): void {
    const { state } = this;
    state.leave = Leave.fault;
    state.faultVector = vector;
    state.faultError = error;
  }
}
