/**
 * The VEX form of an instruction (SDM vol. 2, section 2.3), from semantics that speak of 128 bits. They run once for each 128 bits of the vector, and
 * what they write is kept until all lanes have read what they need. Then vector registers are written as a whole: above the vector they become zero.
 */
import type { HelperName } from '../ir/helpers.ts';
import { constant, leaf, type Value, type Width, yes, zero } from '../ir/value.ts';
import type { Form } from './form.ts';
import { MemoryOperand } from './memory-operand.ts';
import type { Operand } from './operand.ts';
import type { Tracer } from './tracer.ts';
import { VectorCode } from './vector/operations.ts';
import { VexOperand } from './vex-operand.ts';

/** What a helper does in place of plain effects. */
export interface VectorHelp {
  readonly helper: HelperName;
  /** The same for vectors of 256 bits: the upper halves of `inputs` follow. */
  readonly wide?: HelperName;
  readonly inputs: readonly Value[];
  readonly target: Operand;
  readonly code: Value;
  /** Where plain effects are as good; none: nowhere. */
  readonly plain?: Value;
}

export class VexRun {
  readonly form: Form;
  readonly bases: readonly Operand[];
  /** Which 128 bits semantics speak of. */
  lane = 0;
  readonly #loads = new Map<number, readonly Value[]>();
  readonly #writes = new Map<number, Value[]>();
  readonly #help: VectorHelp[] = [];

  constructor(readonly cpu: Tracer) {
    this.form = cpu.form;
    this.bases = cpu.operands();
    cpu.vex = this;
  }

  perform(): void {
    const { instruction, lanes } = this.form;
    const count = instruction.whole ? 1 : lanes;
    for (let lane = 0; lane < count; lane++) {
      this.lane = lane;
      instruction.semantics(this.cpu, ...this.operands(lane));
    }
    this.#settleHelp();
    this.#commit();
  }

  operands(lane: number): Operand[] {
    const { operands, merges } = this.form;
    const all = operands.map((_, n) => new VexOperand(this, n, n, lane));
    return merges ? [new VexOperand(this, 0, 1, lane), ...all.slice(2)] : all;
  }

  /** A lane of a vector operand. */
  read(operand: number, lane: number): Value {
    const form = this.form.operands[operand];
    if (this.form.lanes === 1 || form.lane === 0) return this.#once(operand)[0];
    if (form.width === 256) {
      if (form.kind === 'memory') return this.#once(operand)[lane];
      return leaf(lane ? 'upper' : 'register', 128, operand);
    }
    const [whole] = this.#once(operand) as [Value];
    if (form.width === 128) return lane ? whole.high64() : whole.low64();
    return (lane ? whole.shr(form.lane) : whole).truncate(form.lane);
  }

  /** 128 bits of a register. */
  whole(operand: number): Value {
    return leaf('register', 128, operand);
  }

  write(operand: number, lane: number, value: Value): void {
    const kept = this.#writes.get(operand) ?? [];
    kept[lane] = value;
    this.#writes.set(operand, kept);
  }

  /** See `helpUnless` of vector/float-guard.ts. */
  help(help: VectorHelp): void {
    this.#help.push(help);
    if (this.form.lanes === 1) this.#settleHelp();
  }

  /** Memory is read once, whichever lanes ask. */
  #once(operand: number): readonly Value[] {
    const base = this.bases[operand];
    if (!(base instanceof MemoryOperand)) return [base.read()];
    let known = this.#loads.get(operand);
    if (!known) {
      known = this.form.operands[operand].width === 256 ? base.readPair() : [base.read()];
      this.#loads.set(operand, known);
    }
    return known;
  }

  /** One call for all lanes: an exception in one of them keeps all from being written. */
  #settleHelp(): void {
    const [first] = this.#help;
    if (!first) return;
    const wide = this.#help.length > 1;
    const bits = (first.target.form?.kind === 'xmm' ? VectorCode.vex : 0) | (wide ? VectorCode.wide : 0);
    const code = bits ? first.code.or(constant(32, bits)) : first.code;
    const lanes = this.#help.map(({ inputs }) => inputs.map(input => input.zeroExtend(128)));
    const [low, ...high] = lanes as [Value[], ...Value[][]];
    const inputs = [low[0], low[1], first.target.number(), code, ...low.slice(2), ...high.flat()];
    const helper = wide ? first.wide! : first.helper;
    const plain = this.#help.reduce<Value | undefined>((all, { plain: one }) => one && all?.and(one), yes);
    this.#help.length = 0;
    if (plain) {
      const hard = plain.xor(yes);
      this.cpu.callIf(hard, helper, ...inputs);
      this.cpu.finish(hard);
    } else this.cpu.call(helper, ...inputs);
  }

  #commit(): void {
    const { operands } = this.form;
    const written = [...this.#writes].sort(([a], [b]) => rank(operands[a].kind) - rank(operands[b].kind));
    for (const [operand, values] of written) {
      if (operands[operand].kind === 'memory') this.#store(operand, values);
      else this.#writeRegister(operand, values);
    }
  }

  #store(operand: number, [low, high]: readonly Value[]): void {
    const base = this.bases[operand] as MemoryOperand;
    if (!high) base.write(low!);
    else if (this.form.operands[operand].width === 256) base.writePair(low!, high);
    else base.write(joined(low!, high));
  }

  #writeRegister(operand: number, [low, high]: readonly Value[]): void {
    const { cpu, form } = this;
    if (high && form.operands[operand].width === 256) {
      cpu.setRegister(operand, low!);
      cpu.setRegister(operand, high, true);
      return;
    }
    const value = high ? joined(low!, high) : low!;
    if (value.width < 128 && form.merges) cpu.setRegister(operand, leaf('register', 128, 1));
    cpu.setRegister(operand, value);
    cpu.setRegister(operand, zero(128), true);
  }
}

const rank = (kind: string): number => (kind === 'memory' ? 0 : 1);

/** Two lanes of an operand that has less than the vector's bits. */
function joined(low: Value, high: Value): Value {
  if (low.width === 64) return low.join(high);
  const width = (low.width * 2) as Width;
  return low.zeroExtend(width).or(high.zeroExtend(width).shl(low.width));
}
