/** Far JMP, CALL and RET (SDM vol. 2): gates, task switches and privilege changes are the helpers'. */
import { constant, type Value } from '../../ir/value.ts';
import { instruction } from '../instruction.ts';
import type { Operand } from '../operand.ts';
import type { Tracer } from '../tracer.ts';

const target = (cpu: Tracer, offset: Operand, selector: Operand | undefined): [selector: Value, offset: Value] =>
  selector
    ? [selector.read(), offset.read().zeroExtend(64)]
    : [offset.readAt(cpu.operandWidth / 8, 16), offset.readAt(0, cpu.operandWidth).zeroExtend(64)];

export const FAR_JMP = instruction('jmp', {
  encodings: [
    ['ea', 'Ap', 'Aw', { no64: true }],
    ['ff /5', 'Mp'],
  ],
  varies: ['operand'],
  branch: 'far',
  semantics(cpu, offset, selector) {
    cpu.call('farJump', ...target(cpu, offset!, selector), constant(32, cpu.operandWidth));
  },
});

export const FAR_CALL = instruction('call', {
  encodings: [
    ['9a', 'Ap', 'Aw', { no64: true }],
    ['ff /3', 'Mp'],
  ],
  varies: ['operand'],
  branch: 'far',
  semantics(cpu, offset, selector) {
    cpu.call('farCall', ...target(cpu, offset!, selector), constant(32, cpu.operandWidth));
  },
});

export const RETF = instruction('retf', {
  encodings: [['cb'], ['ca', 'Iw']],
  varies: ['operand'],
  branch: 'far',
  semantics(cpu, parameters) {
    const release = parameters ? parameters.read().zeroExtend(32) : constant(32, 0);
    cpu.call('farReturn', constant(32, cpu.operandWidth), release);
  },
});
