/**
 * What generated code calls in its embedder. All arguments are i32, the address of the CPU's block comes first, 64-bit values are
 * (low, high). core/processor/cpu implements this; tests have a flat one.
 */
import type { HelperName } from '../ir/helpers.ts';

type Translate = (cpu: number, low: number, high: number, bytes: number) => number;

export interface EngineImports {
  /**
   * Address in linear memory of `bytes` bytes at a linear address; state.bounce where they cross a page (read: gathered there already);
   * 0: fault and leave fields are set. Bit 8 of `bytes`: through SS.
   */
  translateRead(cpu: number, low: number, high: number, bytes: number): number;
  /** The same for writing; bytes that are there are gathered into the bounce, `commitBounce` writes it to the two pages. */
  translateWrite(cpu: number, low: number, high: number, bytes: number): number;
  commitBounce(cpu: number): void;
  /** Puts generated code in front of translateRead or translateWrite that does the common part itself. */
  quicken?(slow: Translate, write: boolean): Translate;
  /**
   * After a translateWrite that gave 0: was it because decoded code lies there (Leave.codeWrite)? Then that code is forgotten, and the
   * answer is true. The interpreter writes on then, since the records that follow say that they are stale; compiled code leaves.
   */
  forgetCode?(cpu: number): boolean;
  /** Segmentation of 16- and 32-bit code, and of any 67-prefixed operand: linear address to state.result0; not 0: fault fields are set. */
  linear(cpu: number, segment: number, low: number, high: number, access: number): number;
  /** Record at state.rip, decoded if need be, state.codeBase and codeTable set; 0: fault and leave fields are set. */
  lookup(cpu: number): number;
  /** With a JIT: a record has been jumped to often. `table` is its page's. */
  promote?(cpu: number, record: number, table: number): void;
  readonly helpers: Readonly<Record<HelperName, (cpu: number) => number>>;
}

/** WebAssembly import object for the names in use. */
export function importObject(imports: EngineImports): Record<string, WebAssembly.ImportValue> {
  const { helpers, ...functions } = imports;
  const named = Object.entries(helpers).map(([name, call]) => [`helper_${name}`, call] as const);
  const write = functions.translateWrite.bind(imports);
  const quick = functions.quicken?.bind(imports) ?? ((slow: Translate) => slow);
  return Object.fromEntries([
    ...named,
    ['translateRead', quick(functions.translateRead.bind(imports), false)],
    ['translateWrite', quick(functions.forgetCode ? writeOverCode(imports) : write, true)],
    ['translateWriteCompiled', quick(write, true)],
    // As it is: calls from one module to another are the cheapest.
    ['commitBounce', functions.commitBounce],
    ['lookup', functions.lookup],
    ['linear', functions.linear.bind(imports)],
    ...(functions.promote ? ([['promote', functions.promote.bind(imports)]] as const) : []),
  ]);
}

const writeOverCode =
  (imports: EngineImports) =>
  (cpu: number, low: number, high: number, bytes: number): number => {
    for (;;) {
      const address = imports.translateWrite(cpu, low, high, bytes);
      if (address !== 0 || !imports.forgetCode!(cpu)) return address;
    }
  };

const signatures: Readonly<Record<string, readonly [parameters: number, results: number]>> = {
  translateRead: [4, 1],
  translateWrite: [4, 1],
  translateWriteCompiled: [4, 1],
  commitBounce: [1, 0],
  linear: [5, 1],
  lookup: [1, 1],
  promote: [3, 0],
};

export const importSignature = (name: string): readonly [parameters: number, results: number] =>
  signatures[name] ?? [1, 1];
