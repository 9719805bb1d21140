/** x87 arithmetic, comparisons and functions (SDM vol. 1, sections 8.3.5 to 8.3.9). */
import { constant, type Value } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';
import { double, int16, int32, kindOf, type MemoryForm, placeOf, single } from './memory-operand.ts';
import { X87Arithmetic, X87Compare, X87Function } from './operations.ts';

const number = (value: number): Value => constant(32, value);
const top = number(0);

const onMemory = (name: string, operation: X87Arithmetic, forms: readonly MemoryForm[]): Instruction =>
  instruction(name, {
    encodings: forms.map(({ opcode, operand }) => [opcode, operand] as const),
    unit: 'x87',
    semantics(cpu, source) {
      const bits = source.read().zeroExtend(64);
      cpu.call('x87ArithmeticMemory', number(operation), number(kindOf(source, forms)), bits, ...placeOf(source));
    },
  });

const onRegisters = (name: string, operation: X87Arithmetic, encodings: Instruction['encodings']): Instruction =>
  instruction(name, {
    encodings,
    unit: 'x87',
    semantics(cpu, target, source) {
      const index = (operand: typeof target): Value => (operand.form?.kind === 'st0' ? top : operand.number());
      const pops = number(name.endsWith('p') ? 1 : 0);
      cpu.call('x87Arithmetic', number(operation), index(target), index(source), pops);
    },
  });

/** Where ST(i) is the target, the opcodes of the reversed operations are exchanged. */
const family = (name: string, operation: X87Arithmetic, row: number, exchanged: number): Instruction[] => [
  onMemory(`f${name}`, operation, [single(`d8 /${row}`), double(`dc /${row}`)]),
  onMemory(`fi${name}`, operation, [int32(`da /${row}`), int16(`de /${row}`)]),
  onRegisters(`f${name}`, operation, [
    [`d8 /${row}`, 'ST0', 'STi'],
    [`dc /${exchanged}`, 'STi', 'ST0'],
  ]),
  onRegisters(`f${name}p`, operation, [[`de /${exchanged}`, 'STi', 'ST0']]),
];

export const x87Arithmetic: readonly Instruction[] = [
  ...family('add', X87Arithmetic.add, 0, 0),
  ...family('mul', X87Arithmetic.multiply, 1, 1),
  ...family('sub', X87Arithmetic.subtract, 4, 5),
  ...family('subr', X87Arithmetic.subtractReversed, 5, 4),
  ...family('div', X87Arithmetic.divide, 6, 7),
  ...family('divr', X87Arithmetic.divideReversed, 7, 6),
];

const compareMemory = (name: string, how: number, forms: readonly MemoryForm[]): Instruction =>
  instruction(name, {
    encodings: forms.map(({ opcode, operand }) => [opcode, operand] as const),
    unit: 'x87',
    semantics(cpu, source) {
      const bits = source.read().zeroExtend(64);
      cpu.call('x87CompareMemory', number(kindOf(source, forms)), bits, number(how), ...placeOf(source));
    },
  });

const compare = (name: string, how: number, ...opcodes: string[]): Instruction =>
  instruction(name, {
    encodings: opcodes.map(opcode => [opcode, 'STi'] as const),
    unit: 'x87',
    semantics(cpu, other) {
      cpu.call('x87Compare', other.number(), number(how));
    },
  });

/** ST(0) with ST(1), both of which go. */
const compareTwo = (name: string, how: number, opcode: string): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    unit: 'x87',
    semantics(cpu) {
      cpu.call('x87Compare', number(1), number(how | X87Compare.popTwo));
    },
  });

const compareFlags = (name: string, how: number, opcode: string): Instruction =>
  instruction(name, {
    encodings: [[opcode, 'ST0', 'STi']],
    feature: 'cmov',
    unit: 'x87',
    semantics(cpu, _target, source) {
      cpu.call('x87CompareFlags', source.number(), number(how));
    },
  });

const { quiet, popOne } = X87Compare;

export const x87Comparisons: readonly Instruction[] = [
  compareMemory('fcom', 0, [single('d8 /2'), double('dc /2')]),
  compareMemory('fcomp', popOne, [single('d8 /3'), double('dc /3')]),
  compareMemory('ficom', 0, [int32('da /2'), int16('de /2')]),
  compareMemory('ficomp', popOne, [int32('da /3'), int16('de /3')]),
  compare('fcom', 0, 'd8 /2', 'dc /2'),
  compare('fcomp', popOne, 'd8 /3', 'dc /3', 'de /2'),
  compare('fucom', quiet, 'dd /4'),
  compare('fucomp', quiet | popOne, 'dd /5'),
  compareTwo('fcompp', 0, 'de d9'),
  compareTwo('fucompp', quiet, 'da e9'),
  compareFlags('fcomi', 0, 'db /6'),
  compareFlags('fcomip', popOne, 'df /6'),
  compareFlags('fucomi', quiet, 'db /5'),
  compareFlags('fucomip', quiet | popOne, 'df /5'),
];

const ofTop = (name: string, opcode: string, which: X87Function): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    unit: 'x87',
    semantics(cpu) {
      cpu.call('x87Function', number(which));
    },
  });

export const x87Functions: readonly Instruction[] = [
  ofTop('fchs', 'd9 e0', X87Function.changeSign),
  ofTop('fabs', 'd9 e1', X87Function.absolute),
  ofTop('ftst', 'd9 e4', X87Function.test),
  ofTop('fxam', 'd9 e5', X87Function.examine),
  ofTop('f2xm1', 'd9 f0', X87Function.exponential),
  ofTop('fyl2x', 'd9 f1', X87Function.logarithm),
  ofTop('fptan', 'd9 f2', X87Function.tangent),
  ofTop('fpatan', 'd9 f3', X87Function.arctangent),
  ofTop('fxtract', 'd9 f4', X87Function.extract),
  ofTop('fprem1', 'd9 f5', X87Function.remainderNearest),
  ofTop('fprem', 'd9 f8', X87Function.remainder),
  ofTop('fyl2xp1', 'd9 f9', X87Function.logarithmOfSuccessor),
  ofTop('fsqrt', 'd9 fa', X87Function.squareRoot),
  ofTop('fsincos', 'd9 fb', X87Function.sineCosine),
  ofTop('frndint', 'd9 fc', X87Function.round),
  ofTop('fscale', 'd9 fd', X87Function.scale),
  ofTop('fsin', 'd9 fe', X87Function.sine),
  ofTop('fcos', 'd9 ff', X87Function.cosine),
];
