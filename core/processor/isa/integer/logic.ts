/** AND, OR, XOR, TEST, NOT (SDM vol. 2). */
import type { Value } from '../../ir/value.ts';
import { flagsOfLogic } from '../flags.ts';
import { type Instruction, instruction } from '../instruction.ts';
import { aluBlock } from '../notation.ts';

const logic = (name: string, row: number, operation: (left: Value, right: Value) => Value): Instruction =>
  instruction(name, {
    encodings: aluBlock(row),
    lockable: true,
    semantics(cpu, target, source) {
      const right = source!.read();
      const { after } = target!.update(left => operation(left, right));
      cpu.setFlags(flagsOfLogic(after));
    },
  });

export const OR = logic('or', 1, (left, right) => left.or(right));
export const AND = logic('and', 4, (left, right) => left.and(right));
export const XOR = logic('xor', 6, (left, right) => left.xor(right));

export const TEST = instruction('test', {
  encodings: [
    ['84', 'Eb', 'Gb'],
    ['85', 'Ev', 'Gv'],
    ['a8', 'AL', 'Ib'],
    ['a9', 'rAX', 'Iz'],
    ['f6 /0', 'Eb', 'Ib'],
    ['f6 /1', 'Eb', 'Ib'],
    ['f7 /0', 'Ev', 'Iz'],
    ['f7 /1', 'Ev', 'Iz'],
  ],
  semantics(cpu, left, right) {
    cpu.setFlags(flagsOfLogic(left!.read().and(right!.read())));
  },
});

export const NOT = instruction('not', {
  encodings: [
    ['f6 /2', 'Eb'],
    ['f7 /2', 'Ev'],
  ],
  lockable: true,
  semantics(_cpu, target) {
    target!.update(value => value.not());
  },
});
