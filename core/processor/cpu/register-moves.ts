/**
 * Registers between a CPU's block and a page of the same linear memory (a VMCB, a VMCS, a driver's array), as generated code: a list of
 * places, written once, becomes one straight function for loading and one for storing. A world switch moves some hundred words, and a guest
 * that has just begun to exit should not wait for an optimising compiler.
 */
import { FunctionBuilder } from '../wasm/function.ts';
import { MEMORY, ModuleBuilder } from '../wasm/module.ts';

/** Both parameters are addresses in linear memory. */
export type Move = (block: number, page: number) => void;
export interface RegisterMoves {
  readonly load: Move;
  readonly store: Move;
}

/** One register's place on both sides. */
export interface Place {
  load(f: FunctionBuilder): void;
  store(f: FunctionBuilder): void;
}

/** The functions' parameters. */
export const block = 0;
export const page = 1;

/** 64 bits; `width`: how many of them count when they are loaded, the others are made copies of the highest. */
export const quad = (at: number, { offset }: { readonly offset: number }, width = 64): Place => ({
  load(f) {
    f.get(block);
    loadBase(f, at, width);
    f.memory('i64.store', offset);
  },
  store: f => void f.get(page).get(block).memory('i64.load', offset).memory('i64.store', at),
});

/** A 64-bit register of which the low 32 bits exist. */
export const low = (at: number, { offset }: { readonly offset: number }): Place => ({
  ...quad(at, { offset }),
  load: f => void f.get(block).get(page).memory('i64.load32_u', at).memory('i64.store', offset),
});

/** Pushes a 64-bit value of the page, sign-extended from `width`. */
export function loadBase(f: FunctionBuilder, at: number, width: number): void {
  f.get(page).memory('i64.load', at);
  if (width < 64)
    f.i64(64 - width)
      .op('i64.shl')
      .i64(64 - width)
      .op('i64.shr_s');
}

/** For every list, functions over one linear memory; modules are compiled when first asked for, once. */
export class MoveLists<Name extends string> {
  #module: WebAssembly.Module | undefined;
  #last: WebAssembly.Memory | undefined;
  #moves: Readonly<Record<Name, RegisterMoves>> | undefined;

  constructor(private readonly lists: Readonly<Record<Name, readonly Place[]>>) {}

  over(memory: WebAssembly.Memory): Readonly<Record<Name, RegisterMoves>> {
    if (this.#moves && this.#last === memory) return this.#moves;
    this.#module ??= new WebAssembly.Module(this.#write().build());
    const { exports } = new WebAssembly.Instance(this.#module, { [MEMORY.module]: { memory } });
    const names = Object.keys(this.lists) as Name[];
    this.#last = memory;
    this.#moves = Object.fromEntries(
      names.map(name => [name, { load: exports[`${name}.load`], store: exports[`${name}.store`] }]),
    ) as unknown as Record<Name, RegisterMoves>;
    return this.#moves;
  }

  #write(): ModuleBuilder {
    const module = new ModuleBuilder();
    for (const [name, places] of Object.entries<readonly Place[]>(this.lists)) {
      for (const way of ['load', 'store'] as const) {
        const f = new FunctionBuilder(['i32', 'i32'], []);
        for (const place of places) place[way](f);
        module.function(f, `${name}.${way}`);
      }
    }
    return module;
  }
}
