/** Assists on a CPU's own state: the instruction that found no RAM is done here, with the board's MMIO in the place of memory. */

import { type Evaluation, MachineFault } from '../../evaluator/evaluate.ts';
import type { HelperName } from '../../ir/helpers.ts';
import { stackAccess } from '../../memory/access-size.ts';
import { pageSize } from '../../memory/page.ts';
import type { LinearMemory } from '../../mmu/linear-memory.ts';
import { state as layout, Segment, segmentBase } from '../../state/layout.ts';
import { Access, Leave } from '../../state/leave.ts';
import { Branch } from '../branches.ts';
import type { HelperImplementation } from '../core.ts';
import type { Cpu } from '../cpu.ts';
import { AssistLinearMemory } from './detached.ts';
import { type AssistMemory, InstructionAssist } from './instruction-assist.ts';
import { largestOperand, readOperand, writeOperand } from './operand-bytes.ts';

/** Memory that is no RAM; physical addresses, at most 8 bytes at a time. */
export interface DeviceMemory {
  read(physical: number, bytes: 1 | 2 | 4 | 8, data: DataView): void;
  write(physical: number, bytes: 1 | 2 | 4 | 8, data: DataView): void;
}

/** Memory does not grant the instruction's access. */
class GuardedAccess extends Error {}

const longestInstruction = 15;

const lowOf = (value: bigint): number => Number(BigInt.asIntN(32, value));
const highOf = (value: bigint): number => Number(BigInt.asIntN(32, value >> 32n));

export class LiveAssist implements AssistMemory {
  readonly #assist: InstructionAssist;
  readonly #bytes = new Uint8Array(largestOperand);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #piece = new DataView(new ArrayBuffer(8));
  readonly #memory: Uint8Array;
  readonly #helperMemory: LinearMemory;
  readonly #code = {
    length: 0,
    bytes: new Uint8Array(longestInstruction),
    at: (index: number): number => this.#code.bytes[index],
  };

  constructor(
    private readonly cpu: Cpu,
    private readonly devices: DeviceMemory,
    implementations: Readonly<Record<HelperName, HelperImplementation>>,
  ) {
    this.#assist = new InstructionAssist(cpu, this, implementations);
    this.#memory = new Uint8Array(cpu.state.view.buffer);
    this.#helperMemory = new AssistLinearMemory(this, cpu.fault, cpu.state);
  }

  /**
   * Executes the instruction at RIP and retires it. False: it is none that can be done here, or guarded memory refuses it (`Leave.guarded`); a
   * device that it reads may have been read.
   */
  perform(): boolean {
    const { mmu } = this.cpu;
    const { stepping, watchpoints } = mmu;
    const { hits } = watchpoints;
    // Breakpoints on its code have been met before it; those on its data are not met here.
    mmu.stepping = true;
    try {
      return this.#perform();
    } finally {
      mmu.stepping = stepping;
      watchpoints.hits = hits;
    }
  }

  #perform(): boolean {
    const { cpu } = this;
    const { memory, state } = cpu;
    if (!this.#fetch()) return state.leave === Leave.fault && this.#fault();
    // Helpers too find the devices.
    cpu.memory = this.#helperMemory;
    let outcome: Evaluation;
    try {
      outcome = this.#assist.perform(this.#code);
    } catch (error) {
      if (error instanceof GuardedAccess) return false;
      throw error;
    } finally {
      cpu.memory = memory;
    }
    if (typeof outcome === 'object') {
      const { vector, error, address } = outcome.fault;
      if (address !== undefined) state.set(layout.faultAddress, address);
      cpu.injectFault(vector, error);
      return true;
    }
    if (outcome === 'exit' || (outcome === 'left' && state.leave !== Leave.events)) return false;
    if (outcome === 'again') {
      cpu.stepped();
      return true;
    }
    const { interruptShadow } = state;
    state.copy64(layout.nextRip.offset, layout.rip.offset);
    cpu.completeInstruction();
    if (outcome === 'left') state.interruptShadow = interruptShadow;
    return true;
  }

  /** What kind of branch the instruction at RIP takes if nothing stops it. Where it cannot be fetched, executing it finds out. */
  foresee(): number {
    return this.#fetch() ? this.#assist.foresee(this.#code) : Branch.none;
  }

  read(linear: bigint, bytes: number, segment: number, implicit = false): bigint {
    if (implicit) return this.#readImplicit(lowOf(linear), highOf(linear), bytes);
    this.#access(linear, bytes, segment, false);
    return readOperand(this.#view, bytes);
  }

  write(linear: bigint, bytes: number, value: bigint, segment: number, implicit = false): void {
    if (implicit) {
      this.#writeImplicit(lowOf(linear), highOf(linear), bytes, lowOf(value), highOf(value));
      return;
    }
    writeOperand(this.#view, bytes, value);
    this.#access(linear, bytes, segment, true);
  }

  probeWrite(linear: bigint, bytes: number, segment: number, implicit = false): void {
    if (implicit) this.cpu.mmu.probeWrite(lowOf(linear), highOf(linear), bytes, Access.implicit);
    else this.#probe(linear, bytes, segment, true);
  }

  probeRead(linear: bigint, bytes: number, segment: number, implicit = false): void {
    if (implicit) this.cpu.mmu.probeRead(lowOf(linear), highOf(linear), bytes, Access.implicit);
    else this.#probe(linear, bytes, segment, false);
  }

  #probe(linear: bigint, bytes: number, segment: number, write: boolean): void {
    this.#eachPage(linear, bytes, (at, length) => {
      this.#locate(at, length, segment, write);
    });
  }

  // Implicit accesses are the MMU's own business: they never reach a device.

  #readImplicit(low: number, high: number, bytes: number): bigint {
    const { mmu } = this.cpu;
    if (bytes === 1) return BigInt(mmu.read8(low, high, Access.implicit));
    if (bytes === 2) return BigInt(mmu.read16(low, high, Access.implicit));
    if (bytes === 4) return BigInt(mmu.read32(low, high, Access.implicit) >>> 0);
    const first = mmu.read64(low, high, Access.implicit);
    return (BigInt(mmu.upper >>> 0) << 32n) | BigInt(first >>> 0);
  }
  #writeImplicit(low: number, high: number, bytes: number, value: number, valueHigh: number): void {
    const { mmu } = this.cpu;
    if (bytes === 1) mmu.write8(low, high, Access.implicit, value);
    else if (bytes === 2) mmu.write16(low, high, Access.implicit, value);
    else if (bytes === 4) mmu.write32(low, high, Access.implicit, value);
    else mmu.write64(low, high, Access.implicit, value, valueHigh);
  }

  #access(linear: bigint, bytes: number, segment: number, write: boolean): void {
    // All pages answer before the first byte moves.
    if (write) this.#probe(linear, bytes, segment, true);
    this.#eachPage(linear, bytes, (at, length, start) => {
      const host = this.#locate(at, length, segment, write);
      if (host > 0) {
        if (write) for (let n = 0; n < length; n++) this.#memory[host + n] = this.#bytes[start + n];
        else for (let n = 0; n < length; n++) this.#bytes[start + n] = this.#memory[host + n];
      } else this.#device(start, length, write);
    });
  }

  #eachPage(linear: bigint, bytes: number, action: (at: bigint, length: number, start: number) => void): void {
    for (let start = 0; start < bytes; ) {
      const at = BigInt.asUintN(64, linear + BigInt(start));
      const length = Math.min(bytes - start, pageSize - Number(at & 0xfffn));
      action(at, length, start);
      start += length;
    }
  }

  /** Host address, or 0: no RAM, the physical address is in leaveAddress. */
  #locate(at: bigint, length: number, segment: number, write: boolean): number {
    const { mmu, state, physical } = this.cpu;
    const low = lowOf(at);
    const high = highOf(at);
    const size = length | (segment === Segment.ss ? stackAccess : 0);
    for (;;) {
      const host = write ? mmu.translateWrite(low, high, size) : mmu.translateRead(low, high, size);
      if (host !== 0) return host >>> 0;
      if (state.leave === Leave.mmio) return 0;
      if (state.leave === Leave.codeWrite) {
        physical.overwritten(state.low(layout.leaveAddress.offset), state.get32(layout.leaveAccess.offset));
        continue;
      }
      if (state.leave === Leave.guarded) throw new GuardedAccess();
      throw new MachineFault({
        vector: state.faultVector,
        error: state.faultError,
        address: state.get(layout.faultAddress),
      });
    }
  }

  #device(start: number, length: number, write: boolean): void {
    const { state } = this.cpu;
    const physical =
      (state.high(layout.leaveAddress.offset) >>> 0) * 2 ** 32 + (state.low(layout.leaveAddress.offset) >>> 0);
    for (let done = 0; done < length; ) {
      const at = physical + done;
      const size = largestPiece(at, length - done);
      for (let n = 0; n < size; n++) this.#piece.setUint8(n, write ? this.#bytes[start + done + n] : 0);
      if (write) this.devices.write(at, size, this.#piece);
      else this.devices.read(at, size, this.#piece);
      if (!write) for (let n = 0; n < size; n++) this.#bytes[start + done + n] = this.#piece.getUint8(n);
      done += size;
    }
  }

  /** The bytes at CS:RIP, as far as they can be fetched. */
  #fetch(): boolean {
    const { mmu, state, is64 } = this.cpu;
    const rip = state.get(layout.rip);
    const linear = is64 ? rip : BigInt.asUintN(32, rip + state.get(segmentBase(Segment.cs)));
    let length = 0;
    while (length < longestInstruction) {
      const at = linear + BigInt(length);
      const page = mmu.fetch(Number(BigInt.asIntN(32, at)), Number(BigInt.asIntN(32, at >> 32n))) >>> 0;
      if (page === 0) break;
      const host = (page & ~0xfff) + Number(at & 0xfffn);
      const here = Math.min(longestInstruction - length, pageSize - Number(at & 0xfffn));
      for (let n = 0; n < here; n++) this.#code.bytes[length + n] = this.#memory[host + n];
      length += here;
    }
    this.#code.length = length;
    return length > 0;
  }

  #fault(): true {
    const { state } = this.cpu;
    this.cpu.injectFault(state.faultVector, state.faultError);
    return true;
  }
}

/** Aligned powers of two, as buses carry them. */
export function largestPiece(address: number, length: number): 1 | 2 | 4 | 8 {
  for (const size of [8, 4, 2] as const) if (length >= size && (address % size === 0 || length === size)) return size;
  return 1;
}
