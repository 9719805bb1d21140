/** The processor's own floating-point helpers for the user machine: over its state block and its memory. */
import { CpuCore, callHelper, type HelperImplementation } from '../../core/processor/cpu/core.ts';
import { checkSse, checkX87 } from '../../core/processor/cpu/helpers/availability.ts';
import { sseHelpers } from '../../core/processor/cpu/helpers/sse.ts';
import { fxrstor, fxsave } from '../../core/processor/cpu/helpers/state-image.ts';
import { x87Helpers } from '../../core/processor/cpu/helpers/x87.ts';
import { MachineFault } from '../../core/processor/evaluator/evaluate.ts';
import { type HelperName, helpers } from '../../core/processor/ir/helpers.ts';
import type { LinearMemory } from '../../core/processor/mmu/linear-memory.ts';
import { state } from '../../core/processor/state/layout.ts';
import type { UserMachine } from './user-machine.ts';

const address = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

class UserMemory implements LinearMemory {
  upper = 0;

  constructor(private readonly machine: UserMachine) {}

  read8(low: number, high: number): number {
    return Number(this.#read(low, high, 1));
  }
  read16(low: number, high: number): number {
    return Number(this.#read(low, high, 2));
  }
  read32(low: number, high: number): number {
    return Number(this.#read(low, high, 4)) | 0;
  }
  read64(low: number, high: number): number {
    const value = this.#read(low, high, 8);
    this.upper = Number(value >> 32n) | 0;
    return Number(value & 0xffff_ffffn) | 0;
  }
  write8(low: number, high: number, _access: number, value: number): void {
    this.#write(low, high, 1, BigInt(value));
  }
  write16(low: number, high: number, _access: number, value: number): void {
    this.#write(low, high, 2, BigInt(value));
  }
  write32(low: number, high: number, _access: number, value: number): void {
    this.#write(low, high, 4, BigInt(value));
  }
  write64(low: number, high: number, _access: number, valueLow: number, valueHigh: number): void {
    this.#write(low, high, 8, address(valueLow, valueHigh));
  }
  probeRead(low: number, high: number, size: number): void {
    this.#read(low, high, size);
  }
  probeWrite(low: number, high: number, size: number): void {
    this.machine.probeWrite(address(low, high), size, 3);
  }

  #read(low: number, high: number, bytes: number): bigint {
    return this.machine.read(address(low, high), bytes, 3);
  }
  #write(low: number, high: number, bytes: number, value: bigint): void {
    this.machine.write(address(low, high), bytes, BigInt.asUintN(bytes * 8, value), 3);
  }
}

const cores = new WeakMap<UserMachine, CpuCore>();

function coreOf(machine: UserMachine): CpuCore {
  let core = cores.get(machine);
  if (!core) {
    core = new CpuCore(
      machine.block,
      new UserMemory(machine),
      undefined as never,
      undefined as never,
      undefined as never,
    );
    cores.set(machine, core);
  }
  return core;
}

/** Inputs and results through the slots of the state block, as generated code passes them. */
const bridge =
  (name: HelperName, implementation: HelperImplementation) => (machine: UserMachine, inputs: readonly bigint[]) => {
    const { block } = machine;
    const { inputs: inputWidths, results } = helpers[name];
    let slot = state.argument0.offset;
    inputWidths.forEach((width, n) => {
      machine.set(slot, width === 128 ? 128 : 64, inputs[n]);
      slot += width === 128 ? 16 : 8;
    });
    const status = callHelper(coreOf(machine), implementation);
    if (status === 1) {
      const error = Number(BigInt.asIntN(32, block.get(state.faultError)));
      throw new MachineFault({
        vector: Number(block.get(state.faultVector)),
        error,
        address: block.get(state.faultAddress),
      });
    }
    slot = state.result0.offset;
    const produced = results.map(width => {
      const value = machine.get(slot, width === 128 ? 128 : 64);
      slot += width === 128 ? 16 : 8;
      return BigInt.asUintN(width, value);
    });
    return { status: 0 as const, results: produced };
  };

const implementations = Object.entries({ ...sseHelpers, ...x87Helpers, checkX87, checkSse, fxsave, fxrstor }) as [
  HelperName,
  HelperImplementation,
][];

export const floatUserHelpers: Partial<Record<HelperName, ReturnType<typeof bridge>>> = Object.fromEntries(
  implementations.map(([name, implementation]) => [name, bridge(name, implementation)]),
);
