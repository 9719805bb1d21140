/** Operand notation (SDM vol. 2, appendix A.2), parsed: where an operand is in the bytes, and how wide it is. */
import type { Width } from '../ir/value.ts';
import { gprOffset, Segment, xmmOffset } from '../state/layout.ts';
import type { OperandKind, OperandWidth } from './form.ts';

/** What the decoder does for an operand; anything but `none` fills a register slot of the decoded instruction. */
export const Fill = {
  none: 0,
  /** Byte registers: AH…BH without REX. */
  reg8: 1,
  reg: 2,
  rm8: 3,
  rm: 4,
  opcode8: 5,
  opcode: 6,
  xmmReg: 7,
  xmmRm: 8,
  mmxReg: 9,
  mmxRm: 10,
  segmentReg: 11,
  controlReg: 12,
  debugReg: 13,
  stRm: 14,
  /** The slot is `fixed`. */
  fixed: 15,
  /** Register of VEX.vvvv. */
  xmmVvvv: 16,
  vvvv: 17,
  /** Register of the immediate's upper half. */
  xmmIs4: 18,
  /** Vector register that is an index. */
  xmmIndex: 19,
} as const;
export type Fill = (typeof Fill)[keyof typeof Fill];

/** `b w d q dq` …: widths as letters; `v z y` follow the operand size. */
export type OperandType = string;

export interface OperandPattern {
  readonly text: string;
  /** Letter of the addressing method; '' for a fixed operand. */
  readonly method: string;
  readonly type: OperandType;
  /** Kind where the operand is no memory (`memory` for M and O). */
  readonly kind: OperandKind;
  readonly fill: Fill;
  readonly fixed: number;
  /** Memory is admitted, registers are. */
  readonly memory: boolean;
  readonly register: boolean;
  readonly modrm: boolean;
  /** An immediate of the byte, sign-extended to the operand size. */
  readonly signed: boolean;
}

const fixedOperands: Readonly<Record<string, readonly [OperandKind, OperandType, number]>> = {
  AL: ['general', 'b', gprOffset(0)],
  AH: ['general', 'b', gprOffset(0) + 1],
  AX: ['general', 'w', gprOffset(0)],
  EAX: ['general', 'd', gprOffset(0)],
  RAX: ['general', 'q', gprOffset(0)],
  rAX: ['general', 'v', gprOffset(0)],
  eAX: ['general', 'z', gprOffset(0)],
  CL: ['cl', 'b', 0],
  DX: ['dx', 'w', 0],
  1: ['one', 'b', 0],
  ST0: ['st0', 't', 0],
  xmm0: ['xmm', 'dq', xmmOffset(0)],
  ES: ['segment', 'w', Segment.es],
  CS: ['segment', 'w', Segment.cs],
  SS: ['segment', 'w', Segment.ss],
  DS: ['segment', 'w', Segment.ds],
  FS: ['segment', 'w', Segment.fs],
  GS: ['segment', 'w', Segment.gs],
};

interface Method {
  readonly kind: OperandKind;
  readonly fill: Fill;
  readonly memory?: true;
  readonly register?: true;
  readonly modrm?: true;
}

const methods: Readonly<Record<string, Method>> = {
  E: { kind: 'general', fill: Fill.rm, memory: true, register: true, modrm: true },
  G: { kind: 'general', fill: Fill.reg, modrm: true },
  R: { kind: 'general', fill: Fill.rm, register: true, modrm: true },
  M: { kind: 'memory', fill: Fill.none, memory: true, modrm: true },
  Z: { kind: 'general', fill: Fill.opcode },
  I: { kind: 'immediate', fill: Fill.none },
  sI: { kind: 'immediate', fill: Fill.none },
  J: { kind: 'relative', fill: Fill.none },
  O: { kind: 'memory', fill: Fill.none, memory: true },
  A: { kind: 'immediate', fill: Fill.none },
  S: { kind: 'segment', fill: Fill.segmentReg, modrm: true },
  C: { kind: 'control', fill: Fill.controlReg, modrm: true },
  D: { kind: 'debug', fill: Fill.debugReg, modrm: true },
  P: { kind: 'mmx', fill: Fill.mmxReg, modrm: true },
  Q: { kind: 'mmx', fill: Fill.mmxRm, memory: true, register: true, modrm: true },
  N: { kind: 'mmx', fill: Fill.mmxRm, register: true, modrm: true },
  V: { kind: 'xmm', fill: Fill.xmmReg, modrm: true },
  W: { kind: 'xmm', fill: Fill.xmmRm, memory: true, register: true, modrm: true },
  U: { kind: 'xmm', fill: Fill.xmmRm, register: true, modrm: true },
  H: { kind: 'xmm', fill: Fill.xmmVvvv },
  B: { kind: 'general', fill: Fill.vvvv },
  L: { kind: 'xmm', fill: Fill.xmmIs4 },
  X: { kind: 'xmm', fill: Fill.xmmIndex },
  ST: { kind: 'st', fill: Fill.stRm, register: true, modrm: true },
};

const byteFill: Partial<Record<number, Fill>> = {
  [Fill.rm]: Fill.rm8,
  [Fill.reg]: Fill.reg8,
  [Fill.opcode]: Fill.opcode8,
};

const types: Readonly<Record<string, number>> = {
  '': 0,
  b: 8,
  w: 16,
  d: 32,
  q: 64,
  dq: 128,
  t: 0,
  p: 0,
  s: 0,
  a: 0,
  ss: 32,
  sd: 64,
  ps: 128,
  pd: 128,
  i: 0,
  v: -1,
  z: -1,
  y: -1,
};

/** Types that follow the vector's width: bits for each 128 of it. */
const laneTypes: Readonly<Record<string, Width>> = { x: 128, hx: 64, qx: 32, ex: 16 };

export function parseOperand(text: string): OperandPattern {
  const fixed = fixedOperands[text];
  if (fixed) {
    const [kind, type, slot] = fixed;
    const fill = kind === 'general' || kind === 'segment' || kind === 'xmm' ? Fill.fixed : Fill.none;
    return {
      text,
      method: '',
      type,
      kind,
      fill,
      fixed: slot,
      memory: false,
      register: false,
      modrm: false,
      signed: false,
    };
  }
  const [, letters, type] = /^(sI|ST|[A-Z])([a-z]*)$/.exec(text) ?? [];
  const method = letters === undefined ? undefined : methods[letters];
  if (!letters || type === undefined || !method || !(type in types || type in laneTypes))
    throw new Error(`operand "${text}" is not understood`);
  return {
    text,
    method: letters,
    type: letters === 'ST' ? 't' : type,
    kind: method.kind,
    fill: type === 'b' ? (byteFill[method.fill] ?? method.fill) : method.fill,
    fixed: 0,
    memory: method.memory ?? false,
    register: method.register ?? false,
    modrm: method.modrm ?? false,
    signed: letters === 'sI',
  };
}

/** Bits of an operand in each 128 of the vector; 0 where it does not follow the vector's width. */
export const laneWidth = ({ type }: OperandPattern): Width | 0 => laneTypes[type] ?? 0;

/** Bits of an operand under an operand size and VEX.L; 0 for 80-bit values and structures. */
export function operandWidth(pattern: OperandPattern, size: 16 | 32 | 64, l: 0 | 1 = 0): OperandWidth {
  const { method, type } = pattern;
  const lane = laneWidth(pattern);
  if (lane) return (lane << l) as OperandWidth;
  if (method === 'J' || method === 'sI' || (method === 'I' && type === 'z')) return size;
  if (type === 'v' || (method === 'A' && type === 'p')) return size;
  if (type === 'z') return size === 16 ? 16 : 32;
  if (type === 'y') return size === 64 ? 64 : 32;
  return (types[type] ?? 0) as OperandWidth;
}
