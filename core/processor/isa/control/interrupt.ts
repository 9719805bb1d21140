/** INT n, INT3, INTO, INT1, IRET, BOUND (SDM vol. 2 and vol. 3, chapter 6). */

import { constant, type Width } from '../../ir/value.ts';
import { Vector } from '../../state/registers.ts';
import { instruction } from '../instruction.ts';
import { returnIn64 } from './interrupt-return.ts';

/** Interruption types as VMX numbers them (SDM vol. 3, table 25-17). */
const softwareInterrupt = constant(32, 4);
const privilegedException = constant(32, 5);
const softwareException = constant(32, 6);

export const INT = instruction('int', {
  encodings: [['cd', 'Ib']],
  intercept: 'intn',
  semantics(cpu, vector) {
    cpu.call('softwareInterrupt', vector!.read().zeroExtend(32), softwareInterrupt);
  },
});

export const INT1 = instruction('int1', {
  encodings: [['f1']],
  intercept: 'icebp',
  semantics(cpu) {
    cpu.call('softwareInterrupt', constant(32, 1), privilegedException);
  },
});

export const INT3 = instruction('int3', {
  encodings: [['cc']],
  semantics(cpu) {
    cpu.call('softwareInterrupt', constant(32, 3), softwareException);
  },
});

export const INTO = instruction('into', {
  encodings: [['ce', { no64: true }]],
  semantics(cpu) {
    cpu.callIf(cpu.flag('of'), 'softwareInterrupt', constant(32, 4), softwareException);
  },
});

export const IRET = instruction('iret', {
  encodings: [['cf']],
  varies: ['operand'],
  mnemonics: { 16: 'iretw', 32: 'iretd', 64: 'iretq' },
  intercept: 'iret',
  branch: 'far',
  semantics(cpu) {
    if (cpu.operandWidth === 64) returnIn64(cpu);
    else cpu.call('iret', constant(32, cpu.operandWidth));
  },
});

/** Two signed bounds in memory, inclusive. Intel's processors compare with the lower one before they read the upper one. */
export const BOUND = instruction('bound', {
  encodings: [['62 mem', 'Gv', 'Ma', { no64: true }]],
  vendorDependent: () => true,
  semantics(cpu, index, bounds) {
    const width: Width = index!.width;
    const value = index!.read();
    const lower = bounds!.readAt(0, width);
    if (cpu.form.vendor === 'intel') cpu.raise(Vector.br, value.ltS(lower));
    const upper = bounds!.readAt(width / 8, width);
    cpu.raise(Vector.br, value.ltS(lower).or(upper.ltS(value)));
  },
});
