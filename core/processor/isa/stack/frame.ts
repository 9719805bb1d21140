/** ENTER and LEAVE (SDM vol. 2). */
import { constant } from '../../ir/value.ts';
import { Segment } from '../../state/layout.ts';
import { instruction } from '../instruction.ts';

/** The frame pointer is pushed, then rSP moves down by the size; the new top of the stack must be writable. Nesting is the helper's. */
export const ENTER = instruction('enter', {
  encodings: [['c8', 'Iw', 'Ib', { size64: 'default' }]],
  varies: ['operand', 'stack'],
  semantics(cpu, size, depth) {
    const width = cpu.operandWidth;
    const bytes = width / 8;
    const level = depth!.read().zeroExtend(32).and(31);
    const nested = level.ne(0);
    cpu.callIf(nested, 'enterNested', size!.read(), level, constant(32, width), constant(32, cpu.stackWidth));
    cpu.finish(nested);
    const before = cpu.register(4, cpu.stackWidth).read();
    const frame = before.sub(bytes);
    const after = frame.sub(size!.read().resize(cpu.stackWidth));
    const pointer = cpu.register(5, width).read();
    cpu.memory(Segment.ss, after.zeroExtend(64), width).probeAt(0, width);
    cpu.stack(-bytes, width).write(pointer);
    cpu.register(5, width).write(frame.resize(width));
    cpu.register(4, cpu.stackWidth).write(after);
  },
});

export const LEAVE = instruction('leave', {
  encodings: [['c9', { size64: 'default' }]],
  varies: ['operand', 'stack'],
  semantics(cpu) {
    const width = cpu.operandWidth;
    const frame = cpu.register(5, cpu.stackWidth).read();
    const value = cpu.memory(Segment.ss, frame.zeroExtend(64), width).read();
    cpu.register(4, cpu.stackWidth).write(frame.add(width / 8));
    cpu.register(5, width).write(value);
  },
});
