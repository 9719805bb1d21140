/** PUSH, PUSHA, PUSHF (SDM vol. 2). */
import { constant, type Value } from '../../ir/value.ts';
import { arithmeticFlags } from '../flags.ts';
import { instruction } from '../instruction.ts';

export const PUSH = instruction('push', {
  encodings: [
    ['50+r', 'Zv', { size64: 'default' }],
    ['ff /6', 'Ev', { size64: 'default' }],
    ['68', 'Iz', { size64: 'default' }],
    ['6a', 'sIb', { size64: 'default' }],
  ],
  varies: ['operand', 'stack'],
  semantics(cpu, source) {
    cpu.push(source!.read());
  },
});

/** A selector is zero-extended to the operand size; Intel's processors leave the upper half of four bytes as it is. */
export const PUSH_SEGMENT = instruction('push', {
  encodings: [
    ['06', 'ES', { no64: true }],
    ['0e', 'CS', { no64: true }],
    ['16', 'SS', { no64: true }],
    ['1e', 'DS', { no64: true }],
    ['0f a0', 'FS', { size64: 'default' }],
    ['0f a8', 'GS', { size64: 'default' }],
  ],
  varies: ['operand', 'stack'],
  vendorDependent: ({ operandWidth }) => operandWidth === 32,
  semantics(cpu, source) {
    const selector = source!.read();
    if (cpu.form.vendor !== 'intel') {
      cpu.push(selector.zeroExtend(cpu.operandWidth));
      return;
    }
    cpu.stack(-4, 16).write(selector);
    cpu.moveStack(-4);
  },
});

/** rAX rCX rDX rBX, rSP as it was, rBP rSI rDI. */
export const PUSHA = instruction('pusha', {
  encodings: [['60', { no64: true }]],
  varies: ['operand', 'stack'],
  mnemonics: { 16: 'pushaw', 32: 'pushad' },
  semantics(cpu) {
    const width = cpu.operandWidth;
    const bytes = width / 8;
    for (let register = 0; register < 8; register++) {
      cpu.stack(-bytes * (register + 1), width).write(cpu.register(register, width).read());
    }
    cpu.moveStack(-bytes * 8);
  },
});

const virtual8086 = 17;
const hidden = 0x3_0000;

/** RFLAGS without VM and RF. In virtual-8086 mode IOPL decides: the helper does that. */
export const PUSHF = instruction('pushf', {
  encodings: [['9c', { size64: 'default' }]],
  varies: ['operand', 'stack'],
  mnemonics: { 16: 'pushfw', 32: 'pushfd', 64: 'pushfq' },
  intercept: 'pushf',
  semantics(cpu) {
    const system: Value = cpu.state('flagSystem').read();
    if (cpu.stackWidth !== 64) {
      const special = system.bit(virtual8086).and(system.and(0x3000).ne(0x3000));
      cpu.callIf(special, 'pushfVirtual', constant(32, cpu.operandWidth));
      cpu.finish(special);
    }
    const image = system.and(~hidden).or(arithmeticFlags(cpu)).or(2);
    cpu.push(image.resize(cpu.operandWidth));
  },
});
