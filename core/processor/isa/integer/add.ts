/** ADD, ADC, INC, XADD (SDM vol. 2). */
import { constant } from '../../ir/value.ts';
import { flagsOfSum } from '../flags.ts';
import { instruction } from '../instruction.ts';
import { aluBlock } from '../notation.ts';

export const ADD = instruction('add', {
  encodings: aluBlock(0),
  lockable: true,
  semantics(cpu, target, source) {
    const right = source!.read();
    const { before, after } = target!.update(left => left.add(right));
    cpu.setFlags(flagsOfSum(before, right, after));
  },
});

export const ADC = instruction('adc', {
  encodings: aluBlock(2),
  lockable: true,
  semantics(cpu, target, source) {
    const right = source!.read();
    const carry = cpu.flag('cf');
    const { before, after } = target!.update(left => left.add(right).add(carry));
    cpu.setFlags(flagsOfSum(before, right, after, carry));
  },
});

/** Leaves CF alone. */
export const INC = instruction('inc', {
  encodings: [
    ['fe /0', 'Eb'],
    ['ff /0', 'Ev'],
    ['40+r', 'Zv', { no64: true }],
  ],
  lockable: true,
  semantics(cpu, target) {
    const one = constant(target!.width, 1);
    const { before, after } = target!.update(left => left.add(one));
    const { cf: _, ...others } = flagsOfSum(before, one, after);
    cpu.setFlags(others);
  },
});

export const XADD = instruction('xadd', {
  encodings: [
    ['0f c0', 'Eb', 'Gb'],
    ['0f c1', 'Ev', 'Gv'],
  ],
  lockable: true,
  semantics(cpu, target, source) {
    const right = source!.read();
    const { before, after } = target!.update(left => left.add(right));
    // The destination is written last where both are one register: the source's write comes first then.
    source!.write(before);
    if (!target!.isMemory) target!.write(after);
    cpu.setFlags(flagsOfSum(before, right, after));
  },
});
