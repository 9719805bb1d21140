/** Unpacking, packing, shuffling, inserting and extracting of integers (SDM vol. 2, PUNPCKLBW … PMOVMSKB). */
import { constant, type Value, zero } from '../../ir/value.ts';
import { everywhere, lanesConstant, shuffleLanes, simd } from '../../ir/vector.ts';
import { type Instruction, instruction } from '../instruction.ts';
import { onSse, signsOf, writeVector } from './register-file.ts';

type LaneBytes = 1 | 2 | 4 | 8;

/** Lanes of two lower or upper halves by turns. */
export function interleaved(left: Value, right: Value, bytes: LaneBytes, high: boolean): Value {
  const lanes = 16 / bytes;
  const first = high ? lanes / 2 : 0;
  const indices = Array.from({ length: lanes }, (_, n) => first + (n >> 1) + (n & 1 ? lanes : 0));
  return shuffleLanes(left, right, bytes, indices);
}

/** MMX registers are interleaved as lower halves; then the upper half of the result is what PUNPCKH wants. */
const unpack = (name: string, opcode: string, bytes: 1 | 2 | 4, high: boolean): Instruction[] => [
  instruction(name, {
    encodings: [[`np ${opcode}`, 'Pq', high ? 'Qq' : 'Qd']],
    feature: 'mmx',
    unit: 'mmx',
    semantics(cpu, target, source) {
      const right = source.read().zeroExtend(128);
      const both = interleaved(target.read().zeroExtend(128), right, bytes, false);
      writeVector(cpu, target, high ? both.high64() : both.low64());
    },
  }),
  onSse(name, `66 ${opcode}`, (target, source) => interleaved(target, source, bytes, high)),
];

export const unpacks: readonly Instruction[] = [
  ...unpack('punpcklbw', '0f 60', 1, false),
  ...unpack('punpcklwd', '0f 61', 2, false),
  ...unpack('punpckldq', '0f 62', 4, false),
  ...unpack('punpckhbw', '0f 68', 1, true),
  ...unpack('punpckhwd', '0f 69', 2, true),
  ...unpack('punpckhdq', '0f 6a', 4, true),
  onSse('punpcklqdq', '66 0f 6c', (target, source) => target.low64().join(source.low64())),
  onSse('punpckhqdq', '66 0f 6d', (target, source) => target.high64().join(source.high64())),
];

const pack = (name: string, opcode: string, operation: string): Instruction[] => [
  instruction(name, {
    encodings: [[`np ${opcode}`, 'Pq', 'Qq']],
    feature: 'mmx',
    unit: 'mmx',
    semantics(cpu, target, source) {
      const right = source.read();
      writeVector(cpu, target, simd(operation, target.read().join(right), zero(128)));
    },
  }),
  onSse(name, `66 ${opcode}`, (target, source) => simd(operation, target, source)),
];

export const packs: readonly Instruction[] = [
  ...pack('packsswb', '0f 63', 'i8x16.narrow_i16x8_s'),
  ...pack('packuswb', '0f 67', 'i8x16.narrow_i16x8_u'),
  ...pack('packssdw', '0f 6b', 'i16x8.narrow_i32x4_s'),
];

/**
 * Four lanes of 32 bits as a control byte chooses them. The byte comes with the instruction, not with the form, so byte indices
 * are computed: each lane's two bits move to the same place by a multiplication, and then name bytes.
 */
export function shuffled32(value: Value, control: Value): Value {
  const spread = simd('i32x4.mul', simd('i32x4.splat', control.zeroExtend(32)), lanesConstant(32, [64, 16, 4, 1]));
  const chosen = simd('v128.and', simd('i32x4.shr_u', spread, constant(32, 6)), everywhere(32, 3));
  const indices = simd('i32x4.mul', chosen, everywhere(32, 0x0404_0404));
  return simd('i8x16.swizzle', value, simd('i32x4.add', indices, everywhere(32, 0x0302_0100)));
}

/** The same for four of the eight 16-bit lanes; the other four stay. */
function shuffled16(value: Value, control: Value, high: boolean): Value {
  const four = (lanes: readonly number[]) => lanesConstant(16, high ? [0, 0, 0, 0, ...lanes] : [...lanes, 0, 0, 0, 0]);
  const base = high
    ? [0x0100, 0x0302, 0x0504, 0x0706, 0x0908, 0x0908, 0x0908, 0x0908]
    : [0x0100, 0x0100, 0x0100, 0x0100, 0x0908, 0x0b0a, 0x0d0c, 0x0f0e];
  const spread = simd('i16x8.mul', simd('i16x8.splat', control.zeroExtend(16)), four([64, 16, 4, 1]));
  const chosen = simd('v128.and', simd('i16x8.shr_u', spread, constant(32, 6)), everywhere(16, 3));
  const indices = simd('i16x8.mul', chosen, everywhere(16, 0x0202));
  return simd('i8x16.swizzle', value, simd('i16x8.add', indices, lanesConstant(16, base)));
}

const shuffle = (name: string, opcode: string, meaning: (source: Value, control: Value) => Value): Instruction =>
  instruction(name, {
    encodings: [[opcode, 'Vx', 'Wx', 'Ib', { vex: 'Vx Wx Ib', wideFeature: 'avx2' }]],
    feature: 'sse2',
    unit: 'sse',
    aligned: true,
    semantics(_cpu, target, source, control) {
      target.write(meaning(source.read(), control.read()));
    },
  });

export const PSHUFD = shuffle('pshufd', '66 0f 70', shuffled32);
export const PSHUFLW = shuffle('pshuflw', 'f2 0f 70', (source, control) => shuffled16(source, control, false));
export const PSHUFHW = shuffle('pshufhw', 'f3 0f 70', (source, control) => shuffled16(source, control, true));

export const PSHUFW = instruction('pshufw', {
  encodings: [['np 0f 70', 'Pq', 'Qq', 'Ib']],
  feature: 'sse',
  unit: 'mmx',
  semantics(cpu, target, source, control) {
    writeVector(cpu, target, shuffled16(source.read().zeroExtend(128), control.read(), false));
  },
});

/** All ones in the lane that the control byte names. */
function laneMask(control: Value, lanes: number): Value {
  const wanted = simd('i16x8.splat', control.and(lanes - 1).zeroExtend(16));
  return simd('i16x8.eq', wanted, lanesConstant(16, [0, 1, 2, 3, 4, 5, 6, 7]));
}

const inserted = (value: Value, word: Value, control: Value, lanes: number): Value =>
  simd('v128.bitselect', simd('i16x8.splat', word.truncate(16)), value, laneMask(control, lanes));

const insert = (prefix: 'np' | '66', register: 'Pq' | 'Vdq', lanes: number): Instruction =>
  instruction('pinsrw', {
    encodings: [
      [`${prefix} 0f c4`, register, 'Rd', 'Ib', lanes === 8 ? { vex: 'Vdq Hdq Rd Ib' } : {}],
      [`${prefix} 0f c4`, register, 'Mw', 'Ib', lanes === 8 ? { vex: 'Vdq Hdq Mw Ib' } : {}],
    ],
    feature: lanes === 4 ? 'sse' : 'sse2',
    unit: lanes === 4 ? 'mmx' : 'sse',
    semantics(cpu, target, source, control) {
      const word = source.read();
      writeVector(cpu, target, inserted(target.read().zeroExtend(128), word, control.read(), lanes));
    },
  });

export const PINSRW = [insert('np', 'Pq', 4), insert('66', 'Vdq', 8)];

/** The 16 bits at a lane of 64. */
const wordAt = (value: Value, control: Value): Value =>
  value.shr(control.and(3).zeroExtend(64).shl(4)).and(0xffff).truncate(32);

export const PEXTRW = [
  instruction('pextrw', {
    encodings: [['np 0f c5', 'Gd', 'Nq', 'Ib']],
    feature: 'sse',
    unit: 'mmx',
    semantics(_cpu, target, source, control) {
      target.write(wordAt(source.read(), control.read()));
    },
  }),
  instruction('pextrw', {
    encodings: [['66 0f c5', 'Gd', 'Udq', 'Ib', { vex: 'Gd Udq Ib' }]],
    feature: 'sse2',
    unit: 'sse',
    semantics(_cpu, target, source, control) {
      const value = source.read();
      const place = control.read();
      target.write(wordAt(place.bit(2).select(value.high64(), value.low64()), place));
    },
  }),
];

export const PMOVMSKB = [
  instruction('pmovmskb', {
    encodings: [['np 0f d7', 'Gd', 'Nq']],
    feature: 'sse',
    unit: 'mmx',
    semantics(_cpu, target, source) {
      target.write(simd('i8x16.bitmask', source.read().zeroExtend(128)));
    },
  }),
  instruction('pmovmskb', {
    encodings: [['66 0f d7', 'Gd', 'Ux', { vex: 'Gd Ux', wideFeature: 'avx2' }]],
    feature: 'sse2',
    unit: 'sse',
    whole: true,
    semantics(cpu, target, source) {
      target.write(signsOf(cpu, source, 'i8x16.bitmask'));
    },
  }),
];
