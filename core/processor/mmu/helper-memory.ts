/** Memory as helpers use it, over the TLBs that generated code fills and reads too. Failures are thrown. */

import type { LineMonitor } from '../memory/line-monitor.ts';
import { tlb as tables } from '../state/layout.ts';
import { Access, Leave, Status } from '../state/leave.ts';
import { is64 } from '../state/mode.ts';
import { Variant } from './context.ts';
import { GuestFault } from './fault.ts';
import { type LinearMemory, stackAccess } from './linear-memory.ts';
import { Walk } from './paging.ts';
import { Translator } from './translator.ts';

export class HelperMemory extends Translator implements LinearMemory {
  readonly fault = new GuestFault();
  #wasStepping = false;
  upper = 0;

  /** PAE: 0, or 1 where a PDPTE has a reserved bit set. Throws after a nested fault, or where guarded memory refuses (with `guards`). */
  loadPdptes(guards = true): number {
    const status = this.paging.loadPdptes(guards);
    if (status === Walk.nestedFault) {
      this.leaveWalk();
      this.fault.status = Status.exit;
      throw this.fault;
    }
    return status === Walk.done ? 0 : 1;
  }
  get watchesData(): boolean {
    return this.watchpoints.data !== 0;
  }
  /** A delivery is no instruction that could be executed alone, afterwards: breakpoints are met at once, and told of when it is done. */
  beginDelivery(): void {
    this.#wasStepping = this.stepping;
    this.stepping = true;
    this.watchpoints.hits = 0;
  }
  endDelivery(): number {
    const { watchpoints } = this;
    this.stepping = this.#wasStepping;
    const { guestHits } = watchpoints;
    watchpoints.noteHostHit();
    watchpoints.hits = 0;
    return guestHits;
  }
  portAccessed(port: number, size: number): void {
    this.watchpoints.hits |= this.watchpoints.meetsPort(port, size);
  }

  read8(low: number, high: number, access: number): number {
    const address = this.#readable(low, high, 1, access);
    return address === 0 ? 0xff : this.physical.load8(address);
  }
  read16(low: number, high: number, access: number): number {
    if ((low & 0xfff) > 0xffe) {
      const first = this.read8(low, high, access);
      return first | (this.read8(low + 1, this.#carry(low, high, 1), access) << 8);
    }
    const address = this.#readable(low, high, 2, access);
    return address === 0 ? 0xffff : this.physical.load16(address);
  }
  read32(low: number, high: number, access: number): number {
    if ((low & 0xfff) > 0xffc) {
      const first = this.read16(low, high, access);
      return first | (this.read16((low + 2) | 0, this.#carry(low, high, 2), access) << 16);
    }
    const address = this.#readable(low, high, 4, access);
    return address === 0 ? -1 : this.physical.load32(address);
  }
  read64(low: number, high: number, access: number): number {
    if ((low & 0xfff) <= 0xff8) {
      const address = this.tlb.lookup(tables.read, low, high, this.#context(access));
      if (address !== 0) {
        this.upper = this.physical.load32(address + 4);
        return this.physical.load32(address);
      }
    }
    const first = this.read32(low, high, access);
    this.upper = this.read32((low + 4) | 0, this.#carry(low, high, 4), access);
    return first;
  }
  write8(low: number, high: number, access: number, value: number): void {
    const address = this.#writable(low, high, 1, access);
    if (address === 0) return;
    this.physical.store8(address, value);
    this.#wrote(address, 1);
  }
  write16(low: number, high: number, access: number, value: number): void {
    if ((low & 0xfff) > 0xffe) {
      this.probeWrite(low, high, 2, access);
      this.write8(low, high, access, value);
      this.write8((low + 1) | 0, this.#carry(low, high, 1), access, value >>> 8);
      return;
    }
    const address = this.#writable(low, high, 2, access);
    if (address === 0) return;
    this.physical.store16(address, value);
    this.#wrote(address, 2);
  }
  write32(low: number, high: number, access: number, value: number): void {
    if ((low & 0xfff) > 0xffc) {
      this.probeWrite(low, high, 4, access);
      this.write16(low, high, access, value);
      this.write16((low + 2) | 0, this.#carry(low, high, 2), access, value >>> 16);
      return;
    }
    const address = this.#writable(low, high, 4, access);
    if (address === 0) return;
    this.physical.store32(address, value);
    this.#wrote(address, 4);
  }
  write64(low: number, high: number, access: number, valueLow: number, valueHigh: number): void {
    if ((low & 0xfff) <= 0xff8) {
      // What the TLB has for writing holds no code.
      const address = this.tlb.lookup(tables.write, low, high, this.#context(access));
      if (address !== 0) {
        this.physical.store32(address, valueLow);
        this.physical.store32(address + 4, valueHigh);
        return;
      }
    } else this.probeWrite(low, high, 8, access);
    this.write32(low, high, access, valueLow);
    this.write32((low + 4) | 0, this.#carry(low, high, 4), access, valueHigh);
  }
  probeRead(low: number, high: number, size: number, access: number): void {
    const first = Math.min(size, 0x1000 - (low & 0xfff));
    this.#readable(low, high, first, access);
    if (first < size) this.#readable((low + first) | 0, this.#carry(low, high, first), size - first, access);
  }
  probeWrite(low: number, high: number, size: number, access: number): void {
    const first = Math.min(size, 0x1000 - (low & 0xfff));
    this.#writable(low, high, first, access);
    if (first < size) this.#writable((low + first) | 0, this.#carry(low, high, first), size - first, access);
  }

  watchLine(monitor: LineMonitor, low: number, high: number): void {
    const page = this.tlb.lookup(tables.read, low, high, this.state.context);
    const address = page === 0 ? this.data(low, high, 1, Access.read, 0) : page;
    if (address !== 0) this.physical.watchLine(monitor, address);
  }

  #wrote(address: number, bytes: number): void {
    if (this.physical.writeTouchesCode(address, bytes)) this.physical.overwritten(address, bytes);
  }

  /** The upper half of `address + bytes`; addresses wrap at 4 GiB outside 64-bit mode. */
  #carry(low: number, high: number, bytes: number): number {
    return (low >>> 0) + bytes > 0xffff_ffff && is64(this.state.mode) ? (high + 1) | 0 : high;
  }

  #context(access: number): number {
    return (access & Access.implicit) !== 0 ? this.block | Variant.supervisor : this.state.context;
  }

  #readable(low: number, high: number, bytes: number, access: number): number {
    return (
      this.tlb.lookup(tables.read, low, high, this.#context(access)) ||
      this.#orThrow(low, high, bytes, Access.read, access)
    );
  }
  #writable(low: number, high: number, bytes: number, access: number): number {
    return (
      this.tlb.lookup(tables.write, low, high, this.#context(access)) ||
      this.#orThrow(low, high, bytes, Access.write, access)
    );
  }

  /** 0 only for an implicit access to what is no memory: reads all ones, writes are lost. */
  #orThrow(low: number, high: number, bytes: number, kind: number, access: number): number {
    const { state } = this;
    if (this.mayAccess(low, high, bytes, (access & stackAccess) !== 0)) {
      const address = this.data(low, high, bytes, kind, access & Access.implicit);
      if (address !== 0) return address;
      if (state.leave === Leave.mmio && (access & Access.implicit) !== 0) return 0;
    }
    this.fault.status = state.leave === Leave.fault ? Status.fault : Status.exit;
    throw this.fault;
  }
}
