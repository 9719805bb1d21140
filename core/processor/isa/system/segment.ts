/** MOV of segment registers, LDS … LSS, LAR, LSL, VERR, VERW, ARPL, LLDT, SLDT, LTR, STR, SWAPGS, RDFSBASE and kin (SDM vol. 2). */

import { constant, no, type Value, yes } from '../../ir/value.ts';
import { Segment, segmentBase, segmentSelector } from '../../state/layout.ts';
import { bitOf, Cr4, Vector } from '../../state/registers.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Tracer } from '../tracer.ts';
import { checkUserMode } from './user-mode.ts';

/** A register gets the selector zero-extended, memory 16 bits. */
export const MOV_FROM_SEGMENT = instruction('mov', {
  encodings: [
    ['8c', 'Mw', 'Sw'],
    ['8c', 'Rv', 'Sw'],
  ],
  semantics(_cpu, target, source) {
    target!.write(source!.read().zeroExtend(target!.width));
  },
});

export const MOV_TO_SEGMENT = instruction('mov', {
  encodings: [['8e', 'Sw', 'Ew']],
  semantics(cpu, target, source) {
    cpu.call('moveToSegment', target!.number(), source!.read());
  },
});

const loadFarPointer = (name: string, segment: number, encoding: Instruction['encodings'][number]): Instruction =>
  instruction(name, {
    encodings: [encoding],
    semantics(cpu, target, source) {
      const { width } = target!;
      const offset = source!.readAt(0, width).zeroExtend(64);
      const selector = source!.readAt(width / 8, 16);
      cpu.call('loadFarPointer', constant(32, segment), selector, target!.number(), offset, constant(32, width));
    },
  });

export const farPointerLoads: readonly Instruction[] = [
  loadFarPointer('les', Segment.es, ['c4 mem', 'Gv', 'Mp', { no64: true }]),
  loadFarPointer('lds', Segment.ds, ['c5 mem', 'Gv', 'Mp', { no64: true }]),
  loadFarPointer('lss', Segment.ss, ['0f b2', 'Gv', 'Mp']),
  loadFarPointer('lfs', Segment.fs, ['0f b4', 'Gv', 'Mp']),
  loadFarPointer('lgs', Segment.gs, ['0f b5', 'Gv', 'Mp']),
];

/** ZF says whether the selector was good; if not, the destination stays as it is. */
const describe = (name: 'lar' | 'lsl', opcode: string): Instruction =>
  instruction(name, {
    encodings: [
      [opcode, 'Gv', 'Mw'],
      [opcode, 'Gv', 'Rv'],
    ],
    protectedOnly: true,
    semantics(cpu, target, source) {
      const [found, good] = cpu.call(name, source!.read().truncate(16)) as [Value, Value];
      target!.writeIf(good, found.resize(target!.width));
      cpu.setFlags({ zf: good });
    },
  });

export const LAR = describe('lar', '0f 02');
export const LSL = describe('lsl', '0f 03');

const verify = (name: 'verr' | 'verw', extension: number): Instruction =>
  instruction(name, {
    encodings: [[`0f 00 /${extension}`, 'Ew']],
    protectedOnly: true,
    semantics(cpu, source) {
      const [good] = cpu.call(name, source!.read());
      cpu.setFlags({ zf: good! });
    },
  });

export const VERR = verify('verr', 4);
export const VERW = verify('verw', 5);

/** Raises the destination's RPL to the source's. Memory is written only where that changes it. */
export const ARPL = instruction('arpl', {
  encodings: [['63', 'Ew', 'Gw', { no64: true }]],
  protectedOnly: true,
  semantics(cpu, target, source) {
    const rpl = source!.read().and(3);
    const before = target!.read();
    const enough = rpl.leU(before.and(3));
    cpu.setFlags({ zf: no }, enough);
    cpu.finish(enough);
    target!.write(before.and(0xfffc).or(rpl));
    cpu.setFlags({ zf: yes });
  },
});

const loadSystemSegment = (name: 'lldt' | 'ltr', extension: number): Instruction =>
  instruction(name, {
    encodings: [[`0f 00 /${extension}`, 'Ew']],
    protectedOnly: true,
    privileged: true,
    intercept: name,
    semantics(cpu, source) {
      cpu.call(name, source!.read());
    },
  });

export const LLDT = loadSystemSegment('lldt', 2);
export const LTR = loadSystemSegment('ltr', 3);

const storeSystemSegment = (name: 'sldt' | 'str', extension: number, segment: 8 | 9): Instruction =>
  instruction(name, {
    encodings: [
      [`0f 00 /${extension}`, 'Mw'],
      [`0f 00 /${extension}`, 'Rv'],
    ],
    protectedOnly: true,
    semantics(cpu, target) {
      checkUserMode(cpu);
      cpu.intercept(name);
      const { offset, width } = segmentSelector(segment);
      target!.write(cpu.field(offset, width).read().zeroExtend(target!.width));
    },
  });

export const SLDT = storeSystemSegment('sldt', 0, Segment.ldtr);
export const STR = storeSystemSegment('str', 1, Segment.tr);

export const SWAPGS = instruction('swapgs', {
  encodings: [['0f 01 f8', { only64: true }]],
  privileged: true,
  semantics(cpu) {
    const base = cpu.field(segmentBase(Segment.gs).offset, 64);
    const other = cpu.state('kernelGsBase');
    const [before, after] = [base.read(), other.read()];
    base.write(after);
    other.write(before);
  },
});

/** #UD unless CR4.FSGSBASE. */
const checkBaseAccess = (cpu: Tracer): void =>
  cpu.raise(Vector.ud, cpu.state('cr4').read().bit(bitOf(Cr4.fsgsbase)).xor(constant(1, 1)));

const readBase = (name: string, extension: number, segment: 4 | 5): Instruction =>
  instruction(name, {
    encodings: [[`f3 0f ae /${extension}`, 'Ry', { only64: true }]],
    feature: 'fsgsbase',
    semantics(cpu, target) {
      checkBaseAccess(cpu);
      target!.write(cpu.field(segmentBase(segment).offset, 64).read().resize(target!.width));
    },
  });

const writeBase = (name: string, extension: number, segment: 4 | 5): Instruction =>
  instruction(name, {
    encodings: [[`f3 0f ae /${extension}`, 'Ry', { only64: true }]],
    feature: 'fsgsbase',
    semantics(cpu, source) {
      checkBaseAccess(cpu);
      const base = source!.read();
      if (base.width === 64) cpu.raise(Vector.gp, isNonCanonical(base), 0);
      cpu.field(segmentBase(segment).offset, 64).write(base.zeroExtend(64));
    },
  });

export const isNonCanonical = (address: Value): Value => address.shl(16).sar(16).ne(address);

export const segmentBases: readonly Instruction[] = [
  readBase('rdfsbase', 0, Segment.fs),
  readBase('rdgsbase', 1, Segment.gs),
  writeBase('wrfsbase', 2, Segment.fs),
  writeBase('wrgsbase', 3, Segment.gs),
];
