import type { Value, Width } from '../ir/value.ts';
import type { OperandForm } from './form.ts';
import type { Operand } from './operand.ts';
import type { VexRun } from './vex-run.ts';

/** An operand of a VEX form: 128 bits of a vector at a time, or two operands of which one is written and the other read. */
export class VexOperand implements Operand {
  readonly #run: VexRun;
  readonly #written: number;
  readonly #read: number;
  readonly #lane: number;

  constructor(run: VexRun, written: number, read: number, lane: number) {
    this.#run = run;
    this.#written = written;
    this.#read = read;
    this.#lane = lane;
  }

  get form(): OperandForm {
    return this.#run.form.operands[this.#written];
  }
  get width(): Width {
    return this.form.lane || this.#base.width;
  }
  get isMemory(): boolean {
    return this.#base.isMemory;
  }

  get #base(): Operand {
    return this.#run.bases[this.#written];
  }
  get #isVector(): boolean {
    const { kind } = this.form;
    return kind === 'xmm' || kind === 'memory';
  }

  lane(number: number): Operand {
    return new VexOperand(this.#run, this.#written, this.#read, number);
  }

  read(): Value {
    return this.#isVector ? this.#run.read(this.#read, this.#lane) : this.#run.bases[this.#read].read();
  }

  whole(): Value {
    return this.#run.whole(this.#read);
  }

  write(value: Value): void {
    if (this.#isVector) this.#run.write(this.#written, this.#lane, value);
    else this.#base.write(value);
  }

  writeIf(condition: Value, value: Value): void {
    this.#base.writeIf(condition, value);
  }

  update(change: (before: Value) => Value): { before: Value; after: Value } {
    const before = this.read();
    const after = change(before);
    this.write(after);
    return { before, after };
  }

  number(): Value {
    return this.#base.number();
  }

  readAt(displacement: Value | number, width: Width): Value {
    return this.#base.readAt(displacement, width);
  }
  writeAt(displacement: Value | number, value: Value): void {
    this.#base.writeAt(displacement, value);
  }
  updateAt(
    displacement: Value | number,
    width: Width,
    change: (before: Value) => Value,
  ): { before: Value; after: Value } {
    return this.#base.updateAt(displacement, width, change);
  }
  probeAt(displacement: Value | number, width: Width): void {
    this.#base.probeAt(displacement, width);
  }
  probeRead(): void {
    this.#base.probeRead();
  }
  offset(): Value {
    return this.#base.offset();
  }
  segment(): Value {
    return this.#base.segment();
  }
  stackBased(): Value {
    return this.#base.stackBased();
  }
}
