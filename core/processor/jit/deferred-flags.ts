/**
 * Flag updates that are not computed before someone asks: per flag the value that it is to have, with the locals that the value reads.
 * Most are overwritten unseen. A comparison that is followed by a condition becomes that comparison.
 */
import type { FlagUpdate } from '../ir/effect.ts';
import { type FlagName, Value } from '../ir/value.ts';
import { flagFlips, flagPosition, storedFlags } from '../state/lazy-flags.ts';
import { Flag } from '../state/registers.ts';
import { isLeaf } from '../wasm/carrier.ts';
import type { Target } from '../wasm/target.ts';
import type { ValueWriter } from '../wasm/values.ts';

interface Entry {
  readonly value: Value;
  readonly writer: ValueWriter;
}

type Name = 'result' | (typeof storedFlags)[number];

const isFlag = (value: Value | undefined, name: FlagName): boolean =>
  value?.operation === 'flag' && value.detail === name;
const isPair = (value: Value, operation: 'or' | 'xor', test: (a: Value, b: Value) => boolean): boolean => {
  const [a, b] = value.inputs as [Value, Value];
  return value.operation === operation && (test(a, b) || test(b, a));
};
const isSignXorOverflow = (value: Value): boolean => isPair(value, 'xor', (a, b) => isFlag(a, 'sf') && isFlag(b, 'of'));

export class DeferredFlags {
  readonly #entries = new Map<Name, Entry>();
  readonly #writers = new Set<ValueWriter>();

  constructor(private readonly target: Target) {}

  get pending(): boolean {
    return this.#entries.size > 0;
  }

  defer(flags: FlagUpdate, writer: ValueWriter): boolean {
    if (flags.zf || flags.sf || flags.pf) return false;
    const seen = new Set<Value>();
    for (const value of Object.values(flags)) if (value) keepLeaves(value, writer, seen);
    for (const name of ['result', ...storedFlags] as const) {
      const value = flags[name];
      if (value) this.#entries.set(name, { value, writer });
    }
    this.#writers.add(writer);
    return true;
  }

  holds(writer: ValueWriter): boolean {
    return this.#writers.has(writer);
  }

  /** Computes everything into the target's flag locals. */
  settle(): void {
    this.compute();
    this.#entries.clear();
    for (const writer of this.#writers) writer.release();
    this.#writers.clear();
  }

  /** The same where the way ends, or where what is deferred stays so on another way. */
  compute(): void {
    if (!this.pending) return;
    const { target } = this;
    const { f } = target;
    const result = this.#entries.get('result');
    let parts = 0;
    const join = (pushed: boolean): void => {
      if (pushed && parts++ > 0) f.op('i32.or');
    };
    let kept = result ? 0 : flagFlips;
    for (const name of storedFlags) {
      const entry = this.#entries.get(name);
      if (entry) entry.writer.scope(() => join(entry.writer.pushBitAt(entry.value, flagPosition[name])));
      else kept |= Flag[name];
    }
    if (kept !== 0) {
      target.pushFlagBits();
      f.i32(kept).op('i32.and');
      join(true);
    }
    if (parts === 0) f.i32(0);
    if (result) {
      result.writer.scope(() => result.writer.pushSigned64(result.value));
      target.popFlagResult();
    }
    target.popFlagBits();
  }

  /** Pushes a flag or a condition if it follows from what is deferred. */
  push(value: Value): boolean {
    if (!this.pending) return false;
    const result = this.#entries.get('result');
    if (value.operation === 'flag') return this.#pushFlag(value.detail as FlagName, result);
    const compared = this.#comparison(result);
    if (!compared) return false;
    const { left, right, writer } = compared;
    const compare = (operation: 'leU' | 'ltS' | 'leS') => {
      writer.scope(() => writer.push(new Value(operation, 1, [left, right])));
      return true;
    };
    if (isPair(value, 'or', (a, b) => isFlag(a, 'cf') && isFlag(b, 'zf'))) return compare('leU');
    if (isSignXorOverflow(value)) return compare('ltS');
    if (isPair(value, 'or', (a, b) => isSignXorOverflow(a) && isFlag(b, 'zf'))) return compare('leS');
    return false;
  }

  #pushFlag(name: FlagName, result: Entry | undefined): boolean {
    if (name === 'cf' || name === 'af' || name === 'of') {
      const entry = this.#entries.get(name);
      if (!entry) return false;
      entry.writer.scope(() => entry.writer.push(entry.value));
      return true;
    }
    if (!result) return false;
    const { value, writer } = result;
    const compared = this.#comparison(result);
    const low = () => (value.width === 8 ? value : value.truncate(8));
    const derived =
      name === 'zf'
        ? compared
          ? compared.left.eq(compared.right)
          : value.eq(0)
        : name === 'sf'
          ? value.sign
          : low().zeroExtend(32).popcnt().bit(0).eq(0);
    writer.scope(() => writer.push(derived));
    return true;
  }

  /** Both sides, where result and carry are those of a subtraction without borrow. */
  #comparison(result: Entry | undefined): { left: Value; right: Value; writer: ValueWriter } | undefined {
    const carry = this.#entries.get('cf');
    if (!result || !carry || carry.writer !== result.writer || result.value.operation !== 'sub') return undefined;
    const overflow = this.#entries.get('of');
    if (overflow?.writer !== result.writer || carry.value.operation !== 'ltU') return undefined;
    const [left, right] = result.value.inputs as [Value, Value];
    return carry.value.inputs[0] === left && carry.value.inputs[1] === right
      ? { left, right, writer: result.writer }
      : undefined;
  }
}

function keepLeaves(value: Value, writer: ValueWriter, seen: Set<Value>): void {
  if (seen.has(value) || writer.isKept(value)) return;
  seen.add(value);
  if (isLeaf(value)) writer.keep(value);
  for (const input of value.inputs) keepLeaves(input, writer, seen);
}
