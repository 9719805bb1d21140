/** Which forms are handled in the loop itself: the integer instructions that compiled code is made of. All others have a function. */
import type { Form } from '../isa/form.ts';
import type { InlineHandler } from './dispatch.ts';

const arithmetic = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp', 'test', 'mov'];
const conditions = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];

/** With every kind of operand. */
const anyOperand = new Set([
  ...arithmetic,
  'movzx',
  'movsx',
  'movsxd',
  'lea',
  'inc',
  'dec',
  'push',
  'pop',
  'call',
  'jmp',
  'ret',
  'leave',
  'imul',
  ...conditions.map(condition => `j${condition}`),
]);
/** With register operands only. */
const registers = new Set([
  'neg',
  'not',
  'shl',
  'shr',
  'sar',
  'rol',
  'ror',
  'xchg',
  'bt',
  'mul',
  'bswap',
  'nop',
  'cdqe',
  'cwde',
  'cqo',
  'cdq',
  ...conditions.flatMap(condition => [`set${condition}`, `cmov${condition}`]),
]);

const plain = new Set(['general', 'memory', 'immediate', 'relative', 'cl', 'one']);

export function isHot(form: Form): boolean {
  const { name, privileged, intercept, unit } = form.instruction;
  const memory = form.operands.some(({ kind }) => kind === 'memory');
  if (privileged || intercept || unit || !form.code64) return false;
  if (!form.operands.every(({ kind }) => plain.has(kind))) return false;
  if (form.operands.some(({ width }) => width === 16) && name !== 'movzx' && name !== 'movsx' && name !== 'mov')
    return false;
  return anyOperand.has(name) || (registers.has(name) && !memory);
}

/** Operands in memory have two handlers: a base and a displacement, and everything else. */
export function hotHandlers(forms: readonly Form[]): InlineHandler[] {
  return forms.filter(isHot).flatMap((form): InlineHandler[] => {
    const memory = form.operands.some(({ kind }) => kind === 'memory');
    const both: InlineHandler[] = [
      { form, addressing: 'any' },
      { form, addressing: 'simple' },
    ];
    return memory ? both : both.slice(0, 1);
  });
}
