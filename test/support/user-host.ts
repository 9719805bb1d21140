/** The engines of generated code on the little user-mode machine of the recorded cases (test/oracle/machine.ts). */

import { MachineFault } from '../../core/processor/evaluator/evaluate.ts';
import { type HelperName, helperNames, helpers } from '../../core/processor/ir/helpers.ts';
import { gprOffset, Segment, state } from '../../core/processor/state/layout.ts';
import { Leave, Status } from '../../core/processor/state/leave.ts';
import { CodeSize, mode64, modeOf } from '../../core/processor/state/mode.ts';
import { StateBlock } from '../../core/processor/state/state-block.ts';
import type { Case } from '../oracle/case.ts';
import { codeBase, flatCode, flatData, regions, selectors } from '../oracle/machine.ts';
import { type FlatHelpers, FlatHost, type FlatOptions } from './flat-host.ts';
import { loadFx, saveFx } from './fx-image.ts';
import { userHelpers } from './user-helpers.ts';
import type { Task, UserMachine } from './user-machine.ts';

const pageSize = 0x1000;
const pages = [{ base: codeBase, size: pageSize }, ...Object.values(regions)].flatMap(({ base, size }) =>
  Array.from({ length: size / pageSize }, (_, page) => base / pageSize + page),
);
const longest = 20_000;

const signExtends = (high: number): boolean => high === (high << 16) >> 16;

export class UserHost extends FlatHost {
  readonly block: StateBlock;
  #mode: 32 | 64 = 64;
  readonly #pages = new Map<number, number>();

  constructor(options?: FlatOptions) {
    super(pages.length * pageSize, userHostHelpers(), options);
    this.block = new StateBlock(this.memory.buffer, this.cpu);
    pages.forEach((page, index) => {
      this.#pages.set(page, this.ram + index * pageSize);
    });
  }

  runTask(task: Task): Pick<Case, 'after' | 'memoryAfter' | 'fault'> {
    const before = this.loadTask(task);
    if (this.jit) this.compile();
    const leave = this.runOn(longest);
    const rip = this.block.getBig(state.rip.offset);
    const inside = rip >= BigInt(codeBase) && rip < BigInt(codeBase + task.bytes.length);
    const vector = this.get32(state.faultVector.offset);
    // A trap stands behind its instruction, and a fault elsewhere is only how a case ends.
    const trap = leave === Leave.fault && (vector === 3 || vector === 4) && rip <= BigInt(codeBase + task.bytes.length);
    const address = vector === 14 ? this.get64(state.faultAddress.offset) : 0n;
    const error = Math.max(this.get32(state.faultError.offset), 0);
    const fault = (inside && leave === Leave.fault) || trap ? { vector, error, address } : undefined;
    const gpr = new BigUint64Array(16);
    for (let i = 0; i < 16; i++) gpr[i] = this.block.getBig(gprOffset(i));
    const after = { gpr, rip, rflags: this.flags, fx: saveFx(this.block) };
    return { after, memoryAfter: this.#changes(before), fault };
  }

  loadTask(task: Task): Uint8Array {
    const { block } = this;
    this.bytes.fill(0, this.ram, this.ram + pages.length * pageSize);
    this.physical.written(this.ram, pageSize);
    this.#mode = task.mode;
    // HLT is a fault for the user: where a case ends, it does.
    this.bytes.fill(0xf4, this.ram, this.ram + pageSize);
    for (const { address, bytes } of [{ address: codeBase, bytes: task.bytes }, ...task.memory])
      bytes.forEach((byte, i) => {
        this.bytes[this.locate(address + i, 0) + ((address + i) & 0xfff)] = byte;
      });
    task.before.gpr.forEach((value, i) => {
      block.setBig(gprOffset(i), value);
    });
    block.set(state.rip, task.before.rip);
    this.flags = task.before.rflags;
    this.set32(state.faultVector.offset, -1);
    this.mode = task.mode === 64 ? mode64 : modeOf(CodeSize.bits32, true, false, true);
    block.set(state.context, task.mode === 64 ? 2n : 6n);
    block.set(state.cpl, 3n);
    block.set(state.cr0, 0x8005_0033n);
    block.set(state.cr4, 0x0004_0620n);
    block.set(state.xcr0, 7n);
    const { cs, ss, ds, es } = selectors[task.mode];
    const segments = [
      [Segment.cs, cs],
      [Segment.ss, ss],
      [Segment.ds, ds],
      [Segment.es, es],
    ] as const;
    for (const [segment, selector] of segments) {
      block.setSegment(segment, selector, segment === Segment.cs ? flatCode : flatData, -1, 0, 0);
    }
    loadFx(block, task.before.fx);
    return this.bytes.slice(this.ram, this.ram + pages.length * pageSize);
  }

  #changes(before: Uint8Array): Case['memoryAfter'] {
    const changed: { address: number; bytes: Uint8Array }[] = [];
    pages.forEach((page, index) => {
      for (let i = index * pageSize; i < (index + 1) * pageSize; i++) {
        const byte = this.bytes[this.ram + i];
        if (byte !== before[i]) changed.push({ address: page * pageSize + (i % pageSize), bytes: Uint8Array.of(byte) });
      }
    });
    return changed;
  }

  protected override locate(low: number, high: number): number {
    return high === 0 ? (this.#pages?.get(low >>> 12) ?? 0) : 0;
  }

  protected override accessFault(low: number, high: number, size: number, write: boolean): 0 {
    if (this.#mode === 64 && !signExtends(high)) return this.fault(size & 0x100 ? 12 : 13, 0);
    return this.pageFault(low, high, write ? 6 : 4);
  }

  /** What helpers written for UserMachine ask of it. */
  get(offset: number, width: number): bigint {
    let value = 0n;
    for (let i = 0; i < width / 8; i++) value |= BigInt(this.block.u8[offset + i]) << BigInt(i * 8);
    return value;
  }
  set(offset: number, width: number, value: bigint): void {
    for (let i = 0; i < width / 8; i++) this.block.u8[offset + i] = Number((value >> BigInt(i * 8)) & 0xffn);
  }
  read(linear: bigint, bytes: number): bigint {
    let value = 0n;
    for (let i = 0; i < bytes; i++) value |= BigInt(this.bytes[this.#byte(linear, i, false)]) << BigInt(i * 8);
    return value;
  }
  write(linear: bigint, bytes: number, value: bigint): void {
    this.probeWrite(linear, bytes);
    for (let i = 0; i < bytes; i++) this.bytes[this.#byte(linear, i, true)] = Number((value >> BigInt(i * 8)) & 0xffn);
  }
  probeWrite(linear: bigint, bytes: number): void {
    for (let i = 0; i < bytes; i++) this.#byte(linear, i, true);
  }
  #byte(linear: bigint, plus: number, write: boolean): number {
    const at = linear + BigInt(plus);
    if (BigInt.asUintN(64, BigInt.asIntN(48, at)) !== at) throw new MachineFault({ vector: 13, error: 0 });
    const address = Number(at);
    const page = address < 2 ** 32 ? this.locate(address, 0) : 0;
    if (page === 0) throw new MachineFault({ vector: 14, error: write ? 6 : 4, address: BigInt.asUintN(64, at) });
    return page + (address & 0xfff);
  }
}

/** The helpers of the evaluator's user machine, over this host. */
function userHostHelpers(): FlatHelpers {
  return Object.fromEntries(
    helperNames.map((name: HelperName) => [
      name,
      (host: FlatHost) => {
        const user = host as UserHost;
        const implementation = userHelpers[name];
        if (!implementation) throw new Error(`the user machine has no helper ${name}`);
        let slot = state.argument0.offset;
        const inputs = helpers[name].inputs.map(width => {
          const value = user.get(slot, Math.max(width, 8));
          slot += width === 128 ? 16 : 8;
          return value;
        });
        try {
          const { status, results } = implementation(user as unknown as UserMachine, inputs);
          results.forEach((value, index) => {
            user.set64(state.result0.offset + index * 8, value);
          });
          return status;
        } catch (error) {
          if (!(error instanceof MachineFault)) throw error;
          const { fault } = error;
          user.fault(fault.vector, fault.error);
          user.set64(state.faultAddress.offset, fault.address ?? 0n);
          return Status.fault;
        }
      },
    ]),
  );
}
