/**
 * Executes one instruction of a guest outside of generated code: the one that touched MMIO, or whose memory only somebody else can
 * reach. The same rows, decoder and semantics as everywhere; only memory is the caller's.
 */

import { type ByteSource, Decoded } from '../../decode/decoded.ts';
import { decode, decodeFeatures } from '../../decode/decoder.ts';
import { type Evaluation, type EvaluationMachine, evaluate, wouldJump } from '../../evaluator/evaluate.ts';
import type { HelperName } from '../../ir/helpers.ts';
import { helpers as helperRows } from '../../ir/helpers.ts';
import { programOf } from '../../isa/programs.ts';
import { state as layout } from '../../state/layout.ts';
import type { StateBlock } from '../../state/state-block.ts';
import { Branch, kindOfBranch } from '../branches.ts';
import { type CpuCore, callHelper, type HelperImplementation } from '../core.ts';

/**
 * Memory of the assisted instruction, by linear address. Throws `MachineFault` (core/processor/evaluator/evaluate.ts) for what the guest may not do.
 * `implicit`: the processor's own access, to a descriptor or a supervisor's stack, whatever CPL is; where there is no memory it reads all
 * ones, and writes are lost.
 */
export interface AssistMemory {
  read(linear: bigint, bytes: number, segment: number, implicit?: boolean): bigint;
  write(linear: bigint, bytes: number, value: bigint, segment: number, implicit?: boolean): void;
  /** Whether these bytes can be written, or read. No byte moves: a device does not notice. */
  probeWrite(linear: bigint, bytes: number, segment: number, implicit?: boolean): void;
  probeRead(linear: bigint, bytes: number, segment: number, implicit?: boolean): void;
}

const nothing = { form: undefined };

export class InstructionAssist implements EvaluationMachine {
  readonly #decoded = new Decoded();
  readonly #features: Uint8Array;
  readonly #state: StateBlock;

  constructor(
    private readonly core: CpuCore,
    private readonly memory: AssistMemory,
    private readonly implementations: Readonly<Record<HelperName, HelperImplementation>>,
  ) {
    this.#features = decodeFeatures(core.model.features);
    this.#state = core.state;
  }

  /** The instruction at state.rip, whose bytes these are. #UD where they are none; a `left` or `exit` is nothing an assist can finish. */
  perform(source: ByteSource): Evaluation {
    const decoded = this.#decoded;
    const length = decode(source, this.#state.mode, this.#features, decoded);
    if (length <= 0 || !decoded.form)
      return { fault: { vector: length === 0 ? 13 : decoded.fault, error: length === 0 ? 0 : -1 } };
    return evaluate(programOf(decoded.form), decoded, this);
  }

  /** What kind of branch (branches.ts) the instruction at state.rip takes if nothing stops it. */
  foresee(source: ByteSource): number {
    const decoded = this.#decoded;
    const { form } = decode(source, this.#state.mode, this.#features, decoded) > 0 ? decoded : nothing;
    if (!form?.instruction.branch) return Branch.none;
    const taken = form.instruction.branch !== 'conditional' || wouldJump(programOf(form), decoded, this);
    return taken ? kindOfBranch(form) : Branch.none;
  }

  get(offset: number, width: number): bigint {
    const { view } = this.#state;
    if (width === 128) return view.getBigUint64(offset, true) | (view.getBigUint64(offset + 8, true) << 64n);
    if (width === 64) return view.getBigUint64(offset, true);
    if (width === 32) return BigInt(view.getUint32(offset, true));
    return BigInt(width === 16 ? view.getUint16(offset, true) : view.getUint8(offset));
  }

  set(offset: number, width: number, value: bigint): void {
    const { view } = this.#state;
    if (width === 128) {
      view.setBigUint64(offset, BigInt.asUintN(64, value), true);
      view.setBigUint64(offset + 8, value >> 64n, true);
    } else if (width === 64) view.setBigUint64(offset, value, true);
    else if (width === 32) view.setUint32(offset, Number(BigInt.asUintN(32, value)), true);
    else if (width === 16) view.setUint16(offset, Number(BigInt.asUintN(16, value)), true);
    else view.setUint8(offset, Number(BigInt.asUintN(8, value)));
  }

  read(linear: bigint, bytes: number, segment: number): bigint {
    return this.memory.read(linear, bytes, segment);
  }
  write(linear: bigint, bytes: number, value: bigint, segment: number): void {
    this.memory.write(linear, bytes, value, segment);
  }
  probeWrite(linear: bigint, bytes: number, segment: number): void {
    this.memory.probeWrite(linear, bytes, segment);
  }
  probeRead(linear: bigint, bytes: number, segment: number): void {
    this.memory.probeRead(linear, bytes, segment);
  }

  call(helper: HelperName, inputs: readonly bigint[]) {
    const row = helperRows[helper] as { inputs: readonly number[]; results: readonly number[] };
    let slot = layout.argument0.offset;
    inputs.forEach((input, n) => {
      const wide = row.inputs[n] === 128;
      this.set(slot, wide ? 128 : 64, input);
      slot += wide ? 16 : 8;
    });
    const status = callHelper(this.core, this.implementations[helper]);
    let from = layout.result0.offset;
    const results = row.results.map(width => {
      const value = this.get(from, width === 128 ? 128 : 64);
      from += width === 128 ? 16 : 8;
      return BigInt.asUintN(width, value);
    });
    return { status, results };
  }
}
