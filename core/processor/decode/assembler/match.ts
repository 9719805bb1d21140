/** Whether operands fit a row's patterns; what they say is put into the encoding. */
import { type OperandPattern, operandWidth } from '../../isa/operand-pattern.ts';
import type { Row } from '../../isa/row.ts';
import { encodeDirect, encodeMemory } from './address.ts';
import { type Context, type Encoding, fitsSigned } from './encoding.ts';
import type { Operand, RegisterOperand } from './operand.ts';

/** Selectors: a wider register may be named. */
const takesSelector = ({ instruction, operands }: Row): boolean =>
  operands.some(({ kind }) => kind === 'segment') || /^(lldt|ltr|verr|verw|lmsw|lar|lsl)$/.test(instruction.name);

const registerFits = (pattern: OperandPattern, operand: RegisterOperand, width: number, row: Row): boolean => {
  switch (pattern.kind) {
    case 'general':
    case 'memory':
      return (
        operand.class === 'general' &&
        (operand.width === width || (pattern.type === 'w' && operand.width > 16 && takesSelector(row)))
      );
    case 'xmm':
      return operand.class === 'xmm' && operand.width === (width === 256 ? 256 : 128);
    default:
      return operand.class === pattern.kind;
  }
};

/** Whether an operand fits a pattern; its bits go into `out`. */
export function matches(
  pattern: OperandPattern,
  operand: Operand,
  size: 16 | 32 | 64,
  row: Row,
  context: Context,
  out: Encoding,
): boolean {
  const width = operandWidth(pattern, size, out.l);
  if (pattern.method === '') return matchesFixed(pattern, operand, width, context);
  switch (operand.kind) {
    case 'memory':
      if (!pattern.memory || (pattern.modrm && !row.memory)) return false;
      if (operand.width > 0 && !memoryFits(pattern, operand.width, width, size)) return false;
      if (operand.width < 0 && pattern.type !== 'p') return false;
      out.memoryWidth = width || -1;
      return pattern.method === 'O' ? encodeDirect(operand, context, out) : encodeMemory(operand, context, out);
    case 'register': {
      if (pattern.method === 'M' || pattern.method === 'O' || !registerFits(pattern, operand, width, row)) return false;
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
  if (pattern.method === 'H' || pattern.method === 'B') out.vvvv = number;
  else if (pattern.method === 'L') out.immediates.push({ bytes: 1, value: BigInt(number << 4), relative: false });
  else if (pattern.method === 'Z') {
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
