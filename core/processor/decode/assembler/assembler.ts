/**
 * A small assembler over the rows of the instruction table: Intel syntax as GNU as and NASM share it, labels, data, expressions.
 * For guests and tests written in TypeScript.
 */
import { MachineError } from '../../../board/framework/error.ts';
import { Complaint, complain } from './complaint.ts';
import { encode } from './encoder.ts';
import type { Statement as Instruction } from './encoding.ts';
import { characterCode, type Evaluated, evaluate, type Symbols } from './expression.ts';
import { type Line, parseSource } from './source.ts';

export type Bits = 16 | 32 | 64;

export interface AssembleOptions {
  /** Address of the first byte; `org` in the source overrides it. */
  readonly origin?: bigint | number;
  /** Symbols from outside. */
  readonly symbols?: Readonly<Record<string, bigint | number>>;
}

export interface Assembled {
  readonly bytes: Uint8Array;
  readonly origin: bigint;
  readonly symbols: ReadonlyMap<string, bigint>;
}

const mostPasses = 64;
const mostBytes = 1 << 26;
const mostRepeats = 1 << 16;

class Assembly {
  readonly #lines: readonly Line[];
  readonly #given: ReadonlyMap<string, bigint>;
  #symbols = new Map<string, Evaluated>();
  #previous = new Map<string, Evaluated>();
  #far = new Set<Line>();
  #bytes: number[] = [];
  #bits: Bits = 64;
  #origin = 0n;
  #scope = '';
  #settled = false;

  constructor(
    bits: Bits,
    source: string,
    readonly options: AssembleOptions,
  ) {
    this.#lines = parseSource(source);
    this.#given = new Map(Object.entries(options.symbols ?? {}).map(([name, value]) => [name, BigInt(value)]));
    for (let pass = 0; pass < mostPasses; pass++) {
      const before = this.#bytes.length;
      const farBefore = this.#far.size;
      const symbolsBefore = this.#symbols;
      this.#pass(bits);
      if (this.#settled) return;
      this.#settled =
        pass > 0 &&
        before === this.#bytes.length &&
        farBefore === this.#far.size &&
        [...this.#symbols].every(([name, { value }]) => symbolsBefore.get(name)?.value === value);
    }
    throw new MachineError('bad-argument', 'the sizes in this assembly source never settle', {
      remedy: 'break the circle of symbols that depend on their own size',
    });
  }

  get result(): Assembled {
    const symbols = new Map([...this.#symbols].map(([name, { value }]) => [name, value]));
    return { bytes: Uint8Array.from(this.#bytes), origin: this.#origin, symbols };
  }

  get #here(): bigint {
    return this.#origin + BigInt(this.#bytes.length);
  }

  #pass(bits: Bits): void {
    this.#previous = this.#symbols;
    this.#symbols = new Map();
    this.#bytes = [];
    this.#bits = bits;
    this.#origin = BigInt(this.options.origin ?? 0);
    this.#scope = '';
    for (const line of this.#lines) {
      try {
        this.#line(line);
      } catch (error) {
        if (!(error instanceof Complaint)) throw error;
        throw new MachineError('bad-argument', `${error.message}: "${line.text}"`, { path: `line ${line.number}` });
      }
    }
  }

  #qualified(name: string): string {
    return name.startsWith('.') ? this.#scope + name : name;
  }

  #define(name: string, value: Evaluated): void {
    if (this.#symbols.has(name)) complain(`"${name}" is defined twice`);
    this.#symbols.set(name, value);
  }

  #lookup(name: string): Evaluated | undefined {
    const qualified = this.#qualified(name);
    const given = this.#given.get(qualified);
    if (given !== undefined) return { value: given, symbolic: false };
    const known = this.#symbols.get(qualified) ?? this.#previous.get(qualified);
    if (known) return known;
    return this.#previous.size === 0 && !this.#settled ? { value: this.#here, symbolic: true } : undefined;
  }

  #evaluate(text: string, here: bigint = this.#here): Evaluated {
    const symbols: Symbols = { lookup: name => this.#lookup(name), here, origin: this.#origin };
    return evaluate(text, symbols);
  }

  /** A number that sizes depend on: it may use labels, and settles with them. */
  #number(text: string, least = 0, most = mostBytes): number {
    const { value } = this.#evaluate(text);
    if (this.#settled && (value < BigInt(least) || value > BigInt(most))) complain(`${value} is out of range`);
    return Math.min(Math.max(Number(value), least), most);
  }

  #line(line: Line): void {
    for (const label of line.labels) {
      if (!label.startsWith('.')) this.#scope = label;
      this.#define(this.#qualified(label), { value: this.#here, symbolic: true });
    }
    const { statement } = line;
    if (!statement) return;
    switch (statement.kind) {
      case 'constant':
        this.#define(this.#qualified(statement.name), this.#evaluate(statement.value));
        break;
      case 'bits':
        this.#bits = statement.bits;
        break;
      case 'org':
        this.#org(statement.value);
        break;
      case 'align':
        this.#fill(
          (-this.#bytes.length - Number(this.#origin & 0xffffn)) & (this.#number(statement.boundary, 1) - 1),
          statement.fill,
        );
        break;
      case 'space':
        this.#fill(this.#number(statement.count) * statement.size, statement.fill);
        break;
      case 'data':
        for (const value of statement.values) this.#data(value, statement.size, statement.terminated);
        break;
      case 'instruction': {
        const times = statement.times === undefined ? 1 : this.#number(statement.times, 0, mostRepeats);
        for (let n = 0; n < times; n++) this.#instruction(line, statement.instruction);
        break;
      }
    }
    if (this.#bytes.length > mostBytes) complain('the code is larger than 64 MiB');
  }

  /** The first `org` says where the bytes belong, later ones pad up to an address. */
  #org(text: string): void {
    const { value } = this.#evaluate(text);
    if (this.#bytes.length === 0) {
      this.#origin = value;
      return;
    }
    if (value < this.#here && this.#settled) complain(`org goes back from 0x${this.#here.toString(16)}`);
    this.#fill(Math.max(0, Number(value - this.#here)), undefined);
  }

  #fill(count: number, text: string | undefined, byte = 0): void {
    const value = text === undefined ? byte : Number(this.#evaluate(text).value & 0xffn);
    if (this.#bytes.length + count > mostBytes) complain('the code is larger than 64 MiB');
    for (let n = 0; n < count; n++) this.#bytes.push(value);
  }

  #data(text: string, size: number, terminated: boolean): void {
    const [, quote, content = ''] = /^(["'])(.*)\1$/s.exec(text.trim()) ?? [];
    const characters = content.match(/\\.|[^\\]/gs) ?? [];
    if (quote === '"' || (quote && characters.length !== 1)) {
      for (const byte of characters.flatMap(encodeCharacter)) this.#bytes.push(byte);
      if (terminated) this.#bytes.push(0);
      while (this.#bytes.length % size !== 0 && size > 1) this.#bytes.push(0);
      return;
    }
    const { value } = this.#evaluate(text);
    const bits = size * 8;
    if (this.#settled && value !== BigInt.asIntN(bits, value) && value !== BigInt.asUintN(bits, value)) {
      complain(`0x${value.toString(16)} does not fit in ${size} bytes`);
    }
    for (let n = 0; n < size; n++) this.#bytes.push(Number((value >> BigInt(8 * n)) & 0xffn));
  }

  #instruction(line: Line, instruction: Instruction): void {
    const address = this.#here;
    const { bytes, branch } = encode(instruction, {
      bits: this.#bits,
      address,
      farBranch: this.#far.has(line),
      evaluate: text => this.#evaluate(text, address),
    });
    // What has grown never shrinks again: so the passes come to an end.
    if (branch === 'near') this.#far.add(line);
    this.#bytes.push(...bytes);
  }
}

const utf8 = new TextEncoder();
const encodeCharacter = (text: string): number[] => (text[0] === '\\' ? [characterCode(text)] : [...utf8.encode(text)]);

/** Assembles Intel-syntax source for 16-, 32- or 64-bit code. Wrong source is a MachineError that names the line. */
export const assemble = (bits: Bits, source: string, options: AssembleOptions = {}): Assembled =>
  new Assembly(bits, source, options).result;
