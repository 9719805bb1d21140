/** MOV CRn, MOV DRn, CLTS, SMSW, LMSW, CLAC, STAC, XGETBV, XSETBV (SDM vol. 2). Operands are as wide as the mode, whatever the prefixes. */

import { constant, type Value, yes } from '../../ir/value.ts';
import { bitOf, Cr4, Vector } from '../../state/registers.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';
import type { Operand } from '../operand.ts';
import type { Tracer } from '../tracer.ts';
import { checkUserMode } from './user-mode.ts';

const wide = (opcode: string, letter: 'C' | 'D', order: 'from' | 'to'): Encoding[] => {
  const operands = (type: 'd' | 'q') => (order === 'from' ? [`R${type}`, letter + type] : [letter + type, `R${type}`]);
  return [
    [opcode, ...operands('d'), { no64: true }],
    [opcode, ...operands('q'), { only64: true }],
  ];
};

const number = (register: Operand): Value => register.number().shr(3);

const moveFrom = (opcode: string, letter: 'C' | 'D', helper: 'readControl' | 'readDebug'): Instruction =>
  instruction('mov', {
    encodings: wide(opcode, letter, 'from'),
    privileged: true,
    semantics(cpu, target, source) {
      const [value] = cpu.call(helper, source!.number(), number(target!));
      target!.write(value!.resize(target!.width));
    },
  });

const moveTo = (opcode: string, letter: 'C' | 'D', helper: 'writeControl' | 'writeDebug'): Instruction =>
  instruction('mov', {
    encodings: wide(opcode, letter, 'to'),
    privileged: true,
    semantics(cpu, target, source) {
      cpu.call(helper, target!.number(), number(source!), source!.read().zeroExtend(64));
    },
  });

export const MOV_FROM_CONTROL = moveFrom('0f 20', 'C', 'readControl');
export const MOV_FROM_DEBUG = moveFrom('0f 21', 'D', 'readDebug');
export const MOV_TO_CONTROL = moveTo('0f 22', 'C', 'writeControl');
export const MOV_TO_DEBUG = moveTo('0f 23', 'D', 'writeDebug');

export const CLTS = instruction('clts', {
  encodings: [['0f 06']],
  privileged: true,
  semantics(cpu) {
    cpu.call('clts');
  },
});

export const SMSW = instruction('smsw', {
  encodings: [
    ['0f 01 /4', 'Mw'],
    ['0f 01 /4', 'Rv'],
  ],
  semantics(cpu, target) {
    checkUserMode(cpu);
    const [word] = cpu.call('smsw');
    target!.write(word!.resize(target!.width));
  },
});

export const LMSW = instruction('lmsw', {
  encodings: [['0f 01 /6', 'Ew']],
  privileged: true,
  intercept: 'lmsw',
  semantics(cpu, source) {
    const none = constant(32, 0);
    const place: [Value, Value, Value] = source!.isMemory
      ? [constant(32, 1), source!.segment(), source!.offset()]
      : [none, none, constant(64, 0)];
    cpu.call('lmsw', source!.read(), ...place);
  },
});

const alignmentCheck = (name: string, opcode: string, value: number): Instruction =>
  instruction(name, {
    encodings: [[opcode]],
    feature: 'smap',
    semantics(cpu) {
      cpu.call('setAlignmentCheck', constant(32, value));
    },
  });

export const CLAC = alignmentCheck('clac', 'np 0f 01 ca', 0);
export const STAC = alignmentCheck('stac', 'np 0f 01 cb', 1);

/** #UD unless CR4.OSXSAVE. */
const checkXsave = (cpu: Tracer): void =>
  cpu.raise(Vector.ud, cpu.state('cr4').read().bit(bitOf(Cr4.osxsave)).xor(yes));

/** XCR0, and by number 1 which of its components are in use. */
export const XGETBV = instruction('xgetbv', {
  encodings: [['np 0f 01 d0']],
  feature: 'xsave',
  semantics(cpu) {
    checkXsave(cpu);
    const [value] = cpu.call('xgetbv', cpu.register(1, 32).read()) as [Value];
    cpu.register(0, 32).write(value.truncate(32));
    cpu.register(2, 32).write(value.shr(32).truncate(32));
  },
});

export const XSETBV = instruction('xsetbv', {
  encodings: [['np 0f 01 d1']],
  feature: 'xsave',
  semantics(cpu) {
    cpu.call('xsetbv');
  },
});
