/** One instruction at CPL 0 on the evaluator, in any mode; what it asks of helpers is written down, and answered as told. */
import { Decoded } from '../../core/processor/decode/decoded.ts';
import { allDecodeFeatures, decode } from '../../core/processor/decode/decoder.ts';
import { type Evaluation, evaluate } from '../../core/processor/evaluator/evaluate.ts';
import type { HelperName } from '../../core/processor/ir/helpers.ts';
import { trace } from '../../core/processor/isa/trace.ts';
import { gprOffset, state } from '../../core/processor/state/layout.ts';
import { mode64 } from '../../core/processor/state/mode.ts';
import { codeBase, initialFx } from '../oracle/machine.ts';
import { UserMachine } from './user-machine.ts';

type Answer = { status: 0 | 1 | 2 | 3 | 4; results: readonly bigint[] };

export class Supervisor extends UserMachine {
  readonly calls: [HelperName, ...bigint[]][] = [];

  constructor(
    readonly hex: string,
    readonly answers: Partial<Record<HelperName, Partial<Answer>>> = {},
    readonly mode = mode64,
  ) {
    const bytes = Uint8Array.from(hex.split(' '), byte => Number.parseInt(byte, 16));
    const before = { gpr: new BigUint64Array(16), rip: BigInt(codeBase), rflags: 0x202, fx: initialFx() };
    super({ bytes, mode: mode === mode64 ? 64 : 32, before, memory: [] });
    this.block.set(state.mode, BigInt(mode));
    this.block.set(state.cpl, 0n);
  }

  override call(helper: HelperName, inputs: readonly bigint[]): Answer {
    this.calls.push([helper, ...inputs]);
    const { status = 0, results = [] } = this.answers[helper] ?? {};
    return { status, results };
  }

  gpr(index: number): bigint {
    return this.block.getBig(gprOffset(index));
  }

  run(): Evaluation {
    const decoded = new Decoded();
    const source = { length: this.task.bytes.length, at: (index: number) => this.task.bytes[index] };
    decode(source, this.mode, allDecodeFeatures, decoded);
    return evaluate(trace(decoded.form!), decoded, this);
  }
}
