/** LGDT, LIDT, SGDT, SIDT (SDM vol. 2): a limit of two bytes, then a base of four, or of eight in 64-bit mode. */

import { Segment, segmentBase, segmentLimit } from '../../state/layout.ts';
import { Vector } from '../../state/registers.ts';
import { type Instruction, instruction } from '../instruction.ts';
import { isNonCanonical } from './segment.ts';
import { checkUserMode } from './user-mode.ts';

const load = (name: 'lgdt' | 'lidt', extension: number, table: 6 | 7): Instruction =>
  instruction(name, {
    encodings: [[`0f 01 /${extension} mem`, 'Ms']],
    varies: ['operand', 'code'],
    privileged: true,
    intercept: name,
    semantics(cpu, source) {
      const limit = source!.readAt(0, 16);
      const stored = source!.readAt(2, cpu.is64 ? 64 : 32);
      // 16-bit operands bring only three bytes of base.
      const base = cpu.is64 || cpu.operandWidth === 32 ? stored : stored.and(0xff_ffff);
      if (cpu.is64) cpu.raise(Vector.gp, isNonCanonical(base), 0);
      cpu.field(segmentLimit(table).offset, 32).write(limit.zeroExtend(32));
      cpu.field(segmentBase(table).offset, 64).write(base.zeroExtend(64));
    },
  });

export const LGDT = load('lgdt', 2, Segment.gdtr);
export const LIDT = load('lidt', 3, Segment.idtr);

const store = (name: 'sgdt' | 'sidt', extension: number, table: 6 | 7): Instruction =>
  instruction(name, {
    encodings: [[`0f 01 /${extension} mem`, 'Ms']],
    varies: ['code'],
    semantics(cpu, target) {
      checkUserMode(cpu);
      cpu.intercept(name);
      const width = cpu.is64 ? 64 : 32;
      const limit = cpu.field(segmentLimit(table).offset, 32).read();
      const base = cpu.field(segmentBase(table).offset, 64).read();
      target!.probeAt(2, width);
      target!.writeAt(0, limit.truncate(16));
      target!.writeAt(2, base.resize(width));
    },
  });

export const SGDT = store('sgdt', 0, Segment.gdtr);
export const SIDT = store('sidt', 1, Segment.idtr);
