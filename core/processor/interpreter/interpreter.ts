/** The interpreter of one host: its loop, compiled once, and the functions of rarer forms, compiled when first decoded. */
import type { Form } from '../isa/form.ts';
import { forms } from '../isa/forms.ts';
import { programOf } from '../isa/programs.ts';
import { FunctionBuilder } from '../wasm/function.ts';
import { lower } from '../wasm/lower.ts';
import { MEMORY, ModuleBuilder } from '../wasm/module.ts';
import { routineModule } from '../wasm/routine.ts';
import { writeLoop } from './dispatch.ts';
import { FunctionTarget } from './function-target.ts';
import { Handler } from './handlers.ts';
import { hotHandlers } from './hot-forms.ts';
import { type EngineImports, importObject } from './imports.ts';

type Run = (cpu: number, budget: number) => number;

interface Image {
  readonly module: WebAssembly.Module;
  /** By form id: handler numbers for any address, and for a base and a displacement; 0: the form has a function. */
  readonly any: Uint16Array;
  readonly simple: Uint16Array;
  /** Number of the first handler with a function. */
  readonly rare: number;
  /** Forms by handler number. */
  readonly forms: readonly (Form | undefined)[];
}

/** The same for all hosts: they depend on the instruction table alone. With counting (for the JIT) and without. */
const images: { counting?: Image; plain?: Image } = {};

function createImage(counts: boolean): Image {
  const module = new ModuleBuilder();
  module.importTable();
  const handlers = hotHandlers(forms());
  const any = new Uint16Array(forms().length);
  const simple = new Uint16Array(forms().length);
  handlers.forEach(({ form, addressing }, index) => {
    (addressing === 'any' ? any : simple)[form.id] = Handler.first + index;
  });
  module.function(writeLoop(module, handlers, counts), 'run');
  const handled = [...new Array<undefined>(Handler.first), ...handlers.map(({ form }) => form)];
  return {
    forms: handled,
    module: new WebAssembly.Module(module.build()),
    any,
    simple,
    rare: Handler.first + handlers.length,
  };
}

export class Interpreter {
  /** Runs a CPU, whose block is at `cpu`, for at most `budget` instructions; answers with a Leave. */
  readonly run: Run;
  /** The record of the instruction at a CPU's RIP; 0: it cannot be fetched. */
  readonly lookup: (cpu: number) => number;
  readonly table: WebAssembly.Table;
  readonly #image: Image;
  readonly #imports: Record<string, WebAssembly.ImportValue>;
  /** By form id: handler of a form that has a function. */
  readonly #handlers = new Uint16Array(forms().length);
  /** Forms that have a function, by table slot. */
  readonly #withFunction: Form[] = [];

  constructor(memory: WebAssembly.Memory, imports: EngineImports) {
    const kind = imports.promote ? 'counting' : 'plain';
    images[kind] ??= createImage(kind === 'counting');
    this.#image = images[kind];
    this.lookup = imports.lookup.bind(imports);
    this.table = new WebAssembly.Table({ element: 'anyfunc', initial: forms().length });
    this.#imports = { ...importObject(imports), memory, functions: this.table };
    const { exports } = new WebAssembly.Instance(this.#image.module, { [MEMORY.module]: this.#imports });
    this.run = exports.run as Run;
  }

  /** With everything that generated code may import; routines come into being when the first module asks for them. */
  instantiate(module: ModuleBuilder): WebAssembly.Exports {
    for (const routine of module.routines)
      this.#imports[routine.name] ??= this.instantiate(routineModule(routine)).routine!;
    return new WebAssembly.Instance(new WebAssembly.Module(module.build()), { [MEMORY.module]: this.#imports }).exports;
  }

  /** The handler for a form; `simple`: its memory operand is a base and a displacement. */
  handlerOf(form: Form, simple: boolean): number {
    const { id } = form;
    return (simple ? this.#image.simple[id] : 0) || this.#image.any[id] || this.#handlers[id] || this.#compile(form);
  }

  /** The form that a handler is for; none for the interpreter's own. */
  formOf(handler: number): Form | undefined {
    const { rare, forms: inLoop } = this.#image;
    return handler < rare ? inLoop[handler] : this.#withFunction[handler - rare];
  }

  #compile(form: Form): number {
    const module = new ModuleBuilder();
    const f = new FunctionBuilder(['i32', 'i32'], ['i32']);
    lower(programOf(form), new FunctionTarget(f, module, form, 'any'));
    f.op('unreachable');
    module.function(f, 'handler');
    const exports = this.instantiate(module);
    const slot = this.#withFunction.push(form) - 1;
    this.table.set(slot, exports.handler as () => void);
    this.#handlers[form.id] = this.#image.rare + slot;
    return this.#handlers[form.id];
  }
}
