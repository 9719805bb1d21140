/** XLAT (SDM vol. 2): AL := [rBX + AL], in DS unless a prefix overrides it. */
import { instruction } from '../instruction.ts';

export const XLAT = instruction('xlat', {
  encodings: [['d7']],
  varies: ['address', 'code'],
  semantics(cpu) {
    const index = cpu.register(0, 8).read().zeroExtend(cpu.addressWidth);
    const offset = cpu.register(3, cpu.addressWidth).read().add(index).zeroExtend(64);
    cpu.register(0, 8).write(cpu.memory('source', offset, 8).read());
  },
});
