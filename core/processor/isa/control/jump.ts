/** JMP and Jcc (SDM vol. 2). Near branches have 64-bit operands in 64-bit mode. */
import type { Value } from '../../ir/value.ts';
import { conditionNames, conditions } from '../conditions.ts';
import { type Instruction, instruction } from '../instruction.ts';
import { opcodeHex } from '../notation.ts';

export const JMP = instruction('jmp', {
  encodings: [
    ['eb', 'Jb', { size64: 'forced' }],
    ['e9', 'Jz', { size64: 'forced' }],
    ['ff /4', 'Ev', { size64: 'forced' }],
  ],
  branch: 'jump',
  semantics(cpu, target) {
    cpu.jump((target!.read() as Value).zeroExtend(64));
  },
});

/** Jo, jno, jb … in the order of their condition codes. */
export const conditionalJumps: readonly Instruction[] = conditions.map((condition, code) =>
  instruction(`j${conditionNames[code]}`, {
    encodings: [
      [opcodeHex(0x70 + code), 'Jb', { size64: 'forced' }],
      [`0f ${opcodeHex(0x80 + code)}`, 'Jz', { size64: 'forced' }],
    ],
    branch: 'conditional',
    semantics(cpu, target) {
      cpu.jump(target!.read().zeroExtend(64), condition(cpu));
    },
  }),
);
