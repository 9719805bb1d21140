/** CBW, CWDE, CDQE and CWD, CDQ, CQO: the accumulator's sign, spread (SDM vol. 2). */
import type { Width } from '../../ir/value.ts';
import { instruction } from '../instruction.ts';

export const CBW = instruction('cbw', {
  encodings: [['98']],
  varies: ['operand'],
  mnemonics: { 16: 'cbw', 32: 'cwde', 64: 'cdqe' },
  semantics(cpu) {
    const width = cpu.operandWidth;
    cpu.register(0, width).write(
      cpu
        .register(0, (width / 2) as Width)
        .read()
        .signExtend(width),
    );
  },
});

export const CWD = instruction('cwd', {
  encodings: [['99']],
  varies: ['operand'],
  mnemonics: { 16: 'cwd', 32: 'cdq', 64: 'cqo' },
  semantics(cpu) {
    const width = cpu.operandWidth;
    const accumulator = cpu.register(0, width).read();
    cpu.register(2, width).write(accumulator.sar(width - 1));
  },
});
