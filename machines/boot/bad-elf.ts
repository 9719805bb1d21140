import { MachineError } from '#core';

/** An ELF file that cannot be booted. `problem` completes the sentence "the ELF image …". */
export const badElf = (problem: string, remedy = 'use an undamaged file, or build the kernel again'): MachineError =>
  new MachineError('bad-elf', `the ELF image ${problem}`, { path: 'boot.kernel', remedy });
