/** IN and OUT (SDM vol. 2). */
import { constant, type Value } from '../../ir/value.ts';
import { instruction } from '../instruction.ts';
import type { Operand } from '../operand.ts';

const portOf = (operand: Operand): Value => operand.read().zeroExtend(16);
const byImmediate = (operand: Operand): Value => constant(32, operand.form?.kind === 'immediate' ? 1 : 0);

export const IN = instruction('in', {
  encodings: [
    ['e4', 'AL', 'Ib'],
    ['e5', 'eAX', 'Ib'],
    ['ec', 'AL', 'DX'],
    ['ed', 'eAX', 'DX'],
  ],
  semantics(cpu, target, port) {
    const { width } = target!;
    const [value] = cpu.call('portIn', portOf(port!), constant(32, width), byImmediate(port!));
    target!.write(value!.truncate(width));
  },
});

export const OUT = instruction('out', {
  encodings: [
    ['e6', 'Ib', 'AL'],
    ['e7', 'Ib', 'eAX'],
    ['ee', 'DX', 'AL'],
    ['ef', 'DX', 'eAX'],
  ],
  semantics(cpu, port, source) {
    const value = source!.read().zeroExtend(32);
    cpu.call('portOut', portOf(port!), constant(32, source!.width), value, byImmediate(port!));
  },
});
