/** Writes a WebAssembly module: one memory and perhaps one table, imported; functions; branch hints. */
import type { Routine } from '../ir/routine.ts';
import { carrier } from './carrier.ts';
import { type FunctionBuilder, type FunctionReference, type ValueType, valueTypeCode } from './function.ts';
import { padded, signed32, text, unsigned } from './leb128.ts';

export const MEMORY = { module: 'host', name: 'memory' } as const;

/** Any memory and any table will do. */
const maximumPages = 65_536;

interface Import extends FunctionReference {
  readonly module: string;
  readonly name: string;
  readonly type: number;
}

interface Defined extends FunctionReference {
  readonly builder: FunctionBuilder;
  readonly type: number;
  readonly exported: string | undefined;
}

export class ModuleBuilder {
  readonly routines = new Set<Routine>();
  readonly #types: string[] = [];
  readonly #imports: Import[] = [];
  readonly #functions: Defined[] = [];
  readonly #shared = new Map<string, FunctionReference>();
  readonly #elements: { readonly slot: number; readonly function: FunctionReference }[] = [];
  #table = false;

  /** Index of a function type. */
  type(parameters: readonly ValueType[], results: readonly ValueType[]): number {
    const bytes: number[] = [0x60];
    for (const list of [parameters, results]) {
      unsigned(bytes, list.length);
      for (const type of list) bytes.push(valueTypeCode[type]);
    }
    const key = bytes.join();
    const known = this.#types.indexOf(key);
    return known >= 0 ? known : this.#types.push(key) - 1;
  }

  /** Imported when first asked for. */
  import(
    module: string,
    name: string,
    parameters: readonly ValueType[],
    results: readonly ValueType[],
  ): FunctionReference {
    const known = this.#imports.find(item => item.name === name && item.module === module);
    if (known) return known;
    const item: Import = { module, name, type: this.type(parameters, results), index: -1 };
    this.#imports.push(item);
    return item;
  }

  /** The function table `host.functions`. */
  importTable(): void {
    this.#table = true;
  }

  function(builder: FunctionBuilder, exported?: string): FunctionReference {
    const item: Defined = { builder, type: this.type(builder.parameters, builder.results), exported, index: -1 };
    this.#functions.push(item);
    return item;
  }

  /** Imported from the embedder, as which `routines` lists it. */
  routine(routine: Routine): FunctionReference {
    this.routines.add(routine);
    const { name, parameters, width } = routine;
    return this.import(
      MEMORY.module,
      name,
      parameters.map(parameter => carrier(parameter)),
      [carrier(width)],
    );
  }

  /** A function that others of this module call, written when first asked for. */
  shared(name: string, write: () => FunctionBuilder): FunctionReference {
    const known = this.#shared.get(name);
    if (known) return known;
    const reference = this.function(write());
    this.#shared.set(name, reference);
    return reference;
  }

  /** At instantiation, puts a function into the table. */
  element(slot: number, reference: FunctionReference): void {
    this.#elements.push({ slot, function: reference });
  }

  build(): Uint8Array<ArrayBuffer> {
    [...this.#imports, ...this.#functions].forEach((item, index) => {
      item.index = index;
    });
    const out: number[][] = [[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]];
    const section = (id: number, content: number[]): void => {
      const head = [id];
      unsigned(head, content.length);
      out.push(head, content);
    };
    section(1, vector(this.#types.map(key => key.split(',').map(Number))));
    section(2, this.#importSection());
    section(3, vector(this.#functions.map(({ type }) => leb(type))));
    section(7, this.#exportSection());
    if (this.#elements.length > 0)
      section(
        9,
        vector(
          this.#elements.map(item => [0x00, 0x41, ...signedLeb(item.slot), 0x0b, 0x01, ...leb(item.function.index)]),
        ),
      );
    const hints = this.#hintSection();
    if (hints.length > 0) section(0, hints);
    section(10, vector(this.#functions.map(({ builder }) => body(builder))));
    return concatenate(out);
  }

  #importSection(): number[] {
    const memory: number[] = [];
    text(memory, MEMORY.module);
    text(memory, MEMORY.name);
    memory.push(0x02, 0x01);
    unsigned(memory, 1);
    unsigned(memory, maximumPages);
    const items = [memory];
    if (this.#table) {
      const table: number[] = [];
      text(table, MEMORY.module);
      text(table, 'functions');
      table.push(0x01, 0x70, 0x00);
      unsigned(table, 1);
      items.push(table);
    }
    for (const { module, name, type } of this.#imports) {
      const item: number[] = [];
      text(item, module);
      text(item, name);
      item.push(0x00);
      unsigned(item, type);
      items.push(item);
    }
    return vector(items);
  }

  #exportSection(): number[] {
    const items: number[][] = [];
    for (const { exported, index } of this.#functions) {
      if (exported === undefined) continue;
      const item: number[] = [];
      text(item, exported);
      item.push(0x00);
      unsigned(item, index);
      items.push(item);
    }
    return vector(items);
  }

  /** Custom section of the branch hinting proposal: offsets count from the function's local declarations. */
  #hintSection(): number[] {
    const items: number[][] = [];
    for (const { builder, index } of this.#functions) {
      if (builder.hints.length === 0) continue;
      const base = declarations(builder).length;
      const item = leb(index);
      unsigned(item, builder.hints.length);
      for (const { offset, likely } of builder.hints) {
        unsigned(item, base + offset);
        item.push(1, likely ? 1 : 0);
      }
      items.push(item);
    }
    if (items.length === 0) return [];
    const content: number[] = [];
    text(content, 'metadata.code.branch_hint');
    return content.concat(vector(items));
  }
}

function leb(value: number): number[] {
  const out: number[] = [];
  unsigned(out, value);
  return out;
}

function signedLeb(value: number): number[] {
  const out: number[] = [];
  signed32(out, value);
  return out;
}

function vector(items: readonly number[][]): number[] {
  const out = leb(items.length);
  for (const item of items) for (const byte of item) out.push(byte);
  return out;
}

function declarations({ locals }: FunctionBuilder): number[] {
  const runs: { type: ValueType; count: number }[] = [];
  for (const type of locals) {
    const last = runs.at(-1);
    if (last?.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  return vector(runs.map(({ type, count }) => [...leb(count), valueTypeCode[type]]));
}

function body(builder: FunctionBuilder): number[] {
  const { code } = builder;
  for (const { offset, target } of builder.calls) {
    const index = padded(target.index);
    for (let byte = 0; byte < index.length; byte++) code[offset + byte] = index[byte];
  }
  const head = declarations(builder);
  const out = leb(head.length + code.length + 1);
  for (const byte of head) out.push(byte);
  for (const byte of code) out.push(byte);
  out.push(0x0b);
  return out;
}

function concatenate(parts: readonly number[][]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
