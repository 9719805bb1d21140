/** One instruction to bytes: every row that its operands fit is tried, the shortest encoding wins. */
import { sizeIn, sizeStateOf, sizeStates } from '../../isa/opcode-map.ts';
import { type OperandPattern, operandWidth } from '../../isa/operand-pattern.ts';
import { escapes, type Row } from '../../isa/row.ts';
import { complain } from './complaint.ts';
import type { Evaluated } from './expression.ts';
import { type Candidate, candidatesOf } from './mnemonics.ts';
import type { MemoryOperand, Operand, RegisterOperand } from './operand.ts';

export interface Statement {
  readonly mnemonic: string;
  readonly operands: readonly Operand[];
  /** F0, F2, F3 as written before the mnemonic. */
  readonly repeats: readonly number[];
  /** -1 for none. */
  readonly segment: number;
  /** Address size of implicit memory operands, where they were written out. */
  readonly addressSize?: number;
}

export interface Context {
  readonly bits: 16 | 32 | 64;
  readonly address: bigint;
  /** Short branches do not reach here (known from an earlier pass). */
  readonly farBranch: boolean;
  evaluate(text: string): Evaluated;
}

interface Immediate {
  readonly bytes: number;
  readonly value: bigint;
  /** Counted from the end of the instruction. */
  readonly relative: boolean;
}

interface Encoding {
  rex: number;
  needsRex: boolean;
  forbidsRex: boolean;
  reg: number;
  mod: number;
  rm: number;
  sib: number;
  displacement: Immediate | undefined;
  segment: number;
  addressPrefix: boolean;
  opcodeRegister: number;
  immediates: Immediate[];
  memoryWidth: number;
}

const addressBits = { 16: [16, 32], 32: [32, 16], 64: [64, 32] } as const;
const segmentBytes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

const fitsSigned = (value: bigint, bits: number): boolean => BigInt.asIntN(bits, value) === value;

export interface Encoded {
  readonly bytes: number[];
  readonly branch: 'short' | 'near' | undefined;
}

export function encode(statement: Statement, context: Context): Encoded {
  const candidates = candidatesOf(statement.mnemonic);
  if (candidates.length === 0) return complain(`there is no instruction "${statement.mnemonic}"`);
  const orders = [withDefaults(statement)];
  if (commutative.has(statement.mnemonic)) {
    orders.push({ ...statement, operands: [...statement.operands].reverse() });
  }
  let best: Found | undefined;
  const memoryWidths = new Set<number>();
  for (const order of orders) {
    for (const candidate of candidates) {
      for (const prefix66 of [false, true]) {
        for (const rexW of context.bits === 64 ? [false, true] : [false]) {
          const found = tryRow(candidate, order, context, prefix66, rexW);
          if (!found) continue;
          memoryWidths.add(found.encoding.memoryWidth);
          if (!best || isBetter(found, best)) best = found;
        }
      }
    }
  }
  if (!best) return complain(`no form of "${statement.mnemonic}" takes these operands in ${context.bits}-bit code`);
  const open = statement.operands.some(operand => operand.kind === 'memory' && operand.width === 0);
  if (open && memoryWidths.size > 1 && !defaultSized.has(statement.mnemonic)) {
    return complain('the size of the memory operand is not clear');
  }
  const [immediate] = best.encoding.immediates;
  const branch = immediate?.relative ? (immediate.bytes === 1 ? 'short' : 'near') : undefined;
  return { bytes: best.bytes, branch };
}

interface Found {
  readonly bytes: number[];
  readonly encoding: Encoding;
}

const immediateSize = ({ encoding }: Found): number => encoding.immediates.reduce((sum, { bytes }) => sum + bytes, 0);

/** Shorter, or of the same length with a smaller immediate, as other assemblers have it. */
const isBetter = (one: Found, other: Found): boolean =>
  one.bytes.length < other.bytes.length ||
  (one.bytes.length === other.bytes.length && immediateSize(one) < immediateSize(other));

const commutative: ReadonlySet<string> = new Set(['xchg', 'test']);

/** AAM and AAD work to the base of ten unless told otherwise. */
const withDefaults = (statement: Statement): Statement =>
  statement.operands.length === 0 && /^aa[md]$/.test(statement.mnemonic)
    ? { ...statement, operands: [{ kind: 'immediate', text: '10', distance: undefined }] }
    : statement;

/** Memory operands without a keyword are as wide as a stack slot here. */
const defaultSized: ReadonlySet<string> = new Set(['call', 'jmp', 'push', 'pop']);

/** Whether the operands tell the operand size; where they do not, it is the usual one. */
const showsSize = (row: Row, { operands }: Statement): boolean =>
  row.operands.some((pattern, n) => {
    if (pattern.kind === 'immediate' || pattern.kind === 'relative') return false;
    const operand = operands[n];
    if (pattern.type === 'p' || pattern.type === 'a') return operand?.kind === 'memory' && operand.width > 0;
    return operandWidth(pattern, 16) !== operandWidth(pattern, 64);
  });

function tryRow(
  { row, size: wanted, addressSize: named }: Candidate,
  statement: Statement,
  context: Context,
  prefix66: boolean,
  rexW: boolean,
): Found | undefined {
  const { bits } = context;
  const addressSize = named || (statement.addressSize ?? 0);
  if (row.operands.length !== statement.operands.flatMap(operand => (operand.kind === 'far' ? [1, 1] : [1])).length)
    return;
  if (row.prefix === '66' ? !prefix66 : row.prefix === 'none' && prefix66) return;
  if (prefix66 && rexW && row.prefix !== '66') return;
  const unusual = (prefix66 && row.prefix !== '66') || (rexW && row.options.w !== 1);
  if (unusual && wanted === 0 && !showsSize(row, statement)) return;
  const size = sizeIn(row, sizeStates[sizeStateOf(bits === 16 ? 0 : bits === 32 ? 1 : 2, prefix66, rexW)]!);
  if (size === 0 || (wanted !== 0 && wanted !== size)) return;
  const encoding: Encoding = {
    rex: rexW ? 8 : 0,
    needsRex: rexW,
    forbidsRex: false,
    reg: Math.max(row.reg, 0),
    mod: 3,
    rm: 0,
    sib: -1,
    displacement: undefined,
    segment: statement.segment,
    addressPrefix: addressSize !== 0 && addressSize !== bits,
    opcodeRegister: 0,
    immediates: [],
    memoryWidth: 0,
  };
  if (addressSize !== 0 && !(addressBits[bits] as readonly number[]).includes(addressSize)) return;
  let at = 0;
  for (const pattern of row.operands) {
    const operand = statement.operands[at]!;
    if (operand.kind === 'far') {
      if (pattern.method !== 'A') return;
      const bytes = pattern.type === 'p' ? size / 8 : 2;
      const { value } = context.evaluate(pattern.type === 'p' ? operand.offset : operand.selector);
      encoding.immediates.push({ bytes, value, relative: false });
      if (encoding.immediates.length === 2) at++;
      continue;
    }
    if (!matches(pattern, operand, size, row, context, encoding)) return;
    at++;
  }
  if (encoding.rex) encoding.needsRex = true;
  if (encoding.needsRex && (encoding.forbidsRex || bits !== 64)) return;
  const bytes = emit(row, encoding, statement, context, prefix66);
  return bytes && { bytes, encoding };
}

const registerFits = (pattern: OperandPattern, operand: RegisterOperand, width: number): boolean => {
  switch (pattern.kind) {
    case 'general':
    case 'memory':
      return operand.class === 'general' && operand.width === width;
    default:
      return operand.class === pattern.kind;
  }
};

/** Whether an operand fits a pattern; its bits go into `out`. */
function matches(
  pattern: OperandPattern,
  operand: Operand,
  size: 16 | 32 | 64,
  row: Row,
  context: Context,
  out: Encoding,
): boolean {
  const width = operandWidth(pattern, size);
  if (pattern.method === '') return matchesFixed(pattern, operand, width, context);
  switch (operand.kind) {
    case 'memory':
      if (!pattern.memory || (pattern.modrm && !row.memory)) return false;
      if (operand.width > 0 && !memoryFits(pattern, operand.width, width, size)) return false;
      if (operand.width < 0 && pattern.type !== 'p') return false;
      out.memoryWidth = width || -1;
      return pattern.method === 'O' ? encodeDirect(operand, context, out) : encodeMemory(operand, context, out);
    case 'register': {
      if (pattern.method === 'M' || pattern.method === 'O' || !registerFits(pattern, operand, width)) return false;
      return placeRegister(pattern, operand, row, out);
    }
    case 'immediate':
      return encodeImmediate(pattern, operand, size, width, context, out);
    default:
      return false;
  }
}

const memoryFits = (pattern: OperandPattern, given: number, width: number, size: number): boolean => {
  if (width) return given === width;
  if (pattern.type === 't') return given === 80;
  if (pattern.type === 'p') return given === (size === 16 ? 32 : 48) || (size === 64 && given === 80);
  return true;
};

function matchesFixed(pattern: OperandPattern, operand: Operand, width: number, context: Context): boolean {
  if (pattern.kind === 'one') {
    if (operand.kind !== 'immediate') return false;
    const { value, symbolic } = context.evaluate(operand.text);
    return !symbolic && value === 1n;
  }
  if (operand.kind !== 'register' || operand.high !== (pattern.text === 'AH')) return false;
  switch (pattern.kind) {
    case 'general':
      return operand.class === 'general' && operand.width === width && operand.number === (operand.high ? 4 : 0);
    case 'cl':
      return operand.class === 'general' && operand.width === 8 && operand.number === 1;
    case 'dx':
      return operand.class === 'general' && operand.width === 16 && operand.number === 2;
    case 'st0':
      return operand.class === 'st' && operand.number === 0;
    case 'xmm':
      return operand.class === 'xmm' && operand.number === 0;
    default:
      return operand.class === 'segment' && operand.number === pattern.fixed;
  }
}

function placeRegister(pattern: OperandPattern, operand: RegisterOperand, row: Row, out: Encoding): boolean {
  const { number } = operand;
  if (operand.class === 'general' && operand.width === 8) {
    if (operand.high) out.forbidsRex = true;
    else if (number >= 4 && number < 8) out.needsRex = true;
  }
  const extended = number > 7 ? 1 : 0;
  if (pattern.method === 'Z') {
    out.opcodeRegister = number & 7;
    out.rex |= extended;
  } else if (pattern.register) {
    if (!row.register && !row.forcesRegister) return false;
    out.mod = 3;
    out.rm = number & 7;
    out.rex |= extended;
  } else {
    out.reg = number & 7;
    out.rex |= extended << 2;
  }
  return true;
}

function encodeImmediate(
  pattern: OperandPattern,
  operand: Extract<Operand, { kind: 'immediate' }>,
  size: 16 | 32 | 64,
  width: number,
  context: Context,
  out: Encoding,
): boolean {
  const { value, symbolic } = context.evaluate(operand.text);
  if (pattern.method === 'J') {
    const short = pattern.type === 'b';
    if (short ? context.farBranch || operand.distance === 'near' : operand.distance === 'short') return false;
    out.immediates.push({ bytes: short ? 1 : Math.min(size, 32) / 8, value, relative: true });
    return true;
  }
  if (pattern.method !== 'I' && pattern.method !== 'sI') return false;
  const bytes = pattern.type === 'b' ? 1 : pattern.type === 'z' ? Math.min(size, 32) / 8 : width / 8;
  const extended = bytes * 8 < width;
  if (symbolic && bytes === 1 && extended) return false;
  const signed = BigInt.asIntN(width, value);
  const inRange = value === signed || value === BigInt.asUintN(width, value);
  if (!inRange || (extended && !fitsSigned(signed, bytes * 8))) return false;
  out.immediates.push({ bytes, value, relative: false });
  return true;
}

/** MOV moffs: the address stands in the instruction. */
function encodeDirect(operand: MemoryOperand, context: Context, out: Encoding): boolean {
  if (operand.base || operand.index || operand.relative) return false;
  const { value } = context.evaluate(operand.displacement);
  out.immediates.push({ bytes: context.bits / 8, value, relative: false });
  out.segment = operand.segment >= 0 && operand.segment !== 3 ? operand.segment : out.segment;
  return true;
}

const rm16: Readonly<Record<string, number>> = {
  '3,6': 0,
  '3,7': 1,
  '5,6': 2,
  '5,7': 3,
  '6,': 4,
  '7,': 5,
  '5,': 6,
  '3,': 7,
};

function encodeMemory(operand: MemoryOperand, context: Context, out: Encoding): boolean {
  const { base, index } = operand;
  const width = base?.width ?? index?.width ?? context.bits;
  if ((base && index && base.width !== index.width) || (base && base.class !== 'general' && base.class !== 'rip'))
    return false;
  if (index && (index.class !== 'general' || index.number === 4)) return false;
  if (!(addressBits[context.bits] as readonly number[]).includes(width)) return false;
  out.addressPrefix = width !== context.bits;
  const { value, symbolic } = operand.displacement
    ? context.evaluate(operand.displacement)
    : { value: 0n, symbolic: false };

  const usual = base && (base.number === 4 || base.number === 5) && base.class === 'general' ? 2 : 3;
  if (operand.segment >= 0 && operand.segment !== usual) out.segment = operand.segment;

  const wide = width === 16 ? 2 : 4;
  const full = (relative = false): Immediate => ({ bytes: wide, value, relative });
  const displacement = BigInt.asIntN(width, value);
  const inRange = displacement === value || value === BigInt.asUintN(width, value);
  if (!inRange || (!symbolic && !fitsSigned(displacement, wide * 8))) return false;

  if (base?.class === 'rip' || operand.relative) {
    if (index || context.bits !== 64) return false;
    out.mod = 0;
    out.rm = 5;
    out.displacement = full(symbolic);
    return true;
  }
  /** mod 0 without displacement, 1 with a byte, 2 with all of it. */
  const place = (needed: boolean): void => {
    if (displacement === 0n && !symbolic && !needed) out.mod = 0;
    else if (!symbolic && fitsSigned(displacement, 8)) {
      out.mod = 1;
      out.displacement = { bytes: 1, value: displacement, relative: false };
    } else {
      out.mod = 2;
      out.displacement = full();
    }
  };
  if (width === 16) {
    if (!base && !index) {
      out.mod = 0;
      out.rm = 6;
      out.displacement = full();
      return true;
    }
    if (operand.scale !== 1) return false;
    const rm =
      rm16[`${base?.number ?? index!.number},${base && index ? index.number : ''}`] ??
      rm16[`${index?.number},${base?.number}`];
    if (rm === undefined) return false;
    out.rm = rm;
    place(rm === 6);
    return true;
  }
  if (base && base.number > 7) out.rex |= 1;
  if (index && index.number > 7) out.rex |= 2;
  const scale = Math.log2(operand.scale);
  const indexBits = (index ? index.number & 7 : 4) << 3;
  if (!base) {
    out.mod = 0;
    out.displacement = full();
    if (!index && context.bits !== 64) out.rm = 5;
    else {
      out.rm = 4;
      out.sib = (scale << 6) | indexBits | 5;
    }
    return true;
  }
  const low = base.number & 7;
  if (index || low === 4) {
    out.rm = 4;
    out.sib = (scale << 6) | indexBits | low;
  } else out.rm = low;
  place(low === 5);
  return true;
}

function emit(
  row: Row,
  encoding: Encoding,
  statement: Statement,
  { bits, address }: Context,
  prefix66: boolean,
): number[] | undefined {
  const bytes: number[] = [];
  if (encoding.segment >= 0) bytes.push(segmentBytes[encoding.segment]!);
  if (encoding.addressPrefix) bytes.push(0x67);
  if (prefix66) bytes.push(0x66);
  bytes.push(...statement.repeats);
  if (row.prefix === 'f2') bytes.push(0xf2);
  if (row.prefix === 'f3') bytes.push(0xf3);
  if (encoding.needsRex) bytes.push(0x40 | encoding.rex);
  bytes.push(...escapes[row.space]!, row.byte + encoding.opcodeRegister);
  if (row.modrm >= 0) bytes.push(row.modrm);
  else if (row.hasModrm) {
    bytes.push((encoding.mod << 6) | (encoding.reg << 3) | encoding.rm);
    if (encoding.sib >= 0) bytes.push(encoding.sib);
  }
  const tail = [...(encoding.displacement ? [encoding.displacement] : []), ...encoding.immediates];
  const length = bytes.length + tail.reduce((sum, part) => sum + part.bytes, 0);
  for (const { bytes: count, value, relative } of tail) {
    const width = count * 8;
    let written = value;
    if (relative) {
      written = value - (address + BigInt(length));
      const around = bits === 64 ? 64 : bits === 32 && !prefix66 ? 32 : 16;
      written = BigInt.asIntN(around, written);
      if (!fitsSigned(written, width)) return undefined;
    }
    for (let n = 0; n < count; n++) bytes.push(Number((written >> BigInt(8 * n)) & 0xffn));
  }
  return bytes;
}
