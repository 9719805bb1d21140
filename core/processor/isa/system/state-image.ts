/** FXSAVE, FXRSTOR, XSAVE, XSAVEOPT, XRSTOR, LDMXCSR, STMXCSR (SDM vol. 1, chapters 10 and 13). */

import { constant } from '../../ir/value.ts';
import { Vector } from '../../state/registers.ts';
import { type Instruction, instruction } from '../instruction.ts';

type Image = 'fxsave' | 'fxrstor' | 'xsave' | 'xsaveopt' | 'xsavec' | 'xrstor';

const image = (helper: Image, w: 0 | 1, extension: number, feature: string, opcode = '0f ae'): Instruction =>
  instruction(w ? `${helper}64` : helper, {
    encodings: [[`np ${opcode} /${extension} mem`, 'M', { w }]],
    feature,
    semantics(cpu, place) {
      cpu.call(helper, place!.segment(), place!.offset(), constant(32, w));
    },
  });

export const stateImages: readonly Instruction[] = [
  image('fxsave', 0, 0, 'fxsr'),
  image('fxsave', 1, 0, 'fxsr'),
  image('fxrstor', 0, 1, 'fxsr'),
  image('fxrstor', 1, 1, 'fxsr'),
  image('xsave', 0, 4, 'xsave'),
  image('xsave', 1, 4, 'xsave'),
  image('xrstor', 0, 5, 'xsave'),
  image('xrstor', 1, 5, 'xsave'),
  image('xsaveopt', 0, 6, 'xsaveopt'),
  image('xsaveopt', 1, 6, 'xsaveopt'),
  image('xsavec', 0, 4, 'xsavec', '0f c7'),
  image('xsavec', 1, 4, 'xsavec', '0f c7'),
];

/** Bits 31:16 are reserved; all others exist (DAZ among them). */
const reserved = 0xffff_0000;

export const LDMXCSR = instruction('ldmxcsr', {
  encodings: [['np 0f ae /2 mem', 'Md', { vex: 'Md' }]],
  feature: 'sse',
  unit: 'sse',
  semantics(cpu, source) {
    const value = source!.read();
    cpu.raise(Vector.gp, value.and(reserved).ne(0), 0);
    cpu.state('mxcsr').write(value);
  },
});

export const STMXCSR = instruction('stmxcsr', {
  encodings: [['np 0f ae /3 mem', 'Md', { vex: 'Md' }]],
  feature: 'sse',
  unit: 'sse',
  semantics(cpu, target) {
    target!.write(cpu.state('mxcsr').read());
  },
});
