/** x87 arithmetic, comparisons and functions (SDM vol. 1, sections 8.3.5 to 8.3.9). */
import { no, type Value, yes } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';
import { double, int16, int32, kindOf, type MemoryForm, placeOf, single } from './memory-operand.ts';
import { intelAngle, X87Arithmetic, X87Compare, X87Function } from './operations.ts';
import { type Extended, isPlain, number, type Outcome, zeroOf } from './plain.ts';
import { addPlain, dividePlain, multiplyPlain, type Operation, rootOfPlain } from './plain-arithmetic.ts';
import { comparePlain, fromMemory, type Order, roundPlain } from './plain-conversion.ts';
import { type Change, first, pops, Stack } from './stack.ts';

const negated = ({ significand, signExponent }: Extended): Extended => ({
  significand,
  signExponent: signExponent.xor(0x8000),
});

/** Of target and source. */
const operations: Readonly<Record<X87Arithmetic, Operation>> = {
  [X87Arithmetic.add]: addPlain,
  [X87Arithmetic.multiply]: multiplyPlain,
  [X87Arithmetic.subtract]: (target, source, control) => addPlain(target, negated(source), control),
  [X87Arithmetic.subtractReversed]: (target, source, control) => addPlain(source, negated(target), control),
  [X87Arithmetic.divide]: dividePlain,
  [X87Arithmetic.divideReversed]: (target, source, control) => dividePlain(source, target, control),
};

const onMemory = (name: string, operation: X87Arithmetic, forms: readonly MemoryForm[]): Instruction =>
  instruction(name, {
    encodings: forms.map(({ opcode, operand }) => [opcode, operand] as const),
    unit: 'x87',
    semantics(cpu, source) {
      const kind = kindOf(source, forms);
      const bits = source.read();
      const stack = new Stack(cpu);
      const operand = fromMemory(kind, bits);
      const result = operations[operation](stack.read(first), operand, stack.control);
      stack.change(
        stack.holds(first).and(operand.isPlain).and(result.isPlain),
        'x87ArithmeticMemory',
        [number(operation), number(kind), bits.zeroExtend(64), ...placeOf(source)],
        { writes: [[first, result]], status: result.status, source },
      );
    },
  });

const onRegisters = (name: string, operation: X87Arithmetic, encodings: Instruction['encodings']): Instruction =>
  instruction(name, {
    encodings,
    unit: 'x87',
    semantics(cpu, target, source) {
      const index = (operand: typeof target): Value => (operand.form?.kind === 'st0' ? first : operand.number());
      const [to, from] = [index(target), index(source)];
      const stack = new Stack(cpu);
      const result = operations[operation](stack.read(to), stack.read(from), stack.control);
      const popped = name.endsWith('p');
      stack.change(
        stack.holds(to, from).and(result.isPlain),
        'x87Arithmetic',
        [number(operation), to, from, number(popped ? 1 : 0)],
        { writes: [[to, result]], status: result.status, ...(popped ? pops : {}) },
      );
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

const codes = 0x4500;
const codesOf = ({ less, equal }: Order): Value => less.zeroExtend(32).shl(8).or(equal.zeroExtend(32).shl(14));

const popsOf = (how: number): Pick<Change, 'frees' | 'rotates'> => {
  if ((how & X87Compare.popTwo) !== 0) return { frees: [first, number(1)], rotates: 2 };
  return (how & X87Compare.popOne) !== 0 ? pops : {};
};

const compareMemory = (name: string, how: number, forms: readonly MemoryForm[]): Instruction =>
  instruction(name, {
    encodings: forms.map(({ opcode, operand }) => [opcode, operand] as const),
    unit: 'x87',
    semantics(cpu, source) {
      const kind = kindOf(source, forms);
      const bits = source.read();
      const stack = new Stack(cpu);
      const target = stack.read(first);
      const operand = fromMemory(kind, bits);
      stack.change(
        stack.holds(first).and(isPlain(target)).and(operand.isPlain),
        'x87CompareMemory',
        [number(kind), bits.zeroExtend(64), number(how), ...placeOf(source)],
        { codes, status: codesOf(comparePlain(target, operand)), source, ...popsOf(how) },
      );
    },
  });

const compareWith = (stack: Stack, index: Value): { order: Order; plain: Value } => {
  const [target, source] = [stack.read(first), stack.read(index)];
  return {
    order: comparePlain(target, source),
    plain: stack.holds(first, index).and(isPlain(target)).and(isPlain(source)),
  };
};

const compare = (name: string, how: number, ...opcodes: string[]): Instruction =>
  instruction(name, {
    encodings: opcodes.map(opcode => [opcode, 'STi'] as const),
    unit: 'x87',
    semantics(cpu, other) {
      const stack = new Stack(cpu);
      const index = other.number();
      const { order, plain } = compareWith(stack, index);
      stack.change(plain, 'x87Compare', [index, number(how)], { codes, status: codesOf(order), ...popsOf(how) });
    },
  });

/** ST(0) with ST(1), both of which go. */
const compareTwo = (name: string, quiet: number, opcode: string): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    unit: 'x87',
    semantics(cpu) {
      const stack = new Stack(cpu);
      const how = quiet | X87Compare.popTwo;
      const { order, plain } = compareWith(stack, number(1));
      stack.change(plain, 'x87Compare', [number(1), number(how)], { codes, status: codesOf(order), ...popsOf(how) });
    },
  });

const compareFlags = (name: string, how: number, opcode: string): Instruction =>
  instruction(name, {
    encodings: [[opcode, 'ST0', 'STi']],
    feature: 'cmov',
    unit: 'x87',
    semantics(cpu, _target, source) {
      const stack = new Stack(cpu);
      const index = source.number();
      const { order, plain } = compareWith(stack, index);
      stack.change(plain, 'x87CompareFlags', [index, number(how)], { keepsC1: true, ...popsOf(how) });
      cpu.setFlags({ zf: order.equal, cf: order.less, pf: no, of: no, sf: no, af: no });
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

type Compute = (operand: Extended, control: Value) => Pick<Outcome, 'isPlain'> & Change;

/** Functions of ST(0) that are more often of a plain number than not. */
const ofTop = (name: string, opcode: string, which: X87Function, compute?: Compute): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    unit: 'x87',
    semantics(cpu) {
      if (!compute) {
        cpu.call('x87Function', number(which));
        return;
      }
      const stack = new Stack(cpu);
      const { isPlain: plain, ...change } = compute(stack.read(first), stack.control);
      stack.change(stack.holds(first).and(plain), 'x87Function', [number(which)], change);
    },
  });

/** FSIN, FCOS, FSINCOS, FPTAN: what they make of tiny angles depends on the vendor. */
const ofAngle = (name: string, opcode: string, which: X87Function): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    unit: 'x87',
    vendorDependent: () => true,
    semantics(cpu) {
      cpu.call('x87Function', number(cpu.form.vendor === 'intel' ? which | intelAngle : which));
    },
  });

const replaced =
  (compute: (operand: Extended, control: Value) => Outcome): Compute =>
  (operand, control) => {
    const result = compute(operand, control);
    return { isPlain: result.isPlain, writes: [[first, result]], status: result.status };
  };

const ofSign =
  (change: (signExponent: Value) => Value): Compute =>
  ({ significand, signExponent }) => ({
    isPlain: yes,
    writes: [[first, { significand, signExponent: change(signExponent) }]],
  });

const test: Compute = operand => ({
  isPlain: isPlain(operand),
  codes,
  status: codesOf(comparePlain(operand, zeroOf(no))),
});

export const x87Functions: readonly Instruction[] = [
  ofTop(
    'fchs',
    'd9 e0',
    X87Function.changeSign,
    ofSign(sign => sign.xor(0x8000)),
  ),
  ofTop(
    'fabs',
    'd9 e1',
    X87Function.absolute,
    ofSign(sign => sign.and(0x7fff)),
  ),
  ofTop('ftst', 'd9 e4', X87Function.test, test),
  ofTop('fxam', 'd9 e5', X87Function.examine),
  ofTop('f2xm1', 'd9 f0', X87Function.exponential),
  ofTop('fyl2x', 'd9 f1', X87Function.logarithm),
  ofAngle('fptan', 'd9 f2', X87Function.tangent),
  ofTop('fpatan', 'd9 f3', X87Function.arctangent),
  ofTop('fxtract', 'd9 f4', X87Function.extract),
  ofTop('fprem1', 'd9 f5', X87Function.remainderNearest),
  ofTop('fprem', 'd9 f8', X87Function.remainder),
  ofTop('fyl2xp1', 'd9 f9', X87Function.logarithmOfSuccessor),
  ofTop('fsqrt', 'd9 fa', X87Function.squareRoot, replaced(rootOfPlain)),
  ofAngle('fsincos', 'd9 fb', X87Function.sineCosine),
  ofTop('frndint', 'd9 fc', X87Function.round, replaced(roundPlain)),
  ofTop('fscale', 'd9 fd', X87Function.scale),
  ofAngle('fsin', 'd9 fe', X87Function.sine),
  ofAngle('fcos', 'd9 ff', X87Function.cosine),
];
