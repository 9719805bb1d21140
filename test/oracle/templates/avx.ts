/** VEX-encoded instructions: a template for each row of the instruction table that has one, its operands as the row says. */
import { opcodeMap } from '../../../core/processor/isa/opcode-map.ts';
import type { OperandPattern } from '../../../core/processor/isa/operand-pattern.ts';
import { laneWidth, operandWidth } from '../../../core/processor/isa/operand-pattern.ts';
import type { Row } from '../../../core/processor/isa/row.ts';
import { fxOffsets } from '../machine.ts';
import type { FlagUse, Size, Snippet, Template } from '../snippet.ts';
import { all } from './flags.ts';
import { chooseMxcsr, type Element, vectorBytes, vectorMemory } from './vector.ts';

const elementOf = (name: string): Element => {
  if (/(ps|ss)$/.test(name) || /^vcvt(ps|ss)2/.test(name) || /^vcvttps/.test(name)) return 'ps';
  return /(pd|sd)$/.test(name) || /^vcvtt?(pd|sd)2/.test(name) ? 'pd' : 'int';
};

/** A register with both halves chosen. */
export const vector = (s: Snippet, element: Element, bits: number): string => {
  const index = s.random.below(s.mode === 64 ? 16 : 8);
  if (!s.vectors.has(index)) {
    s.vectors.add(index);
    s.setFx(fxOffsets.xmm + index * 16, vectorBytes(s, element, 16));
    s.setFx(fxOffsets.ymmHigh + index * 16, vectorBytes(s, element, 16));
  }
  return `${bits === 256 ? 'ymm' : 'xmm'}${index}`;
};

/** Shift counts: mostly few. */
const count = (s: Snippet): Uint8Array => {
  const bytes = vectorBytes(s, 'int', 16);
  if (s.random.chance(0.8)) bytes.fill(0, 1);
  if (s.random.chance(0.8)) bytes[0]! &= 0x3f;
  return bytes;
};

const isShift = (row: Row): boolean => /^vps[lr][lar]/.test(row.instruction.name);

interface Choice {
  readonly size: 32 | 64;
  readonly l: 0 | 1;
  readonly isMemory: boolean;
}

function operand(s: Snippet, row: Row, pattern: OperandPattern, at: number, choice: Choice): string {
  const { instruction } = row;
  const element = elementOf(instruction.name);
  const width = operandWidth(pattern, choice.size, choice.l);
  const written = at === 0 ? 'write' : 'read';
  const counts = isShift(row) && pattern.type === 'dq' && at === 2;
  if (pattern.memory && (choice.isMemory || !pattern.register)) {
    const bytes = (width || 32) / 8;
    if (instruction.aligned === 'always')
      return vectorMemory(s, element, bytes, { align: s.random.chance(0.97) ? bytes : 1 });
    return counts ? s.memory(16, { value: count(s) }) : vectorMemory(s, element, bytes);
  }
  switch (pattern.kind) {
    case 'general':
      return s.register(width as Size, written);
    case 'immediate':
      return String(s.random.chance(0.5) ? s.random.below(32) : s.random.below(256));
    default:
      if (counts && s.random.chance(0.7)) {
        const index = s.random.below(8);
        if (!s.vectors.has(index)) {
          s.vectors.add(index);
          s.setFx(fxOffsets.xmm + index * 16, count(s));
          return `xmm${index}`;
        }
      }
      return vector(s, element, width);
  }
}

/** Which operands come first in the bytes decides where GNU as has a choice. */
const isStore = ({ operands }: Row, isMemory: boolean): boolean =>
  !isMemory && /^[WU]$/.test(operands[0]!.method) && operands.at(-1)!.method === 'V';

/** AF and PF of BMI are undefined; BEXTR's SF, too. */
const bitFields: FlagUse = { writes: all, undefined: 0x14 };
const bitFieldNames = /^(andn|bls\w+|bzhi)$/;

const flagUse = (name: string): FlagUse | undefined =>
  /^v?u?comis[sd]$|^vptest$|^vtestp[sd]$/.test(name)
    ? { writes: all }
    : bitFieldNames.test(name)
      ? bitFields
      : name === 'bextr'
        ? { writes: all, undefined: 0x94 }
        : undefined;

function template(row: Row, isMemory: boolean, l: 0 | 1): Template {
  const { name } = row.instruction;
  return {
    name: row.text,
    share: 1,
    make(s) {
      if (/(ps|pd|ss|sd)$|cvt/.test(name)) chooseMxcsr(s);
      const size = row.options.w === undefined ? s.size(32, 64) : row.options.w === 1 && s.mode === 64 ? 64 : 32;
      const order = [...row.operands.keys()];
      // What is read is chosen first, so that the target may be the same register.
      const texts: string[] = [];
      for (const at of order.reverse())
        texts[at] = operand(s, row, row.operands[at]!, at, { size: size as 32 | 64, l, isMemory });
      if (/^vr(cp|sqrt)/.test(name)) s.precision = 'estimate';
      s.emit(`${isStore(row, isMemory) ? '{store} ' : ''}${name} ${texts.join(', ')}`, flagUse(name));
    },
    ...(/^vr(cp|sqrt)/.test(name) ? { alone: true } : {}),
  };
}

/** A template for each register and memory form and each vector width. */
function templatesOf(row: Row): Template[] {
  const kinds = [...(row.memory ? [true] : []), ...(row.register ? [false] : [])];
  const lengths: readonly (0 | 1)[] = row.l === 'both' ? [0, 1] : [row.l === 1 ? 1 : 0];
  const wide = row.operands.some(pattern => laneWidth(pattern) > 0);
  return kinds.flatMap(isMemory =>
    lengths.filter(l => l === 0 || wide || row.l === 1).map(l => template(row, isMemory, l)),
  );
}

export const templates: Template[] = opcodeMap()
  .rows.filter(({ vex }) => vex)
  .flatMap(templatesOf);
