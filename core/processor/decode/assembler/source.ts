/** Assembly source to lines: labels, directives and instructions. Comments start with ; or # or //. */

import { MachineError } from '../../../board/framework/error.ts';
import { predicates, vexPredicates } from '../names.ts';
import { Complaint, complain } from './complaint.ts';
import type { Statement as Instruction } from './encoding.ts';
import { parseOperand, registerNamed, splitAt } from './operand.ts';
import { stringForm } from './string-form.ts';

export type Statement =
  | { readonly kind: 'constant'; readonly name: string; readonly value: string }
  | { readonly kind: 'bits'; readonly bits: 16 | 32 | 64 }
  | { readonly kind: 'org'; readonly value: string }
  | { readonly kind: 'align'; readonly boundary: string; readonly fill: string }
  | { readonly kind: 'space'; readonly count: string; readonly size: number; readonly fill: string | undefined }
  | { readonly kind: 'data'; readonly size: number; readonly values: readonly string[]; readonly terminated: boolean }
  | { readonly kind: 'instruction'; readonly instruction: Instruction; readonly times: string | undefined };

export interface Line {
  readonly number: number;
  readonly text: string;
  readonly labels: readonly string[];
  readonly statement: Statement | undefined;
}

const dataSizes: Readonly<Record<string, number>> = {
  db: 1,
  '.byte': 1,
  '.ascii': 1,
  '.asciz': 1,
  '.string': 1,
  dw: 2,
  '.word': 2,
  '.short': 2,
  '.2byte': 2,
  dd: 4,
  '.long': 4,
  '.int': 4,
  '.4byte': 4,
  dq: 8,
  '.quad': 8,
  '.8byte': 8,
};
const spaceSizes: Readonly<Record<string, number>> = {
  resb: 1,
  resw: 2,
  resd: 4,
  resq: 8,
  '.skip': 1,
  '.space': 1,
  '.zero': 1,
};
const ignored: ReadonlySet<string> = new Set([
  'global',
  'extern',
  'section',
  'segment',
  'default',
  '.global',
  '.globl',
  '.text',
  '.data',
  '.section',
  '.intel_syntax',
]);
const repeatBytes: Readonly<Record<string, number>> = {
  lock: 0xf0,
  rep: 0xf3,
  repe: 0xf3,
  repz: 0xf3,
  repne: 0xf2,
  repnz: 0xf2,
};

const withoutComment = (line: string): string => {
  let quote = '';
  for (let n = 0; n < line.length; n++) {
    const character = line[n];
    if (quote) {
      if (character === '\\') n++;
      else if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (character === ';' || character === '#' || (character === '/' && line[n + 1] === '/'))
      return line.slice(0, n);
  }
  return line;
};

export function parseSource(source: string): Line[] {
  return source.split(/\r?\n/).map((text, index) => {
    try {
      return parseLine(withoutComment(text).trim(), text.trim(), index + 1);
    } catch (error) {
      if (!(error instanceof Complaint)) throw error;
      throw new MachineError('bad-argument', `${error.message}: "${text.trim()}"`, { path: `line ${index + 1}` });
    }
  });
}

const symbol = '[A-Za-z_.@?][\\w.@?$]*';
const labelled = new RegExp(`^(${symbol})\\s*:(?!:)\\s*`);
const constant = new RegExp(`^(${symbol})\\s+equ\\s+(.+)$|^(${symbol})\\s*=\\s*(.+)$`, 'i');

function parseLine(code: string, text: string, number: number): Line {
  const labels: string[] = [];
  let rest = code;
  for (;;) {
    const match = labelled.exec(rest);
    if (!match || registerNamed(match[1])) break;
    labels.push(match[1]);
    rest = rest.slice(match[0].length);
  }
  return { number, text, labels, statement: rest === '' ? undefined : parseStatement(rest, labels) };
}

function parseStatement(text: string, labels: string[]): Statement | undefined {
  const equ = constant.exec(text);
  if (equ) return { kind: 'constant', name: (equ[1] ?? equ[3])!, value: (equ[2] ?? equ[4])! };
  const equLabel = /^equ\s+(.+)$/i.exec(text);
  if (equLabel && labels.length > 0) return { kind: 'constant', name: labels.pop()!, value: equLabel[1] };
  const bracketed = /^\[(bits\s+\d+)\]$/i.exec(text)?.[1] ?? text;
  const [, head, tail = ''] = /^(\S+)\s*(.*)$/s.exec(bracketed)!;
  const word = head!.toLowerCase();
  const list = (): string[] => splitAt(tail, ',').map(part => part.trim());

  if (word in dataSizes) {
    return {
      kind: 'data',
      size: dataSizes[word],
      values: list(),
      terminated: word === '.asciz' || word === '.string',
    };
  }
  if (word in spaceSizes) {
    const [count, fill] = list();
    return { kind: 'space', count: count!, size: spaceSizes[word], fill };
  }
  if (ignored.has(word)) return undefined;
  switch (word) {
    case 'bits':
      return bitsStatement(tail);
    case '.code16':
    case '.code32':
    case '.code64':
      return bitsStatement(word.slice(5));
    case 'org':
    case '.org':
      return { kind: 'org', value: tail };
    case 'align':
    case '.align':
    case '.balign': {
      const [boundary, fill] = list();
      return { kind: 'align', boundary: boundary!, fill: fill ?? '0x90' };
    }
    case 'times': {
      const [, count, repeated] =
        /^(\([^)]*\)|\S+)\s+(.+)$/s.exec(tail) ?? complain('times needs a count and a statement');
      const inner = parseStatement(repeated!, []);
      if (inner?.kind === 'data' && inner.values.length === 1) {
        return { kind: 'space', count: count!, size: inner.size, fill: inner.values[0] };
      }
      if (inner?.kind !== 'instruction') return complain('times repeats instructions and single values only');
      return { ...inner, times: count };
    }
    default:
      return { kind: 'instruction', instruction: parseInstruction(bracketed), times: undefined };
  }
}

function bitsStatement(text: string): Statement {
  const bits = Number(text);
  if (bits !== 16 && bits !== 32 && bits !== 64) return complain('code is 16, 32 or 64 bits wide');
  return { kind: 'bits', bits };
}

const comparison = new RegExp(`^(v?)cmp(${vexPredicates.join('|')})([ps][sd])$`);

/** `cmpltps xmm0, xmm1` to `cmpps xmm0, xmm1, 1`. */
function comparisonForm(statement: Instruction): Instruction {
  const [, v, predicate, type] = comparison.exec(statement.mnemonic) ?? [];
  const number = (v ? vexPredicates : predicates).indexOf(predicate ?? '');
  if (number < 0) return statement;
  const immediate = { kind: 'immediate', text: String(number), distance: undefined } as const;
  return { ...statement, mnemonic: `${v}cmp${type}`, operands: [...statement.operands, immediate] };
}

/** `ljmp 8, start` to `jmp 8:start`. */
function farForm(statement: Instruction): Instruction {
  const [selector, offset] = statement.operands;
  const written = /^l(jmp|call)$/.exec(statement.mnemonic);
  if (!written || selector?.kind !== 'immediate' || offset?.kind !== 'immediate') return statement;
  return {
    ...statement,
    mnemonic: written[1],
    operands: [{ kind: 'far', selector: selector.text, offset: offset.text }],
  };
}

function parseInstruction(text: string): Instruction {
  const repeats: number[] = [];
  let segment = -1;
  let rest = text;
  for (;;) {
    const [, word, tail] = /^(\S+)\s*(.*)$/s.exec(rest) ?? complain('an instruction is missing');
    const name = word!.toLowerCase();
    if (name in repeatBytes) repeats.push(repeatBytes[name]);
    else {
      const register = registerNamed(name);
      if (register?.class !== 'segment') {
        const operands = tail!.trim() === '' ? [] : splitAt(tail!, ',').map(parseOperand);
        return stringForm(comparisonForm(farForm({ mnemonic: name, operands, repeats, segment })));
      }
      segment = register.number;
    }
    rest = tail!;
  }
}
