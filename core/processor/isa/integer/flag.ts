/** CLC, STC, CMC, CLD, STD, LAHF, SAHF, SALC (SDM vol. 2; SALC: APM vol. 3). */

import { constant, no, yes, zero } from '../../ir/value.ts';
import { Flag } from '../../state/registers.ts';
import { arithmeticFlags, flagsFromImage } from '../flags.ts';
import { instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';

/** The first 64-bit processors had neither LAHF nor SAHF there. */
const in64ByFeature = (opcode: string): Encoding[] => [
  [opcode, { no64: true }],
  [opcode, { only64: true, feature: 'lahf64' }],
];

export const CLC = instruction('clc', {
  encodings: [['f8']],
  semantics: cpu => cpu.setFlags({ cf: no }),
});

export const STC = instruction('stc', {
  encodings: [['f9']],
  semantics: cpu => cpu.setFlags({ cf: yes }),
});

export const CMC = instruction('cmc', {
  encodings: [['f5']],
  semantics: cpu => cpu.setFlags({ cf: cpu.flag('cf').xor(yes) }),
});

export const CLD = instruction('cld', {
  encodings: [['fc']],
  semantics(cpu) {
    cpu.state('flagSystem').update(flags => flags.and(~Flag.df));
  },
});

export const STD = instruction('std', {
  encodings: [['fd']],
  semantics(cpu) {
    cpu.state('flagSystem').update(flags => flags.or(Flag.df));
  },
});

export const LAHF = instruction('lahf', {
  encodings: in64ByFeature('9f'),
  semantics(cpu) {
    cpu.highByte(0).write(arithmeticFlags(cpu).truncate(8).or(2));
  },
});

export const SAHF = instruction('sahf', {
  encodings: in64ByFeature('9e'),
  semantics(cpu) {
    const { of: _, ...others } = flagsFromImage(cpu.highByte(0).read().zeroExtend(32));
    cpu.setFlags(others);
  },
});

export const SALC = instruction('salc', {
  encodings: [['d6', { no64: true }]],
  semantics(cpu) {
    cpu.register(0, 8).write(cpu.flag('cf').select(constant(8, 0xff), zero(8)));
  },
});
