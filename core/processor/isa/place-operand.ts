import type { Place } from '../ir/effect.ts';
import { constant, leaf, Value, type Width } from '../ir/value.ts';
import type { OperandForm } from './form.ts';
import type { Operand } from './operand.ts';
import type { Recorder } from './recorder.ts';

export interface PlaceOperandParts {
  readonly place: Place;
  readonly form: OperandForm | undefined;
  /** What it always reads as: an immediate, or a count of one. */
  readonly fixed?: Value;
}

/** A register, an immediate or a field of the state block. */
export class PlaceOperand implements Operand {
  readonly isMemory = false;
  readonly #recorder: Recorder;
  readonly #place: Place;
  readonly #fixed: Value | undefined;
  readonly form: OperandForm | undefined;

  constructor(recorder: Recorder, { place, form, fixed }: PlaceOperandParts) {
    this.#recorder = recorder;
    this.#place = place;
    this.#fixed = fixed;
    this.form = form;
  }

  get width(): Width {
    return this.#place.width;
  }

  lane(): Operand {
    return this;
  }

  whole(): Value {
    return this.read();
  }

  read(): Value {
    return this.#fixed ?? this.#recorder.reading(valueBefore(this.#place));
  }

  write(value: Value): void {
    this.#recorder.set(this.#place, value);
  }

  writeIf(condition: Value, value: Value): void {
    const place = this.#place;
    const general = place.kind !== 'element' && place.file === 'general';
    const whole: Place = place.width === 32 && general ? { ...place, width: 64 } : place;
    this.#recorder.set(whole, condition.select(value.zeroExtend(whole.width), valueBefore(whole)));
  }

  update(change: (before: Value) => Value): { before: Value; after: Value } {
    const before = this.read();
    const after = change(before);
    this.#recorder.set(this.#place, after);
    return { before, after };
  }

  number(): Value {
    const place = this.#place;
    if (place.kind === 'register') return leaf('number', 32, place.operand);
    return place.kind === 'state' ? constant(32, place.offset) : place.index;
  }

  readAt(): never {
    return this.#notMemory();
  }
  writeAt(): never {
    return this.#notMemory();
  }
  updateAt(): never {
    return this.#notMemory();
  }
  probeAt(): never {
    return this.#notMemory();
  }
  probeRead(): never {
    return this.#notMemory();
  }
  offset(): never {
    return this.#notMemory();
  }
  segment(): never {
    return this.#notMemory();
  }
  stackBased(): never {
    return this.#notMemory();
  }

  #notMemory(): never {
    throw new Error(`${this.#recorder.key}: not a memory operand`);
  }
}

/** What a place held before the instruction. */
function valueBefore(place: Place): Value {
  if (place.kind === 'element') return new Value('element', place.width, [place.index], place.array);
  return leaf(place.kind, place.width, place.kind === 'register' ? place.operand : place.offset);
}
