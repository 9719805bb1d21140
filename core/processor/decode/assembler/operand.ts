/** Operands of assembly statements: registers, memory, far pointers, immediates, in the spellings of GNU (Intel) and NASM. */
import { highBytes, registers8, registers16, registers32, registers64, segments, sizeNames } from '../names.ts';
import { complain } from './complaint.ts';

export type RegisterClass = 'general' | 'segment' | 'control' | 'debug' | 'mmx' | 'xmm' | 'st' | 'rip';

export interface RegisterOperand {
  readonly kind: 'register';
  readonly class: RegisterClass;
  /** AH…BH are 4 to 7 with `high`, as they are encoded. */
  readonly number: number;
  readonly width: number;
  readonly high: boolean;
}

export interface MemoryOperand {
  readonly kind: 'memory';
  /** Bits as the keyword says, 0 where there is none. */
  readonly width: number;
  readonly segment: number;
  readonly base: RegisterOperand | undefined;
  readonly index: RegisterOperand | undefined;
  /** Expression. */
  readonly scale: string;
  /** Expression; empty for none. */
  readonly displacement: string;
  /** `[rel label]`. */
  readonly relative: boolean;
}

export interface ImmediateOperand {
  readonly kind: 'immediate';
  readonly text: string;
  /** `short`, `near`: which branch is wanted; `byte`, `dword`: how wide the immediate is to be. */
  readonly distance: 'short' | 'near' | undefined;
}

export interface FarOperand {
  readonly kind: 'far';
  readonly selector: string;
  readonly offset: string;
}

export type Operand = RegisterOperand | MemoryOperand | ImmediateOperand | FarOperand;

const registers = new Map<string, RegisterOperand>();
const add = (names: readonly string[], className: RegisterClass, width: number, first = 0, high = false): void => {
  names.forEach((name, n) => {
    registers.set(name, { kind: 'register', class: className, number: first + n, width, high });
  });
};
const numbered = (prefix: string, count: number, suffix = ''): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}${suffix}`);
add(registers64, 'general', 64);
add(registers32, 'general', 32);
add(registers16, 'general', 16);
add(registers8, 'general', 8);
add(highBytes, 'general', 8, 4, true);
add(segments, 'segment', 16);
add(numbered('cr', 16), 'control', 64);
add(numbered('dr', 16), 'debug', 64);
add(numbered('mm', 8), 'mmx', 64);
add(numbered('xmm', 16), 'xmm', 128);
add(numbered('ymm', 16), 'xmm', 256);
add(numbered('st', 8), 'st', 80);
add(numbered('st(', 8, ')'), 'st', 80);
add(['st'], 'st', 80);
add(['rip'], 'rip', 64);
add(['eip'], 'rip', 32);

export const registerNamed = (text: string): RegisterOperand | undefined =>
  registers.get(text.trim().toLowerCase().replace(/\s+/g, ''));

const widths: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Object.entries(sizeNames).map(([bits, name]) => [name.toLowerCase(), Number(bits)])),
  oword: 128,
  tword: 80,
};

/** Splits at commas, or at `separators`, outside of parentheses, brackets and quotes; separators stay at the start of a piece. */
export function splitAt(text: string, separators: string): string[] {
  const pieces: string[] = [];
  let depth = 0;
  let quote = '';
  let piece = '';
  for (const character of text) {
    if (quote) {
      if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '(' || character === '[') depth++;
    else if (character === ')' || character === ']') depth--;
    if (depth === 0 && !quote && separators.includes(character)) {
      pieces.push(piece);
      piece = separators === ',' ? '' : character;
    } else piece += character;
  }
  pieces.push(piece);
  return pieces;
}

export function parseOperand(source: string): Operand {
  let text = source.trim();
  let width = 0;
  let distance: 'short' | 'near' | undefined;
  let far = false;
  for (;;) {
    const keyword = /^(\w+)\s+(?=\S)/.exec(text)?.[1]?.toLowerCase() ?? /^(\w+)(?=\[)/.exec(text)?.[1]?.toLowerCase();
    if (keyword === undefined) break;
    if (keyword in widths) width = widths[keyword];
    else if (keyword === 'short' || keyword === 'near') distance = keyword;
    else if (keyword === 'far') far = true;
    else if (keyword !== 'ptr' && keyword !== 'offset') break;
    text = text.slice(keyword.length).trim();
  }
  if (text === '') return complain('an operand is missing');
  const register = registerNamed(text);
  if (register) return register;
  const memory = parseMemory(text, far ? -1 : width);
  if (memory) return memory;
  const [selector, offset] = splitAt(text, ':');
  if (offset !== undefined) return { kind: 'far', selector: selector!.trim(), offset: offset.slice(1).trim() };
  return { kind: 'immediate', text, distance };
}

/** `fs:[rax+8]`, `[fs:rax+8]`, `ds:0x1234`, `table[rax*8]`. */
function parseMemory(text: string, width: number): MemoryOperand | undefined {
  let rest = text;
  let segment = -1;
  const takeSegment = (): boolean => {
    const match = /^([c-gs]s)\s*:/i.exec(rest);
    if (!match) return false;
    const register = registerNamed(match[1]);
    if (register?.class !== 'segment') return false;
    segment = register.number;
    rest = rest.slice(match[0].length).trim();
    return true;
  };
  const direct = takeSegment();
  const bracketed = /^([^[\]]*)\[(.*)\]$/.exec(rest);
  if (!bracketed) {
    if (!direct) return undefined;
    return {
      kind: 'memory',
      width,
      segment,
      base: undefined,
      index: undefined,
      scale: '1',
      displacement: rest,
      relative: false,
    };
  }
  const before = bracketed[1].trim();
  rest = bracketed[2].trim();
  takeSegment();
  const relative = /^rel\s/i.test(rest);
  if (relative) rest = rest.slice(4);
  let base: RegisterOperand | undefined;
  let index: RegisterOperand | undefined;
  let scale = '1';
  let displacement = before;
  for (const piece of splitAt(rest, '+-')) {
    const term = piece.trim();
    if (term === '') continue;
    const bare = term.replace(/^\+/, '').trim();
    const register = registerNamed(bare);
    const factors = bare.split('*').map(factor => factor.trim());
    const scaled = factors.length === 2 ? factors.map(registerNamed) : [];
    if (register) {
      if (!base) base = register;
      else if (!index) index = register;
      else complain(`"${text}" has too many registers`);
    } else if (scaled[0] || scaled[1]) {
      if (index && !base && scale === '1') base = index;
      else if (index) complain(`"${text}" has two index registers`);
      index = scaled[0] ?? scaled[1];
      scale = (scaled[0] ? factors[1] : factors[0])!;
    } else displacement += displacement && !/^[-+]/.test(term) ? `+${term}` : term;
  }
  // Neither rSP nor BX and BP can be an index.
  const fixedBase = (register: RegisterOperand): boolean =>
    register.class === 'general' &&
    (register.number === 4 || (register.width === 16 && (register.number === 3 || register.number === 5)));
  if (base && index && scale === '1' && fixedBase(index)) [base, index] = [index, base];
  // A vector is an index always.
  if (base?.class === 'xmm') [base, index] = [index, base];
  return {
    kind: 'memory',
    width,
    segment,
    base,
    index,
    scale,
    displacement: displacement.replace(/^\+/, ''),
    relative,
  };
}
