/** SUB, SBB, CMP, NEG, DEC (SDM vol. 2). */
import { constant, zero } from '../../ir/value.ts';
import { flagsOfDifference } from '../flags.ts';
import { instruction } from '../instruction.ts';
import { aluBlock } from '../notation.ts';

export const SUB = instruction('sub', {
  encodings: aluBlock(5),
  lockable: true,
  semantics(cpu, target, source) {
    const right = source!.read();
    const { before, after } = target!.update(left => left.sub(right));
    cpu.setFlags(flagsOfDifference(before, right, after));
  },
});

export const SBB = instruction('sbb', {
  encodings: aluBlock(3),
  lockable: true,
  semantics(cpu, target, source) {
    const right = source!.read();
    const borrow = cpu.flag('cf');
    const { before, after } = target!.update(left => left.sub(right).sub(borrow));
    cpu.setFlags(flagsOfDifference(before, right, after, borrow));
  },
});

export const CMP = instruction('cmp', {
  encodings: aluBlock(7),
  semantics(cpu, left, right) {
    const before = left!.read();
    const other = right!.read();
    cpu.setFlags(flagsOfDifference(before, other, before.sub(other)));
  },
});

export const NEG = instruction('neg', {
  encodings: [
    ['f6 /3', 'Eb'],
    ['f7 /3', 'Ev'],
  ],
  lockable: true,
  semantics(cpu, target) {
    const { before, after } = target!.update(value => value.neg());
    cpu.setFlags(flagsOfDifference(zero(target!.width), before, after));
  },
});

/** Leaves CF alone. */
export const DEC = instruction('dec', {
  encodings: [
    ['fe /1', 'Eb'],
    ['ff /1', 'Ev'],
    ['48+r', 'Zv', { no64: true }],
  ],
  lockable: true,
  semantics(cpu, target) {
    const one = constant(target!.width, 1);
    const { before, after } = target!.update(left => left.sub(one));
    const { cf: _, ...others } = flagsOfDifference(before, one, after);
    cpu.setFlags(others);
  },
});
