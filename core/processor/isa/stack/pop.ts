/** POP, POPA, POPF (SDM vol. 2). */

import { constant } from '../../ir/value.ts';
import { Flag } from '../../state/registers.ts';
import { flagsFromImage } from '../flags.ts';
import { instruction } from '../instruction.ts';

/** An address based on rSP is computed after rSP has moved; POP rSP leaves what was popped. */
export const POP = instruction('pop', {
  encodings: [
    ['58+r', 'Zv', { size64: 'default' }],
    ['8f /0', 'Ev', { size64: 'default' }],
  ],
  varies: ['operand', 'stack'],
  semantics(cpu, target) {
    const bytes = cpu.operandWidth / 8;
    const before = cpu.register(4, cpu.stackWidth).read();
    const value = cpu.top(cpu.operandWidth);
    if (target!.isMemory) {
      const moved = target!.stackBased().select(constant(64, bytes), constant(64, 0));
      target!.writeAt(moved, value);
      cpu.moveStack(bytes, before);
    } else {
      cpu.moveStack(bytes, before);
      target!.write(value);
    }
  },
});

export const POP_SEGMENT = instruction('pop', {
  encodings: [
    ['07', 'ES', { no64: true }],
    ['17', 'SS', { no64: true }],
    ['1f', 'DS', { no64: true }],
    ['0f a1', 'FS', { size64: 'default' }],
    ['0f a9', 'GS', { size64: 'default' }],
  ],
  varies: ['operand', 'stack'],
  semantics(cpu, target) {
    const selector = cpu.top(cpu.operandWidth).truncate(16);
    const bytes = constant(32, cpu.operandWidth / 8);
    cpu.call('popSegment', target!.number(), selector, bytes, constant(32, cpu.stackWidth));
  },
});

/** rDI rSI rBP, rSP dropped, rBX rDX rCX rAX. */
export const POPA = instruction('popa', {
  encodings: [['61', { no64: true }]],
  varies: ['operand', 'stack'],
  mnemonics: { 16: 'popaw', 32: 'popad' },
  semantics(cpu) {
    const width = cpu.operandWidth;
    const bytes = width / 8;
    const before = cpu.register(4, cpu.stackWidth).read();
    const values = [7, 6, 5, 4, 3, 2, 1, 0].map((register, place) => ({
      register,
      value: cpu.stack(place * bytes, width).read(),
    }));
    cpu.moveStack(bytes * 8, before);
    for (const { register, value } of values) if (register !== 4) cpu.register(register, width).write(value);
  },
});

/** TF IF IOPL NT AC ID: a change of any of these is the helper's. */
const system = Flag.tf | Flag.if | Flag.iopl | Flag.nt | Flag.ac | Flag.id;
/** VM VIF VIP RF: their mere presence is. */
const rare = Flag.rf | Flag.vm | Flag.vif | Flag.vip;

export const POPF = instruction('popf', {
  encodings: [['9d', { size64: 'default' }]],
  varies: ['operand', 'stack'],
  mnemonics: { 16: 'popfw', 32: 'popfd', 64: 'popfq' },
  intercept: 'popf',
  semantics(cpu) {
    const width = cpu.operandWidth;
    const stack = cpu.register(4, cpu.stackWidth).read();
    const flags = cpu.state('flagSystem');
    const before = flags.read();
    const popped = cpu.top(width);
    const image = popped.resize(32);
    const changes = width === 16 ? system & 0xffff : system;
    const unusual = image.xor(before).and(changes).or(image.or(before).and(rare)).ne(0);
    cpu.callIf(unusual, 'popf', popped.zeroExtend(64), constant(32, width), constant(32, cpu.stackWidth));
    cpu.finish(unusual);
    cpu.moveStack(width / 8, stack);
    flags.write(before.and(~Flag.df).or(image.and(Flag.df)));
    cpu.setFlags(flagsFromImage(image));
  },
});
