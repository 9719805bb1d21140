/** The x87 register stack and what every instruction of the unit leaves behind, as expressions (SDM vol. 1, sections 8.1.2 to 8.1.9). */

import type { HelperName } from '../../ir/helpers.ts';
import { constant, type Value, yes } from '../../ir/value.ts';
import { Segment, segmentSelector, segmentSelectors, x87SignExponents, x87Significands } from '../../state/layout.ts';
import type { Operand } from '../operand.ts';
import type { Tracer } from '../tracer.ts';
import { type Extended, not, number, Status } from './plain.ts';

/** What an instruction does to the stack, after which all of it happens at once. */
export interface Change {
  /** ST(i) before pushes and pops, and what it is to hold; pushed if i is -1. */
  readonly writes?: readonly (readonly [index: Value, value: Extended])[];
  /** Which of them become empty. */
  readonly frees?: readonly Value[];
  /** Added to TOP. */
  readonly rotates?: number;
  /** For the status word, 32 bits: C1 with the rest. */
  readonly status?: Value;
  /** Condition codes that `status` replaces. */
  readonly codes?: number;
  readonly keepsC1?: true;
  /** The memory operand, for the unit's pointer to it. */
  readonly source?: Operand | undefined;
}

export class Stack {
  readonly #cpu: Tracer;
  readonly #top: Value;
  readonly #tags: Value;
  readonly #status: Value;
  readonly control: Value;

  constructor(cpu: Tracer) {
    this.#cpu = cpu;
    this.#top = cpu.state('x87Top').read().zeroExtend(32);
    this.#tags = cpu.state('x87Tags').read().zeroExtend(32);
    this.#status = cpu.state('fsw').read().zeroExtend(32);
    this.control = cpu.state('fcw').read().zeroExtend(32);
  }

  #physical(index: Value): Value {
    return this.#top.add(index).and(7);
  }

  /** Registers that all hold something. */
  holds(...indices: Value[]): Value {
    return indices.map(index => this.#tags.shr(this.#physical(index)).truncate(1)).reduce((a, b) => a.and(b), yes);
  }
  get hasRoom(): Value {
    return not(this.holds(number(-1)));
  }

  read(index: Value): Extended {
    const at = this.#physical(index);
    return {
      significand: this.#cpu.element(x87Significands, at).read(),
      signExponent: this.#cpu.element(x87SignExponents, at).read().zeroExtend(32),
    };
  }

  /** Unless `plain`, the helper does all of it and the instruction ends there; else what changes does. */
  change(plain: Value, helper: HelperName, inputs: readonly Value[], change: Change): void {
    const hard = not(plain);
    this.#cpu.callIf(hard, helper, ...inputs);
    this.#cpu.finish(hard);
    this.commit(change);
  }

  commit({ writes = [], frees = [], rotates = 0, status, codes = 0, keepsC1, source }: Change): void {
    const cpu = this.#cpu;
    const cs = cpu.field(segmentSelector(Segment.cs).offset, 16).read();
    const ds = source && cpu.element(segmentSelectors, source.segment()).read();
    const bit = (index: Value): Value => number(1).shl(this.#physical(index));
    const filled = writes.reduce((tags, [index]) => tags.or(bit(index)), this.#tags);
    const tags = frees.reduce((left, index) => left.and(bit(index).not()), filled);
    const kept = this.#status.and(~((keepsC1 ? 0 : Status.c1) | codes));
    const status16 = (status ? kept.or(status) : kept).truncate(16);

    for (const [index, { significand, signExponent }] of writes) {
      const at = this.#physical(index);
      cpu.element(x87Significands, at).write(significand);
      cpu.element(x87SignExponents, at).write(signExponent.truncate(16));
    }
    cpu.state('fsw').write(status16);
    if (tags !== this.#tags) cpu.state('x87Tags').write(tags.truncate(8));
    if (rotates !== 0) cpu.state('x87Top').write(this.#top.add(rotates).and(7).truncate(8));
    cpu.state('x87Ip').write(cpu.rip);
    cpu.state('x87Cs').write(cs);
    if (!source || !ds) return;
    cpu.state('x87Dp').write(source.offset());
    cpu.state('x87Ds').write(ds);
  }
}

export const first = number(0);
export const below = number(-1);
export const pops: Pick<Change, 'frees' | 'rotates'> = { frees: [first], rotates: 1 };
export const pushes = (value: Extended): Pick<Change, 'writes' | 'rotates'> => ({
  writes: [[below, value]],
  rotates: -1,
});
export const nothing: Value = constant(1, 0);
