/** The breakpoint registers (SDM vol. 3, section 18.2). Pages that they watch are kept out of the TLBs, so nothing else slows down. */
import { state as layout } from '../state/layout.ts';
import { Cr4 } from '../state/registers.ts';
import type { StateBlock } from '../state/state-block.ts';
import { type HostBreakpoint, HostBreakpoints } from './host-breakpoints.ts';

const Kind = { execute: 0, write: 1, port: 2, readWrite: 3 } as const;
const addresses = [layout.dr0.offset, layout.dr1.offset, layout.dr2.offset, layout.dr3.offset];
const anyEnabled = 0xff;
/** In `data`, `code` and `hits`: the host's breakpoints. */
const hostBit = 1 << 16;
/** The guest's own, as DR6 has them. */
const guestBits = 0xf;
const sizes = [1, 2, 8, 4];

export class Watchpoints {
  /** Enabled breakpoints on data, instructions and ports: one bit each. */
  data = 0;
  code = 0;
  ports = 0;
  /** Breakpoints met by the current instruction. */
  hits = 0;
  /** The host's breakpoint on data that has been met, until it is told; -1: none. */
  hostHit = -1;
  readonly #host = new HostBreakpoints();
  #control = 0;

  constructor(private readonly state: StateBlock) {}

  /** After DR0…DR3, DR7 or CR4.DE have changed. */
  refresh(): void {
    const { state } = this;
    const control = state.low(layout.dr7.offset);
    this.#control = control;
    this.data = 0;
    this.code = 0;
    this.ports = 0;
    for (let n = 0; (control & anyEnabled) !== 0 && n < 4; n++) {
      if (((control >> (2 * n)) & 3) === 0) continue;
      const kind = (control >> (16 + 4 * n)) & 3;
      if (kind === Kind.execute) this.code |= 1 << n;
      else if (kind !== Kind.port) this.data |= 1 << n;
      else if ((state.cr4 & Cr4.de) !== 0) this.ports |= 1 << n;
    }
    if (this.#host.hasCode) this.code |= hostBit;
    if (this.#host.hasData) this.data |= hostBit;
    state.set32(layout.codeWatched.offset, this.code);
  }

  /** Breakpoints that the guest does not know of. `refresh` has to follow. */
  setHost(list: readonly HostBreakpoint[]): void {
    this.#host.set(list);
    this.hostHit = -1;
  }
  /** The host's breakpoint on the instruction at this address, as its place in the list; -1: none. */
  meetsHostCode(low: number, high: number): number {
    return (this.code & hostBit) === 0 ? -1 : this.#host.code(low, high);
  }
  /** What has just been done has met one of the host's on data, if any. */
  noteHostHit(): void {
    if ((this.hits & hostBit) !== 0) this.hostHit = this.#host.met;
  }
  /** The guest's breakpoints that it has met: DR6 bits 3:0. */
  get guestHits(): number {
    return this.hits & guestBits;
  }

  #onPage(candidates: number, low: number, high: number): boolean {
    for (let n = 0; n < 4; n++) {
      if (((candidates >> n) & 1) === 0) continue;
      const at = addresses[n];
      if (((this.state.low(at) ^ low) & ~0xfff) === 0 && this.state.high(at) === high) return true;
    }
    return false;
  }

  watchesData(low: number, high: number): boolean {
    return this.data !== 0 && (this.#onPage(this.data, low, high) || this.#host.dataOnPage(low, high));
  }
  watchesCode(low: number, high: number): boolean {
    return this.code !== 0 && (this.#onPage(this.code, low, high) || this.#host.codeOnPage(low, high));
  }

  #size(n: number): number {
    return sizes[(this.#control >> (18 + 4 * n)) & 3];
  }

  /** Breakpoints that an access meets. The bytes do not cross a page boundary; breakpoints are aligned, so theirs do not either. */
  meetsData(low: number, high: number, size: number, write: boolean): number {
    let met = (this.data & hostBit) !== 0 && this.#host.meetsData(low, high, size, write) ? hostBit : 0;
    for (let n = 0; n < 4; n++) {
      if (((this.data >> n) & 1) === 0) continue;
      if (!write && ((this.#control >> (16 + 4 * n)) & 3) === Kind.write) continue;
      const at = addresses[n];
      if (this.state.high(at) !== high) continue;
      const length = this.#size(n);
      const first = (this.state.low(at) & -length) >>> 0;
      const start = low >>> 0;
      if (start < first + length && first < start + size) met |= 1 << n;
    }
    return met;
  }

  meetsCode(low: number, high: number): number {
    let met = 0;
    for (let n = 0; n < 4; n++) {
      if (((this.code >> n) & 1) === 0) continue;
      const at = addresses[n];
      if (this.state.low(at) === low && this.state.high(at) === high) met |= 1 << n;
    }
    return met;
  }

  meetsPort(port: number, size: number): number {
    let met = 0;
    for (let n = 0; n < 4; n++) {
      if (((this.ports >> n) & 1) === 0) continue;
      const length = this.#size(n);
      const first = this.state.low(addresses[n]) & 0xffff & -length;
      if (port < first + length && first < port + size) met |= 1 << n;
    }
    return met;
  }
}
