/**
 * A VMCS in its region of physical memory (SDM vol. 3, section 25.2): the fields are kept nowhere else, so that a VMCS outlives the
 * CPU's attention, moves with memory, and cannot disagree with itself.
 */
import type { PhysicalMemory } from '../../memory/physical-memory.ts';
import { Dirty, fieldWords, headerWords } from './fields.ts';

const abortWord = 1;
const launchWord = 2;
const launchedMark = 0x4c41_554e;

export class Vmcs {
  /** Physical address of the current VMCS; all ones: there is none. */
  addressLow = -1;
  addressHigh = -1;
  /** Index of the region's first word in `words`; 0: no current VMCS, or its memory has gone. */
  base = 0;
  /** All of linear memory; without a current VMCS a little of nobody's. */
  words: Int32Array;
  /** Dirty bits (fields.ts): what has been written since the last successful entry. */
  dirty: number = Dirty.all;
  readonly #nowhere = new Int32Array(headerWords + 2 * 256);

  constructor(private readonly physical: PhysicalMemory) {
    this.words = this.#nowhere;
    physical.watch({ protect: () => {}, remapped: () => this.#locate() });
  }

  get valid(): boolean {
    return this.base !== 0;
  }

  select(low: number, high: number): void {
    this.addressLow = low;
    this.addressHigh = high;
    this.#locate();
  }
  deselect(): void {
    this.addressLow = -1;
    this.addressHigh = -1;
    this.base = 0;
    this.words = this.#nowhere;
  }
  isAt(low: number, high: number): boolean {
    return this.addressLow === low && this.addressHigh === high;
  }

  #locate(): void {
    this.base = this.physical.locateWritable(this.addressLow, this.addressHigh) >>> 2;
    this.words = this.base === 0 ? this.#nowhere : this.physical.words;
    this.dirty = Dirty.all;
  }

  /** Fields by encoding. The low word of a field, signed. */
  low(encoding: number): number {
    return this.words[this.base + fieldWords[encoding >> 1]];
  }
  high(encoding: number): number {
    return this.words[this.base + fieldWords[encoding >> 1] + 1];
  }
  set(encoding: number, low: number, high = 0): void {
    const word = this.base + fieldWords[encoding >> 1];
    this.words[word] = low;
    this.words[word + 1] = high;
  }
  setHigh(encoding: number, high: number): void {
    this.words[this.base + fieldWords[encoding >> 1] + 1] = high;
  }

  get launched(): boolean {
    return this.words[this.base + launchWord] === launchedMark;
  }
  set launched(value: boolean) {
    this.words[this.base + launchWord] = value ? launchedMark : 0;
  }

  set abort(code: number) {
    this.words[this.base + abortWord] = code;
  }

  /** The processor has written into a page that may hold decoded code. */
  written(): void {
    const { physical } = this;
    const address = (this.base << 2) | 0;
    if (physical.isCode(address)) physical.written(address, 0x1000);
  }

  /** VMCLEAR of any region. False: there is no memory. */
  clear(low: number, high: number): boolean {
    const { physical } = this;
    const page = physical.locateWritable(low, high);
    if (page === 0) return false;
    physical.words[(page >>> 2) + launchWord] = 0;
    physical.written(page, 0x1000);
    return true;
  }
}
