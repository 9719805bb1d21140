/** Near CALL and RET (SDM vol. 2). */
import type { Value } from '../../ir/value.ts';
import { instruction } from '../instruction.ts';
import type { Tracer } from '../tracer.ts';

export const CALL = instruction('call', {
  encodings: [
    ['e8', 'Jz', { size64: 'forced' }],
    ['ff /2', 'Ev', { size64: 'forced' }],
  ],
  varies: ['operand', 'stack'],
  branch: 'call',
  semantics(cpu, target) {
    const to = target!.read().zeroExtend(64);
    cpu.push(cpu.nextRip.truncate(cpu.operandWidth));
    cpu.jump(to);
  },
});

const returnNear = (cpu: Tracer, parameters?: Value): void => {
  const to = cpu.top(cpu.operandWidth);
  const pointer = cpu.register(4, cpu.stackWidth);
  const after = pointer.read().add(cpu.operandWidth / 8);
  pointer.write(parameters ? after.add(parameters.resize(cpu.stackWidth)) : after);
  cpu.jump(to.zeroExtend(64));
};

export const RET = instruction('ret', {
  encodings: [
    ['c3', { size64: 'forced' }],
    ['c2', 'Iw', { size64: 'forced' }],
  ],
  varies: ['operand', 'stack'],
  branch: 'return',
  semantics(cpu, parameters) {
    returnNear(cpu, parameters?.read());
  },
});
