/**
 * What an instruction says, in its order. Memory is read and written before the first register or flag is written, so that a fault finds nothing
 * changed; after that nothing may be read. The recorder throws where semantics break this rule.
 */
import type { Address, Alignment, Effect, Place } from '../ir/effect.ts';
import { Value, type Width } from '../ir/value.ts';

export interface MemoryAccess {
  readonly address: Address;
  readonly width: Width;
  /** What a whole vector must be aligned to. */
  readonly aligned: Alignment | undefined;
}

export class Recorder {
  readonly effects: Effect[] = [];
  #committing = false;

  /** `key` names the form in errors. */
  constructor(readonly key: string) {}

  /** A register or flags are written: from here on nothing is read. */
  commit(effect: Effect): void {
    this.#committing = true;
    this.effects.push(effect);
  }

  set(place: Place, value: Value): void {
    if (value.width !== place.width) throw new Error(`${this.key}: ${value.width} bits written to ${place.width}`);
    this.commit({ kind: 'set', place, value });
  }

  /** What is written before on the same condition does not happen together with what follows. */
  finish(when: Value): void {
    this.effects.push({ kind: 'finish', when });
    this.#committing = false;
  }

  /** The value of a register or flag. */
  reading(value: Value): Value {
    if (this.#committing) throw new Error(`${this.key}: read after a write`);
    return value;
  }

  load({ address, width, aligned }: MemoryAccess): Value {
    this.#readingMemory();
    const result = new Value('result', width);
    this.effects.push({ kind: 'load', address, result, ...(width === 128 && aligned ? { aligned } : {}) });
    return result;
  }

  /** 256 bits, as two values. */
  loadPair({ address, aligned }: Omit<MemoryAccess, 'width'>): readonly [Value, Value] {
    this.#readingMemory();
    const result = new Value('result', 128);
    const high = new Value('result', 128);
    this.effects.push({ kind: 'load', address, result, high, ...(aligned ? { aligned } : {}) });
    return [result, high];
  }

  storePair({ address, aligned }: Omit<MemoryAccess, 'width'>, value: Value, high: Value): void {
    this.#writingMemory();
    this.effects.push({ kind: 'store', address, value, high, ...(aligned ? { aligned } : {}) });
  }

  store({ address, aligned }: Omit<MemoryAccess, 'width'>, value: Value): void {
    this.#writingMemory();
    this.effects.push({ kind: 'store', address, value, ...(value.width === 128 && aligned ? { aligned } : {}) });
  }

  update({ address, width, aligned }: MemoryAccess, change: (before: Value) => Value): { before: Value; after: Value } {
    this.#writingMemory();
    const before = new Value('result', width);
    const after = change(before);
    this.effects.push({ kind: 'update', address, before, after, ...(width === 128 && aligned ? { aligned } : {}) });
    return { before, after };
  }

  probe(access: 'read' | 'write', address: Address, width: Width): void {
    if (access === 'write') this.#writingMemory();
    else this.#readingMemory();
    this.effects.push({ kind: 'probe', access, address, width });
  }

  #readingMemory(): void {
    if (this.#committing) throw new Error(`${this.key}: memory is read after a register was written`);
  }

  #writingMemory(): void {
    if (this.#committing) throw new Error(`${this.key}: memory is written after a register`);
  }
}
