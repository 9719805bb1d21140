/** x87 loads, stores, exchanges and constants (SDM vol. 1, section 8.3.3). */
import { constant, type Value } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';
import type { Operand, Tracer } from '../trace.ts';
import { double, int16, int32, int64, kindOf, type MemoryForm, placeOf, single } from './memory-operand.ts';
import { X87Constant } from './operations.ts';

const encodingsOf = (forms: readonly MemoryForm[]): Encoding[] => forms.map(({ opcode, operand }) => [opcode, operand]);
const number = (value: number): Value => constant(32, value);

/** Eighty bits. */
const readExtended = (source: Operand): [Value, Value] => [source.readAt(0, 64), source.readAt(8, 16)];

const reals = [single('d9 /0'), double('dd /0')];
export const FLD = instruction('fld', {
  encodings: [...encodingsOf(reals), ['db /5', 'Mt'], ['d9 /0', 'STi']],
  unit: 'x87',
  semantics(cpu, source) {
    if (!source.isMemory) cpu.call('x87LoadRegister', source.number());
    else if (source.form?.width === 0) cpu.call('x87LoadExtended', ...readExtended(source));
    else cpu.call('x87Load', number(kindOf(source, reals)), source.read().zeroExtend(64), ...placeOf(source));
  },
});

const integers = [int16('df /0'), int32('db /0'), int64('df /5')];
export const FILD = instruction('fild', {
  encodings: encodingsOf(integers),
  unit: 'x87',
  semantics(cpu, source) {
    cpu.call('x87Load', number(kindOf(source, integers)), source.read().zeroExtend(64), ...placeOf(source));
  },
});

export const FBLD = instruction('fbld', {
  encodings: [['df /4', 'Mt']],
  unit: 'x87',
  semantics(cpu, source) {
    cpu.call('x87LoadDecimal', ...readExtended(source));
  },
});

/** Memory is known to be writable before the unit changes; an unmasked exception then keeps the number back. */
function store(cpu: Tracer, target: Operand, kind: number, pops: boolean): void {
  target.probeAt(0, target.width);
  const [bits, refused] = cpu.call('x87Store', number(kind), number(pops ? 1 : 0), ...placeOf(target));
  cpu.finish(refused.ne(0));
  target.write(bits.resize(target.width));
}

function storeTen(cpu: Tracer, target: Operand, result: () => Value[]): void {
  target.probeAt(0, 64);
  target.probeAt(8, 16);
  const [low, high] = result();
  cpu.finish(high.bit(16));
  target.writeAt(0, low);
  target.writeAt(8, high.truncate(16));
}

const stores = (name: string, forms: readonly MemoryForm[], registers: readonly string[], pops: boolean): Instruction =>
  instruction(name, {
    encodings: [
      ...encodingsOf(forms),
      ...registers.map((opcode): Encoding => [opcode, 'STi']),
      ...(name === 'fstp' ? [['db /7', 'Mt'] as Encoding] : []),
    ],
    unit: 'x87',
    semantics(cpu, target) {
      if (!target.isMemory) cpu.call('x87StoreRegister', target.number(), number(pops ? 1 : 0));
      else if (target.form?.width === 0) storeTen(cpu, target, () => cpu.call('x87StoreExtended'));
      else store(cpu, target, kindOf(target, forms) | (name === 'fisttp' ? 8 : 0), pops);
    },
  });

export const FST = stores('fst', [single('d9 /2'), double('dd /2')], ['dd /2'], false);
export const FSTP = stores('fstp', [single('d9 /3'), double('dd /3')], ['dd /3', 'df /2', 'df /3'], true);
export const FIST = stores('fist', [int16('df /2'), int32('db /2')], [], false);
export const FISTP = stores('fistp', [int16('df /3'), int32('db /3'), int64('df /7')], [], true);
export const FISTTP = instruction('fisttp', {
  ...stores('fisttp', [int16('df /1'), int32('db /1'), int64('dd /1')], [], true),
  feature: 'sse3',
});

export const FBSTP = instruction('fbstp', {
  encodings: [['df /6', 'Mt']],
  unit: 'x87',
  semantics(cpu, target) {
    storeTen(cpu, target, () => cpu.call('x87StoreDecimal', ...placeOf(target)));
  },
});

/** The latter two opcodes are as old as the first and mean the same. */
export const FXCH = instruction('fxch', {
  encodings: [
    ['d9 /1', 'STi'],
    ['dd /1', 'STi'],
    ['df /1', 'STi'],
  ],
  unit: 'x87',
  semantics(cpu, other) {
    cpu.call('x87Exchange', other.number());
  },
});

const load = (name: string, opcode: string, which: number): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    unit: 'x87',
    semantics(cpu) {
      cpu.call('x87LoadConstant', number(which));
    },
  });

export const constants: readonly Instruction[] = [
  load('fld1', 'd9 e8', X87Constant.one),
  load('fldl2t', 'd9 e9', X87Constant.log2Ten),
  load('fldl2e', 'd9 ea', X87Constant.log2E),
  load('fldpi', 'd9 eb', X87Constant.pi),
  load('fldlg2', 'd9 ec', X87Constant.logTen2),
  load('fldln2', 'd9 ed', X87Constant.ln2),
  load('fldz', 'd9 ee', X87Constant.zero),
];

type Condition = (cpu: Tracer) => Value;

const move = (name: string, opcode: string, condition: Condition): Instruction =>
  instruction(name, {
    encodings: [[opcode, 'ST0', 'STi']],
    feature: 'cmov',
    unit: 'x87',
    semantics(cpu, _target, source) {
      cpu.call('x87Move', source.number(), condition(cpu).zeroExtend(32));
    },
  });

const below: Condition = cpu => cpu.flag('cf');
const equal: Condition = cpu => cpu.flag('zf');
const belowOrEqual: Condition = cpu => cpu.flag('cf').or(cpu.flag('zf'));
const unordered: Condition = cpu => cpu.flag('pf');
const not =
  (condition: Condition): Condition =>
  cpu =>
    condition(cpu).xor(constant(1, 1));

export const conditionalMoves: readonly Instruction[] = [
  move('fcmovb', 'da /0', below),
  move('fcmove', 'da /1', equal),
  move('fcmovbe', 'da /2', belowOrEqual),
  move('fcmovu', 'da /3', unordered),
  move('fcmovnb', 'db /0', not(below)),
  move('fcmovne', 'db /1', not(equal)),
  move('fcmovnbe', 'db /2', not(belowOrEqual)),
  move('fcmovnu', 'db /3', not(unordered)),
];

const free = (name: string, opcode: string, pops: 0 | 1): Instruction =>
  instruction(name, {
    encodings: [[opcode, 'STi']],
    unit: 'x87',
    semantics(cpu, register) {
      cpu.call('x87Free', register.number(), number(pops));
    },
  });

export const FFREE = free('ffree', 'dd /0', 0);
export const FFREEP = free('ffreep', 'df /0', 1);

const rotate = (name: string, opcode: string, by: number): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    unit: 'x87',
    semantics(cpu) {
      cpu.call('x87Rotate', number(by));
    },
  });

export const FDECSTP = rotate('fdecstp', 'd9 f6', -1);
export const FINCSTP = rotate('fincstp', 'd9 f7', 1);
