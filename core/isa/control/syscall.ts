/** SYSCALL, SYSRET, SYSENTER, SYSEXIT (SDM vol. 2; APM vol. 3 for SYSCALL outside 64-bit mode). */
import { constant } from '../../ir/value.ts';
import { instruction } from '../instruction.ts';

export const SYSCALL = instruction('syscall', {
  encodings: [['0f 05']],
  feature: 'syscall',
  semantics(cpu) {
    cpu.call('syscall');
  },
});

export const SYSRET = instruction('sysret', {
  encodings: [['0f 07']],
  varies: ['operand'],
  mnemonics: { 16: 'sysretd', 32: 'sysretd', 64: 'sysretq' },
  feature: 'syscall',
  semantics(cpu) {
    cpu.call('sysret', constant(32, cpu.operandWidth));
  },
});

export const SYSENTER = instruction('sysenter', {
  encodings: [['0f 34']],
  feature: 'sep',
  semantics(cpu) {
    cpu.call('sysenter');
  },
});

export const SYSEXIT = instruction('sysexit', {
  encodings: [['0f 35']],
  varies: ['operand'],
  mnemonics: { 16: 'sysexitd', 32: 'sysexitd', 64: 'sysexitq' },
  feature: 'sep',
  semantics(cpu) {
    cpu.call('sysexit', constant(32, cpu.operandWidth));
  },
});
