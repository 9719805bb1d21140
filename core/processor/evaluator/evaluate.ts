/**
 * Performs one instruction here and now, over a machine that is nothing but registers and memory. Slow and obviously right:
 * the oracle of the tests, and how an accelerator finishes the one instruction that touched MMIO.
 */

import type { Decoded } from '../decode/decoded.ts';
import type { Address, Alignment, Effect, FlagUpdate, Place, Program } from '../ir/effect.ts';
import { composeFlags, readFlag } from '../ir/flag-state.ts';
import type { HelperName } from '../ir/helpers.ts';
import { compute } from '../ir/operations.ts';
import type { Routine } from '../ir/routine.ts';
import { type FlagName, flagNames, type Value } from '../ir/value.ts';
import { allValues } from '../ir/visit.ts';
import {
  type ArrayField,
  type Field,
  gprOffset,
  Segment,
  segmentBase,
  segmentSelector,
  state,
  ymmHighDistance,
} from '../state/layout.ts';
import type { Status } from '../state/leave.ts';
import { is64 } from '../state/mode.ts';
import { evaluateRoutine } from './evaluate-routine.ts';
import { evaluateVector } from './evaluate-vector.ts';

/** Something that keeps the instruction from happening. */
export interface Fault {
  readonly vector: number;
  /** -1: none. */
  readonly error: number;
  /** Linear address of a page fault. */
  readonly address?: bigint;
}

/** What `evaluate` works on. Memory functions throw `MachineFault` to abort. */
export interface EvaluationMachine {
  /** A field of the state block, zero-extended. Widths up to 128. */
  get(offset: number, width: number): bigint;
  set(offset: number, width: number, value: bigint): void;
  /** Little-endian; the address is linear. `segment` is for the choice between #SS and #GP. */
  read(linear: bigint, bytes: number, segment: number): bigint;
  write(linear: bigint, bytes: number, value: bigint, segment: number): void;
  /** Throws if these bytes cannot be written, or read; moves none. */
  probeWrite(linear: bigint, bytes: number, segment: number): void;
  probeRead(linear: bigint, bytes: number, segment: number): void;
  /** Inputs and results as the helper's row says. state.rip and state.nextRip are set. */
  call(helper: HelperName, inputs: readonly bigint[]): { status: Status; results: readonly bigint[] };
}

export class MachineFault extends Error {
  constructor(readonly fault: Fault) {
    super(`fault ${fault.vector}`);
  }
}

export type Evaluation =
  /** Completed; state.rip is past the instruction, or where it jumped. */
  | 'done'
  | 'jumped'
  /** One iteration of REP; state.rip is unchanged. */
  | 'again'
  /** A helper ended it: state.rip is the helper's. */
  | 'transferred'
  | 'left'
  /** A helper refused; nothing happened. */
  | 'exit'
  | { readonly fault: Fault };

export function evaluate(program: Program, decoded: Decoded, machine: EvaluationMachine): Evaluation {
  try {
    return new Run(program, decoded, machine).perform();
  } catch (error) {
    if (error instanceof MachineFault) return { fault: error.fault };
    throw error;
  }
}

/** Whether the program would jump if nothing stopped it before. Nothing is changed. */
export function wouldJump(program: Program, decoded: Decoded, machine: EvaluationMachine): boolean {
  return new Run(program, decoded, machine).jumps();
}

const leafOperations = new Set([
  'register',
  'upper',
  'state',
  'element',
  'flag',
  'immediate',
  'offset',
  'number',
  'scale',
  'segment',
  'stackBased',
  'rip',
  'nextRip',
]);
const generalProtection = (): never => {
  throw new MachineFault({ vector: 13, error: 0 });
};

class Run {
  readonly #values = new Map<Value, bigint>();
  readonly #rip: bigint;
  readonly #nextRip: bigint;
  readonly #code64: boolean;

  constructor(
    readonly program: Program,
    readonly decoded: Decoded,
    readonly machine: EvaluationMachine,
  ) {
    this.#code64 = is64(Number(this.#field(state.mode)));
    this.#rip = this.#field(state.rip);
    this.#nextRip = BigInt.asUintN(this.#code64 ? 64 : 32, this.#rip + BigInt(decoded.length));
  }

  perform(): Evaluation {
    // Leaves mean what they held before the instruction, so they are all read first.
    for (const value of allValues(this.program)) if (leafOperations.has(value.operation)) this.#evaluate(value);
    this.#setField(state.nextRip, this.#nextRip);
    for (const effect of this.program.effects) {
      const outcome = this.#apply(effect);
      if (outcome) return outcome;
    }
    this.#setField(state.rip, this.#nextRip);
    return 'done';
  }

  jumps(): boolean {
    return this.program.effects.some(
      effect => effect.kind === 'jump' && (!effect.when || this.#evaluate(effect.when) !== 0n),
    );
  }

  #apply(effect: Effect): Evaluation | undefined {
    if ('when' in effect && effect.when && this.#evaluate(effect.when) === 0n) return undefined;
    switch (effect.kind) {
      case 'load':
        this.#load(effect);
        return undefined;
      case 'store': {
        const { linear, segment } = this.#locate(effect.address, effect.aligned);
        const value = this.#evaluate(effect.value);
        if (effect.high) this.machine.write(linear, 32, (this.#evaluate(effect.high) << 128n) | value, segment);
        else this.machine.write(linear, effect.value.width / 8, value, segment);
        return undefined;
      }
      case 'update': {
        const { linear, segment } = this.#locate(effect.address, effect.aligned);
        const bytes = effect.before.width / 8;
        this.machine.probeWrite(linear, bytes, segment);
        this.#values.set(effect.before, this.machine.read(linear, bytes, segment));
        this.machine.write(linear, bytes, this.#evaluate(effect.after), segment);
        return undefined;
      }
      case 'probe': {
        const { linear, segment } = this.#locate(effect.address);
        if (effect.access === 'read') this.machine.probeRead(linear, effect.width / 8, segment);
        else this.machine.probeWrite(linear, effect.width / 8, segment);
        return undefined;
      }
      case 'set':
        this.#set(effect.place, this.#evaluate(effect.value));
        return undefined;
      case 'flags':
        this.#setFlags(effect.flags);
        return undefined;
      case 'jump':
        this.#setField(state.rip, this.#evaluate(effect.target));
        return 'jumped';
      case 'raise':
        return { fault: { vector: effect.vector, error: effect.error } };
      case 'call':
        return this.#call(effect.helper, effect.inputs, effect.results);
      case 'finish':
        this.#setField(state.rip, this.#nextRip);
        return 'done';
      case 'again':
        return 'again';
      case 'window':
      case 'bulk':
        return undefined;
    }
  }

  #call(helper: HelperName, inputs: readonly Value[], results: readonly Value[]): Evaluation | undefined {
    const answer = this.machine.call(
      helper,
      inputs.map(input => this.#evaluate(input)),
    );
    results.forEach((result, n) => {
      this.#values.set(result, BigInt.asUintN(result.width, answer.results[n] ?? 0n));
    });
    return outcomes[answer.status]?.(this);
  }

  /** The fault that a helper left in the state block. */
  faulted(): Evaluation {
    return {
      fault: {
        vector: Number(this.#field(state.faultVector)),
        error: Number(BigInt.asIntN(32, this.#field(state.faultError))),
        address: this.#field(state.faultAddress),
      },
    };
  }

  #evaluate(value: Value): bigint {
    const known = this.#values.get(value);
    if (known !== undefined) return known;
    const computed = BigInt.asUintN(value.width, this.#compute(value));
    this.#values.set(value, computed);
    return computed;
  }

  #compute(value: Value): bigint {
    const { decoded } = this;
    const operand = value.detail as number;
    switch (value.operation) {
      case 'constant':
        return value.detail as bigint;
      case 'register':
        return this.machine.get(this.#registerOffset(operand), value.width);
      case 'upper':
        return this.machine.get(this.#registerOffset(operand) + ymmHighDistance, value.width);
      case 'state':
        return this.machine.get(operand, value.width);
      case 'element':
        return this.machine.get(this.#elementOffset(value.detail as ArrayField, value.inputs[0]), value.width);
      case 'immediate':
        return this.#immediate(operand);
      case 'offset':
        return this.#offset();
      case 'number':
        return BigInt(decoded.registers[operand]);
      case 'scale':
        return BigInt(decoded.scale);
      case 'segment':
        return BigInt(decoded.segment);
      case 'stackBased':
        return decoded.base === gprOffset(4) ? 1n : 0n;
      case 'flag':
        return readFlag(value.detail as FlagName, this.#field(state.flagResult), this.#field(state.flagBits));
      case 'rip':
        return this.#rip;
      case 'nextRip':
        return this.#nextRip;
      case 'result':
        throw new Error('a result is used before the effect that makes it');
      case 'vector':
        return evaluateVector(
          value,
          value.inputs.map(input => this.#evaluate(input)),
        );
      case 'routine':
        return evaluateRoutine(
          value.detail as Routine,
          value.inputs.map(input => this.#evaluate(input)),
        );
      case 'select':
      case 'branch':
        return this.#evaluate(this.#evaluate(value.inputs[0]) ? value.inputs[1] : value.inputs[2]);
      default:
        return compute(
          value,
          value.inputs.map(input => this.#evaluate(input)),
        );
    }
  }

  /** Where a register operand is: registers by their slot, selectors by their segment's number. */
  #registerOffset(operand: number): number {
    const slot = this.decoded.registers[operand];
    return this.decoded.form!.operands[operand].kind === 'segment' ? segmentSelector(slot).offset : slot;
  }

  #elementOffset({ offset, stride }: ArrayField, index: Value): number {
    return offset + stride * Number(this.#evaluate(index));
  }

  #immediate(operand: number): bigint {
    const { decoded } = this;
    const { operands } = decoded.form!;
    if (operands[operand].kind === 'relative') {
      return this.#nextRip + join(decoded.immediateLow, decoded.immediateHigh);
    }
    const first = operands.findIndex(({ kind }) => kind === 'immediate');
    return operand === first
      ? join(decoded.immediateLow, decoded.immediateHigh)
      : join(decoded.displacementLow, decoded.displacementHigh);
  }

  /** Effective address of the memory operand, cut to the address size. */
  #offset(plus = 0n): bigint {
    const { decoded } = this;
    const base = decoded.ripRelative ? this.#nextRip : this.machine.get(decoded.base, 64);
    const index = this.machine.get(decoded.index, 64) << BigInt(decoded.scale);
    const sum = base + index + join(decoded.displacementLow, decoded.displacementHigh) + plus;
    return BigInt.asUintN(decoded.addressWidth, sum);
  }

  #locate(address: Address, aligned?: Alignment): { linear: bigint; segment: number } {
    const { decoded } = this;
    const operand = address.kind === 'operand';
    const segment = operand || address.segment === 'source' ? decoded.segment : address.segment;
    const offset = operand
      ? this.#offset(address.plus ? this.#evaluate(address.plus) : 0n)
      : this.#evaluate(address.offset);
    const based = !this.#code64 || segment === Segment.fs || segment === Segment.gs;
    const base = based ? this.#field(segmentBase(segment)) : 0n;
    const linear = BigInt.asUintN(this.#code64 ? 64 : 32, base + offset);
    if (aligned && linear % BigInt(aligned) !== 0n) generalProtection();
    return { linear, segment };
  }

  #load({ address, result, high, aligned }: Extract<Effect, { kind: 'load' }>): void {
    const { linear, segment } = this.#locate(address, aligned);
    const whole = this.machine.read(linear, high ? 32 : result.width / 8, segment);
    this.#values.set(result, BigInt.asUintN(result.width, whole));
    if (high) this.#values.set(high, whole >> 128n);
  }

  #set(place: Place, value: bigint): void {
    if (place.kind === 'element') {
      this.machine.set(this.#elementOffset(place.array, place.index), place.width, value);
      return;
    }
    const offset =
      place.kind === 'state' ? place.offset : this.#registerOffset(place.operand) + (place.upper ? ymmHighDistance : 0);
    const widened = place.file === 'general' && place.width === 32;
    this.machine.set(offset, widened ? 64 : place.width, value);
  }

  #setFlags(flags: FlagUpdate): void {
    const before = { result: this.#field(state.flagResult), bits: this.#field(state.flagBits) };
    const result = flags.result && { value: this.#evaluate(flags.result), width: flags.result.width };
    const single: Partial<Record<FlagName, bigint>> = {};
    for (const name of flagNames) if (flags[name]) single[name] = this.#evaluate(flags[name]);
    const after = composeFlags(before, result, single);
    this.#setField(state.flagResult, after.result);
    this.#setField(state.flagBits, after.bits);
  }

  #field({ offset, width }: Field): bigint {
    return this.machine.get(offset, width);
  }

  #setField({ offset, width }: Field, value: bigint): void {
    this.machine.set(offset, width, value);
  }
}

const join = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);

/** By Status (core/processor/state/leave.ts). */
const outcomes: readonly ((run: Run) => Evaluation | undefined)[] = [
  () => undefined,
  run => run.faulted(),
  () => 'transferred',
  () => 'left',
  () => 'exit',
];
