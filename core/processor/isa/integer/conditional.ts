/** SETcc and CMOVcc, in the order of their condition codes (SDM vol. 2). */
import { conditionNames, conditions } from '../conditions.ts';
import { type Instruction, instruction } from '../instruction.ts';
import { opcodeHex } from '../notation.ts';

export const conditionalSets: readonly Instruction[] = conditions.map((condition, code) =>
  instruction(`set${conditionNames[code]}`, {
    encodings: [[`0f ${opcodeHex(0x90 + code)}`, 'Eb']],
    semantics(cpu, target) {
      target!.write(condition(cpu).zeroExtend(8));
    },
  }),
);

/** The source is read and the destination written whether or not the condition holds. */
export const conditionalMoves: readonly Instruction[] = conditions.map((condition, code) =>
  instruction(`cmov${conditionNames[code]}`, {
    encodings: [[`0f ${opcodeHex(0x40 + code)}`, 'Gv', 'Ev']],
    feature: 'cmov',
    semantics(cpu, target, source) {
      const value = source!.read();
      target!.write(condition(cpu).select(value, target!.read()));
    },
  }),
);
