/** LOOP, LOOPE, LOOPNE, JrCXZ (SDM vol. 2). The address size chooses CX, ECX or RCX; flags stay as they are. */
import { type Value, yes } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Tracer } from '../tracer.ts';

const loop = (name: string, opcode: string, condition: (cpu: Tracer) => Value | undefined): Instruction =>
  instruction(name, {
    encodings: [[opcode, 'Jb', { size64: 'forced' }]],
    varies: ['address'],
    branch: 'conditional',
    semantics(cpu, target) {
      const counter = cpu.register(1, cpu.addressWidth);
      const count = counter.read().sub(1);
      const also = condition(cpu);
      const to = target!.read().zeroExtend(64);
      counter.write(count);
      cpu.jump(to, also ? count.ne(0).and(also) : count.ne(0));
    },
  });

export const LOOPNE = loop('loopne', 'e0', cpu => cpu.flag('zf').xor(yes));
export const LOOPE = loop('loope', 'e1', cpu => cpu.flag('zf'));
export const LOOP = loop('loop', 'e2', () => undefined);

export const JRCXZ = instruction('jrcxz', {
  encodings: [['e3', 'Jb', { size64: 'forced' }]],
  varies: ['address'],
  mnemonics: { 16: 'jcxz', 32: 'jecxz', 64: 'jrcxz' },
  branch: 'conditional',
  semantics(cpu, target) {
    cpu.jump(target!.read().zeroExtend(64), cpu.register(1, cpu.addressWidth).read().eq(0));
  },
});
