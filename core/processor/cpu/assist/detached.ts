/** A CPU that is only state: what an assist executes an instruction on when the guest's own CPU is out of reach. */
import { MachineFault } from '../../evaluator/evaluate.ts';
import { GuestFault } from '../../mmu/fault.ts';
import type { LinearMemory } from '../../mmu/linear-memory.ts';
import { state as layout, Segment } from '../../state/layout.ts';
import { Access, Leave, Status } from '../../state/leave.ts';
import { StateBlock } from '../../state/state-block.ts';
import { CpuCore, type Translation } from '../core.ts';
import type { CpuModel } from '../model.ts';
import type { AssistMemory } from './instruction-assist.ts';

/** Nothing is cached outside of the CPU, so there is nothing to forget. */
const noTranslation: Translation = {
  refresh() {},
  refreshPrivilege() {},
  rootLoaded() {},
  flushAll() {},
  flushCurrentSpace() {},
  flushProcessContext() {},
  invalidatePage() {},
  refreshWatchpoints() {},
  loadPdptes: () => 0,
  portAccessed() {},
  watchesData: false,
  beginDelivery() {},
  endDelivery: () => 0,
  watchLine() {},
};

const join = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/** Helpers' memory over an assist's. */
export class AssistLinearMemory implements LinearMemory {
  upper = 0;

  constructor(
    private readonly memory: AssistMemory,
    private readonly fault: GuestFault,
    private readonly state: StateBlock,
  ) {}

  #guarded<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof MachineFault)) throw error;
      const { vector, error: code, address } = error.fault;
      const { state } = this;
      state.leave = Leave.fault;
      state.faultVector = vector;
      state.faultError = code;
      if (address !== undefined) state.set(layout.faultAddress, address);
      this.fault.status = Status.fault;
      throw this.fault;
    }
  }

  #read(low: number, high: number, bytes: number, access: number): bigint {
    const implicit = (access & Access.implicit) !== 0;
    return this.#guarded(() => this.memory.read(join(low, high), bytes, Segment.ds, implicit));
  }
  #write(low: number, high: number, bytes: number, access: number, value: bigint): void {
    const implicit = (access & Access.implicit) !== 0;
    this.#guarded(() => this.memory.write(join(low, high), bytes, value, Segment.ds, implicit));
  }

  read8(low: number, high: number, access: number): number {
    return Number(this.#read(low, high, 1, access));
  }
  read16(low: number, high: number, access: number): number {
    return Number(this.#read(low, high, 2, access));
  }
  read32(low: number, high: number, access: number): number {
    return Number(this.#read(low, high, 4, access)) | 0;
  }
  read64(low: number, high: number, access: number): number {
    const value = this.#read(low, high, 8, access);
    this.upper = Number(value >> 32n) | 0;
    return Number(value & 0xffff_ffffn) | 0;
  }
  write8(low: number, high: number, access: number, value: number): void {
    this.#write(low, high, 1, access, BigInt(value & 0xff));
  }
  write16(low: number, high: number, access: number, value: number): void {
    this.#write(low, high, 2, access, BigInt(value & 0xffff));
  }
  write32(low: number, high: number, access: number, value: number): void {
    this.#write(low, high, 4, access, BigInt(value >>> 0));
  }
  write64(low: number, high: number, access: number, valueLow: number, valueHigh: number): void {
    this.#write(low, high, 8, access, join(valueLow, valueHigh));
  }
  probeRead(low: number, high: number, size: number, access: number): void {
    const implicit = (access & Access.implicit) !== 0;
    this.#guarded(() => this.memory.probeRead(join(low, high), size, Segment.ds, implicit));
  }
  probeWrite(low: number, high: number, size: number, access: number): void {
    const implicit = (access & Access.implicit) !== 0;
    this.#guarded(() => this.memory.probeWrite(join(low, high), size, Segment.ds, implicit));
  }
}

/** Its state is to be filled by whoever assists; `ticks` is the time-stamp counter's basis. */
export function detachedCore(model: CpuModel, memory: AssistMemory, processor: number, ticks: () => number): CpuCore {
  const state = StateBlock.detached();
  const fault = new GuestFault();
  const surroundings = {
    processor,
    get ticks() {
      return ticks();
    },
  };
  return new CpuCore(state, new AssistLinearMemory(memory, fault, state), noTranslation, model, surroundings, fault);
}
