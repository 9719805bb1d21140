/** One instruction to bytes: every row that its operands fit is tried, the shortest encoding wins. */
import { sizeIn, sizeStateOf, sizeStates, vexStates } from '../../isa/opcode-map.ts';
import { operandWidth } from '../../isa/operand-pattern.ts';
import type { Row } from '../../isa/row.ts';
import { complain } from './complaint.ts';
import { emit } from './emit.ts';
import { addressBits, type Context, type Encoding, type Statement } from './encoding.ts';
import { matches } from './match.ts';
import { type Candidate, candidatesOf } from './mnemonics.ts';

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
        for (const rexW of context.bits === 64 || candidate.row.vex ? [false, true] : [false]) {
          for (const l of candidate.row.l === 'both' ? lengths : ([candidate.row.l === 1 ? 1 : 0] as const)) {
            const found = tryRow(candidate, order, context, { prefix66, rexW, l });
            if (!found) continue;
            memoryWidths.add(found.encoding.memoryWidth);
            if (!best || isBetter(found, best)) best = found;
          }
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

const lengths = [0, 1] as const;

/** Bits of an index that is a vector register; 0: it is a general one. */
function vectorIndexWidth(row: Row, l: 0 | 1): number {
  const index = row.operands.find(({ method }) => method === 'X');
  return index ? Math.max(operandWidth(index, 32, l), 128) : 0;
}

/** What prefixes say. */
interface Choice {
  readonly prefix66: boolean;
  readonly rexW: boolean;
  readonly l: 0 | 1;
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
  { prefix66, rexW, l }: Choice,
): Found | undefined {
  const { bits } = context;
  const addressSize = named || (statement.addressSize ?? 0);
  const written = row.operands.filter(({ method }) => method !== 'X').length;
  if (written !== statement.operands.flatMap(operand => (operand.kind === 'far' ? [1, 1] : [1])).length) return;
  if (row.vex ? prefix66 : row.prefix === '66' ? !prefix66 : row.prefix === 'none' && prefix66) return;
  if (prefix66 && rexW && row.prefix !== '66') return;
  const unusual = (prefix66 && row.prefix !== '66') || (rexW && row.options.w !== 1);
  // A 32-bit target out of 16-bit code.
  const farther = bits === 16 && /^[JA]$/.test(row.operands[0]?.method ?? '');
  if (unusual && wanted === 0 && !farther && !showsSize(row, statement)) return;
  const state = row.vex
    ? vexStates[(bits === 64 ? 4 : 0) | (rexW ? 2 : 0) | l]
    : sizeStates[sizeStateOf(bits === 16 ? 0 : bits === 32 ? 1 : 2, prefix66, rexW)];
  const size = sizeIn(row, state);
  if (size === 0 || (wanted !== 0 && wanted !== size)) return;
  const encoding: Encoding = {
    rex: rexW && !row.vex ? 8 : 0,
    needsRex: rexW && !row.vex,
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
    vvvv: 0,
    vectorIndex: vectorIndexWidth(row, l),
    w: rexW ? 1 : 0,
    l,
  };
  if (addressSize !== 0 && !addressBits[bits].includes(addressSize)) return;
  let at = 0;
  for (const pattern of row.operands) {
    // It stands in the memory operand.
    if (pattern.method === 'X') continue;
    const operand = statement.operands[at];
    if (operand.kind === 'far') {
      if (pattern.method !== 'A') return;
      const bytes = pattern.type === 'p' ? size / 8 : 2;
      const { value } = context.evaluate(pattern.type === 'p' ? operand.offset : operand.selector);
      if (value !== BigInt.asUintN(bytes * 8, value)) return;
      encoding.immediates.push({ bytes, value, relative: false });
      if (encoding.immediates.length === 2) at++;
      continue;
    }
    if (!matches(pattern, operand, size, row, context, encoding)) return;
    at++;
  }
  if (encoding.rex && !row.vex) encoding.needsRex = true;
  if (row.vex && encoding.rex && bits !== 64) return;
  if (encoding.needsRex && (encoding.forbidsRex || bits !== 64)) return;
  const bytes = emit(row, encoding, statement, context, prefix66);
  return bytes && { bytes, encoding };
}
