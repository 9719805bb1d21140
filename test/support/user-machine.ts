/**
 * The little user-mode machine of the recorded cases (test/oracle/machine.ts), for the evaluator: a state block and a few pages of memory.
 * Faults are as a user program sees them.
 */

import { type EvaluationMachine, MachineFault } from '../../core/processor/evaluator/evaluate.ts';
import type { HelperName } from '../../core/processor/ir/helpers.ts';
import { gprOffset, Segment, state } from '../../core/processor/state/layout.ts';
import type { Status } from '../../core/processor/state/leave.ts';
import { CodeSize, mode64, modeOf } from '../../core/processor/state/mode.ts';
import { StateBlock } from '../../core/processor/state/state-block.ts';
import type { Case, Fault, Patch } from '../oracle/case.ts';
import { codeBase, flatCode, flatData, regions, selectors } from '../oracle/machine.ts';
import { loadFx, saveFx } from './fx-image.ts';
import { userHelpers } from './user-helpers.ts';

/** What of a recorded case a run needs; the processor is AMD's unless the case says otherwise. */
export type Task = Pick<Case, 'bytes' | 'mode' | 'before' | 'memory'> & Partial<Pick<Case, 'vendor'>>;

const arithmetic = 0x8d5;
const pageSize = 0x1000;

export class UserMachine implements EvaluationMachine {
  readonly block = StateBlock.detached();
  readonly #pages = new Map<bigint, Uint8Array>();
  readonly #written = new Set<bigint>();

  constructor(readonly task: Task) {
    const { block } = this;
    const code = { base: codeBase, size: pageSize };
    for (const { base, size } of [...Object.values(regions), code]) {
      for (let at = base; at < base + size; at += pageSize)
        this.#pages.set(BigInt(at / pageSize), new Uint8Array(pageSize));
    }
    for (const patch of [{ address: codeBase, bytes: task.bytes }, ...task.memory]) this.#patch(patch);
    task.before.gpr.forEach((value, i) => {
      block.setBig(gprOffset(i), value);
    });
    block.set(state.rip, task.before.rip);
    this.#loadFlags(task.before.rflags);
    block.set(state.mode, BigInt(task.mode === 64 ? mode64 : modeOf(CodeSize.bits32, true, false, true)));
    block.set(state.cpl, 3n);
    block.set(state.cr0, 0x8005_0033n);
    block.set(state.cr4, 0x0004_0620n);
    block.set(state.xcr0, 7n);
    const { cs, ss, ds, es } = selectors[task.mode];
    for (const [segment, selector] of [
      [Segment.cs, cs],
      [Segment.ss, ss],
      [Segment.ds, ds],
      [Segment.es, es],
    ] as const) {
      block.setSegment(segment, selector, segment === Segment.cs ? flatCode : flatData, -1, 0, 0);
    }
    loadFx(block, task.before.fx);
  }

  get rip(): bigint {
    return this.block.get(state.rip);
  }

  get rflags(): number {
    const { block } = this;
    const result = block.get(state.flagResult);
    const bits = Number(block.get(state.flagBits));
    const ones = (
      Number(result & 0xffn)
        .toString(2)
        .match(/1/g) ?? []
    ).length;
    const pf = (ones % 2 === 0 ? 4 : 0) ^ (bits & 4);
    const sf = (result >> 63n ? 0x80 : 0) ^ (bits & 0x80);
    return (bits & 0x811) | pf | sf | (result === 0n ? 0x40 : 0) | Number(block.get(state.flagSystem)) | 2;
  }

  #loadFlags(rflags: number): void {
    const zero = rflags & 0x40;
    // 0 has even parity and no sign; 1 has neither.
    const bits = (rflags & 0x811) | (rflags & 0x80) | ((rflags & 4) ^ (zero ? 4 : 0));
    this.block.set(state.flagResult, zero ? 0n : 1n);
    this.block.set(state.flagBits, BigInt(bits));
    this.block.set(state.flagSystem, BigInt(rflags & ~arithmetic & ~2));
  }

  /** As the recorder saw it. */
  outcome(fault: Fault | undefined): Pick<Case, 'after' | 'memoryAfter' | 'fault'> {
    const gpr = new BigUint64Array(16);
    for (let i = 0; i < 16; i++) gpr[i] = this.block.getBig(gprOffset(i));
    const after = { gpr, rip: this.rip, rflags: this.rflags, fx: saveFx(this.block) };
    const memoryAfter = [...this.#written].map(at => ({ address: Number(at), bytes: Uint8Array.of(this.#byte(at)) }));
    return { after, memoryAfter, fault };
  }

  code(address: bigint): Uint8Array {
    const bytes: number[] = [];
    for (let i = 0n; i < 15n && this.#page(address + i); i++) bytes.push(this.#byte(address + i));
    return Uint8Array.from(bytes);
  }

  get(offset: number, width: number): bigint {
    const { view } = this.block;
    let value = 0n;
    for (let i = 0; i < Math.ceil(width / 8); i++) value |= BigInt(view.getUint8(offset + i)) << BigInt(i * 8);
    return value;
  }

  set(offset: number, width: number, value: bigint): void {
    const { view } = this.block;
    for (let i = 0; i < width / 8; i++) view.setUint8(offset + i, Number((value >> BigInt(i * 8)) & 0xffn));
  }

  read(linear: bigint, bytes: number, segment: number): bigint {
    this.#check(linear, bytes, segment, false);
    let value = 0n;
    for (let i = 0; i < bytes; i++) value |= BigInt(this.#byte(this.#wrap(linear + BigInt(i)))) << BigInt(i * 8);
    return value;
  }

  write(linear: bigint, bytes: number, value: bigint, segment: number): void {
    this.#check(linear, bytes, segment, true);
    for (let i = 0; i < bytes; i++) {
      const at = this.#wrap(linear + BigInt(i));
      this.#page(at)![Number(at) % pageSize] = Number((value >> BigInt(i * 8)) & 0xffn);
      this.#written.add(at);
    }
  }

  probeWrite(linear: bigint, bytes: number, segment: number): void {
    this.#check(linear, bytes, segment, true);
  }

  probeRead(linear: bigint, bytes: number, segment: number): void {
    this.#check(linear, bytes, segment, false);
  }

  call(helper: HelperName, inputs: readonly bigint[]): { status: Status; results: readonly bigint[] } {
    const implementation = userHelpers[helper];
    if (!implementation) throw new Error(`the user machine has no helper ${helper}`);
    return implementation(this, inputs);
  }

  #patch({ address, bytes }: Patch): void {
    bytes.forEach((byte, i) => {
      // What lies outside of the mapped pages was there for nobody.
      const page = this.#page(BigInt(address + i));
      if (page) page[(address + i) % pageSize] = byte;
    });
  }

  #wrap(address: bigint): bigint {
    return this.task.mode === 32 ? BigInt.asUintN(32, address) : BigInt.asUintN(64, address);
  }

  #page(address: bigint): Uint8Array | undefined {
    return this.#pages.get(address / BigInt(pageSize));
  }

  #byte(address: bigint): number {
    return this.#page(address)![Number(address % BigInt(pageSize))];
  }

  #check(linear: bigint, bytes: number, segment: number, write: boolean): void {
    const last = this.#wrap(linear + BigInt(bytes - 1));
    const canonical = (address: bigint) => BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;
    if (this.task.mode === 64 && !(canonical(linear) && canonical(last)))
      throw new MachineFault({ vector: segment === Segment.ss ? 12 : 13, error: 0 });
    for (const address of [linear, last])
      if (!this.#page(address)) {
        const at = address === linear ? linear : address - (address % BigInt(pageSize));
        throw new MachineFault({ vector: 14, error: write ? 6 : 4, address: at });
      }
  }
}
