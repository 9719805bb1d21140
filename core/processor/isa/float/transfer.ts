/** x87 loads, stores, exchanges and constants (SDM vol. 1, section 8.3.3). */

import type { HelperName } from '../../ir/helpers.ts';
import { constant, no, type Value, yes } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';
import type { Operand } from '../operand.ts';
import type { Tracer } from '../tracer.ts';
import { double, int16, int32, int64, kindOf, type MemoryForm, placeOf, single } from './memory-operand.ts';
import { X87Constant, type X87Memory } from './operations.ts';
import { bias, choose, type Extended, not, number, topBit, zeroOf } from './plain.ts';
import { fromMemory, toMemory, toMemoryTruncated } from './plain-conversion.ts';
import { type Change, first, pops, pushes, Stack } from './stack.ts';

const encodingsOf = (forms: readonly MemoryForm[]): Encoding[] => forms.map(({ opcode, operand }) => [opcode, operand]);

/** Eighty bits. */
const readExtended = (source: Operand): [Value, Value] => [source.readAt(0, 64), source.readAt(8, 16)];

function loadConverted(cpu: Tracer, source: Operand, kind: X87Memory): void {
  const bits = source.read();
  const stack = new Stack(cpu);
  const value = fromMemory(kind, bits);
  const inputs = [number(kind), bits.zeroExtend(64), ...placeOf(source)];
  stack.change(stack.hasRoom.and(value.isPlain), 'x87Load', inputs, { ...pushes(value), source });
}

const reals = [single('d9 /0'), double('dd /0')];
export const FLD = instruction('fld', {
  encodings: [...encodingsOf(reals), ['db /5', 'Mt'], ['d9 /0', 'STi']],
  unit: 'x87',
  semantics(cpu, source) {
    if (source.form?.width !== 0 && source.isMemory) {
      loadConverted(cpu, source, kindOf(source, reals));
      return;
    }
    if (source.isMemory) {
      const [significand, signExponent] = readExtended(source);
      const stack = new Stack(cpu);
      const value = { significand, signExponent: signExponent.zeroExtend(32) };
      const inputs = [significand, signExponent, ...placeOf(source)];
      stack.change(stack.hasRoom, 'x87LoadExtended', inputs, { ...pushes(value), source });
      return;
    }
    const stack = new Stack(cpu);
    const index = source.number();
    const plain = stack.holds(index).and(stack.hasRoom);
    stack.change(plain, 'x87LoadRegister', [index], pushes(stack.read(index)));
  },
});

const integers = [int16('df /0'), int32('db /0'), int64('df /5')];
export const FILD = instruction('fild', {
  encodings: encodingsOf(integers),
  unit: 'x87',
  semantics(cpu, source) {
    loadConverted(cpu, source, kindOf(source, integers));
  },
});

export const FBLD = instruction('fbld', {
  encodings: [['df /4', 'Mt']],
  unit: 'x87',
  semantics(cpu, source) {
    cpu.call('x87LoadDecimal', ...readExtended(source), ...placeOf(source));
  },
});

/** What the helpers of a store are called, and what they are given. */
interface StoreHelpers {
  /** Answers, and leaves the unit alone unless an unmasked exception keeps the number back. */
  readonly prepare: HelperName;
  readonly store: HelperName;
  readonly inputs: readonly Value[];
}

/**
 * Where a store is `hard`, a helper converts, and changes the unit's registers; else the number is `plain`, up to 64 bits and 16 more. Memory
 * is known to be writable before the unit changes; an unmasked exception then keeps the number back. Intel's processors do not even look at memory
 * where it does, and have written the first of two parts when the other one faults.
 */
function storeTop(
  cpu: Tracer,
  target: Operand,
  hard: Value,
  plain: readonly Value[],
  { prepare, store, inputs }: StoreHelpers,
): void {
  const atOnce = cpu.form.vendor === 'intel';
  if (!atOnce) for (const [n, part] of plain.entries()) target.probeAt(n * 8, part.width);
  const [low, high] = cpu.callIf(hard, atOnce ? prepare : store, ...inputs) as [Value, Value];
  cpu.finish(hard.select(high.bit(16), no));
  for (const [n, part] of plain.entries())
    target.writeAt(n * 8, hard.select((n === 0 ? low : high).resize(part.width), part));
  if (atOnce) cpu.callIf(hard, store, ...inputs);
  cpu.finish(hard);
}

function store(cpu: Tracer, target: Operand, kind: X87Memory, popped: boolean, truncates: boolean): void {
  const stack = new Stack(cpu);
  const stored = (truncates ? toMemoryTruncated : toMemory)[kind](stack.read(first), stack.control);
  const hard = not(stack.holds(first).and(stored.isPlain));
  const inputs = [number(kind | (truncates ? 8 : 0)), number(popped ? 1 : 0), ...placeOf(target)];
  const helpers: StoreHelpers = { prepare: 'x87PrepareStore', store: 'x87Store', inputs };
  storeTop(cpu, target, hard, [stored.bits.resize(target.width)], helpers);
  stack.commit({ status: stored.status, source: target, ...(popped ? pops : {}) });
}

function storeExtended(cpu: Tracer, target: Operand): void {
  const stack = new Stack(cpu);
  const { significand, signExponent } = stack.read(first);
  storeTop(cpu, target, not(stack.holds(first)), [significand, signExponent.truncate(16)], {
    prepare: 'x87PrepareStoreExtended',
    store: 'x87StoreExtended',
    inputs: placeOf(target),
  });
  stack.commit({ ...pops, source: target });
}

const storesToMemory: Instruction['vendorDependent'] = ({ operands }) => operands[0].kind === 'memory';

const stores = (
  name: string,
  forms: readonly MemoryForm[],
  registers: readonly string[],
  popped: boolean,
): Instruction =>
  instruction(name, {
    encodings: [
      ...encodingsOf(forms),
      ...registers.map((opcode): Encoding => [opcode, 'STi']),
      ...(name === 'fstp' ? [['db /7', 'Mt'] as Encoding] : []),
    ],
    unit: 'x87',
    vendorDependent: storesToMemory,
    semantics(cpu, target) {
      if (target.isMemory) {
        if (target.form?.width === 0) storeExtended(cpu, target);
        else store(cpu, target, kindOf(target, forms), popped, name === 'fisttp');
        return;
      }
      const stack = new Stack(cpu);
      const index = target.number();
      const inputs = [index, number(popped ? 1 : 0)];
      const change: Change = { writes: [[index, stack.read(first)]], ...(popped ? pops : {}) };
      stack.change(stack.holds(first), 'x87StoreRegister', inputs, change);
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
  vendorDependent: storesToMemory,
  semantics(cpu, target) {
    storeTop(cpu, target, yes, [constant(64, 0), constant(16, 0)], {
      prepare: 'x87PrepareStoreDecimal',
      store: 'x87StoreDecimal',
      inputs: placeOf(target),
    });
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
    const stack = new Stack(cpu);
    const index = other.number();
    const writes = [
      [first, stack.read(index)],
      [index, stack.read(first)],
    ] as const;
    stack.change(stack.holds(first, index), 'x87Exchange', [index], { writes });
  },
});

/** How those that are not `plain` are rounded is up to the control word. */
const load = (name: string, opcode: string, which: number, plain?: Extended): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    unit: 'x87',
    semantics(cpu) {
      if (!plain) {
        cpu.call('x87LoadConstant', number(which));
        return;
      }
      const stack = new Stack(cpu);
      stack.change(stack.hasRoom, 'x87LoadConstant', [number(which)], pushes(plain));
    },
  });

export const constants: readonly Instruction[] = [
  load('fld1', 'd9 e8', X87Constant.one, { significand: topBit, signExponent: number(bias) }),
  load('fldl2t', 'd9 e9', X87Constant.log2Ten),
  load('fldl2e', 'd9 ea', X87Constant.log2E),
  load('fldpi', 'd9 eb', X87Constant.pi),
  load('fldlg2', 'd9 ec', X87Constant.logTen2),
  load('fldln2', 'd9 ed', X87Constant.ln2),
  load('fldz', 'd9 ee', X87Constant.zero, zeroOf(no)),
];

type Condition = (cpu: Tracer) => Value;

const move = (name: string, opcode: string, condition: Condition): Instruction =>
  instruction(name, {
    encodings: [[opcode, 'ST0', 'STi']],
    feature: 'cmov',
    unit: 'x87',
    semantics(cpu, _target, source) {
      const stack = new Stack(cpu);
      const index = source.number();
      const holds = condition(cpu);
      const value = choose(holds, stack.read(index), stack.read(first));
      const change: Change = { writes: [[first, value]], keepsC1: true };
      stack.change(stack.holds(first, index), 'x87Move', [index, holds.zeroExtend(32)], change);
    },
  });

const below: Condition = cpu => cpu.flag('cf');
const equal: Condition = cpu => cpu.flag('zf');
const belowOrEqual: Condition = cpu => cpu.flag('cf').or(cpu.flag('zf'));
const unordered: Condition = cpu => cpu.flag('pf');
const inverse =
  (condition: Condition): Condition =>
  cpu =>
    not(condition(cpu));

export const conditionalMoves: readonly Instruction[] = [
  move('fcmovb', 'da /0', below),
  move('fcmove', 'da /1', equal),
  move('fcmovbe', 'da /2', belowOrEqual),
  move('fcmovu', 'da /3', unordered),
  move('fcmovnb', 'db /0', inverse(below)),
  move('fcmovne', 'db /1', inverse(equal)),
  move('fcmovnbe', 'db /2', inverse(belowOrEqual)),
  move('fcmovnu', 'db /3', inverse(unordered)),
];

export const FFREE = instruction('ffree', {
  encodings: [['dd /0', 'STi']],
  unit: 'x87',
  semantics(cpu, register) {
    new Stack(cpu).commit({ frees: [register.number()] });
  },
});

export const FFREEP = instruction('ffreep', {
  encodings: [['df /0', 'STi']],
  unit: 'x87',
  semantics(cpu, register) {
    new Stack(cpu).commit({ frees: [register.number(), first], rotates: 1 });
  },
});

const rotate = (name: string, opcode: string, rotates: number): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    unit: 'x87',
    semantics(cpu) {
      new Stack(cpu).commit({ rotates });
    },
  });

export const FDECSTP = rotate('fdecstp', 'd9 f6', -1);
export const FINCSTP = rotate('fincstp', 'd9 f7', 1);
