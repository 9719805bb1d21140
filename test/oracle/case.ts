/** What a recorded case says. */
import type { Vendor } from '../../core/processor/isa/form.ts';

export interface State {
  /** RAX RCX RDX RBX RSP RBP RSI RDI R8 … R15: the order of their numbers. */
  readonly gpr: BigUint64Array;
  readonly rip: bigint;
  /** IF and bit 1 are always set, RF never. */
  readonly rflags: number;
  /** FXSAVE image (512 bytes), then the upper halves of YMM0 … YMM15; instruction and operand pointers, MXCSR_MASK and reserved bytes are zero. */
  readonly fx: Uint8Array;
}

export interface Patch {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** `vector` is the exception's number; the rest is zero for exceptions that have no such thing. */
export interface Fault {
  readonly vector: number;
  readonly error: number;
  /** CR2. */
  readonly address: bigint;
}

/** How near a result must come: equal; one unit in the last place off (x87 transcendentals); 1.5 × 2^−12 off (RCPPS and kin on AMD's); left to the processor. */
export const precisions = ['exact', 'ulp', 'estimate', 'implementation'] as const;
export type Precision = (typeof precisions)[number];

export interface Case {
  /** GNU as, Intel syntax without prefixes; instructions are separated by `; `. */
  readonly text: string;
  /** The instructions alone; execution starts at `codeBase` (machine.ts) and ends where `rip` reaches the byte after them, or at a fault. */
  readonly bytes: Uint8Array;
  readonly mode: 32 | 64;
  /** Whose processor executed it. */
  readonly vendor: Vendor;
  /** Every instruction in it, without prefixes. */
  readonly mnemonics: readonly string[];
  readonly before: State;
  /** Memory before; what is not listed is zero. */
  readonly memory: readonly Patch[];
  readonly after: State;
  /** Bytes that changed, in address order. */
  readonly memoryAfter: readonly Patch[];
  readonly fault: Fault | undefined;
  /** RFLAGS bits that the manual leaves undefined: not to be compared. */
  readonly undefinedFlags: number;
  /** FSW bits that the manual leaves undefined: not to be compared. */
  readonly undefinedStatus: number;
  readonly precision: Precision;
  /** Memory whose contents depend on the processor (saved x87 instruction pointers). */
  readonly ignored: readonly { readonly address: number; readonly length: number }[];
}

export interface Recording {
  readonly processor: string;
  readonly seed: number;
  readonly count: number;
}

const prefixes = /^(?:\{\w+\}|lock|rep[nez]*|addr(?:16|32)|data(?:16|32)|rex\S*|[cdefgs]s)$/;

export const mnemonicsOf = (text: string): string[] => {
  const found = new Set<string>();
  for (const line of text.split(';')) {
    const words = line
      .trim()
      .replace(/^\d+:\s*/, '')
      .split(/\s+/);
    const word = words.find(candidate => !prefixes.test(candidate));
    if (word) found.add(word);
  }
  return [...found];
};
