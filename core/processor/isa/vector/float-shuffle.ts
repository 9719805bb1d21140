/** Floating-point vectors as plain bits: logic, unpacking, shuffling, duplicating, signs (SDM vol. 2). */
import { shuffleLanes, simd } from '../../ir/vector.ts';
import { type Instruction, instruction } from '../instruction.ts';
import { interleaved, shuffled32 } from './integer-shuffle.ts';
import { onSse, signsOf, type VectorMeaning } from './register-file.ts';

/** The PS form of SSE and the PD form of SSE2. */
const onBothTypes = (name: string, opcode: string, single: VectorMeaning, double = single): Instruction[] => [
  onSse(`${name}ps`, `np ${opcode}`, single, { feature: 'sse', wide: 'avx' }),
  onSse(`${name}pd`, `66 ${opcode}`, double, { wide: 'avx' }),
];

export const floatLogic: readonly Instruction[] = [
  ...onBothTypes('and', '0f 54', (target, source) => simd('v128.and', target, source)),
  ...onBothTypes('andn', '0f 55', (target, source) => simd('v128.andnot', source, target)),
  ...onBothTypes('or', '0f 56', (target, source) => simd('v128.or', target, source)),
  ...onBothTypes('xor', '0f 57', (target, source) => simd('v128.xor', target, source)),
  ...onBothTypes(
    'unpckl',
    '0f 14',
    (target, source) => interleaved(target, source, 4, false),
    (target, source) => target.low64().join(source.low64()),
  ),
  ...onBothTypes(
    'unpckh',
    '0f 15',
    (target, source) => interleaved(target, source, 4, true),
    (target, source) => target.high64().join(source.high64()),
  ),
];

export const SHUFPS = instruction('shufps', {
  encodings: [['np 0f c6', 'Vx', 'Wx', 'Ib', { vex: 'Vx Hx Wx Ib' }]],
  feature: 'sse',
  unit: 'sse',
  aligned: true,
  semantics(_cpu, target, source, control) {
    const right = source.read();
    const chosen = control.read();
    target.write(shuffleLanes(shuffled32(target.read(), chosen), shuffled32(right, chosen), 4, [0, 1, 6, 7]));
  },
});

export const SHUFPD = instruction('shufpd', {
  encodings: [['66 0f c6', 'Vx', 'Wx', 'Ib', { vex: 'Vx Hx Wx Ib' }]],
  feature: 'sse2',
  unit: 'sse',
  aligned: true,
  semantics(cpu, target, source, control) {
    const right = source.read();
    const left = target.read();
    const chosen = control.read().shr(cpu.lane * 2);
    const low = chosen.bit(0).select(left.high64(), left.low64());
    target.write(low.join(chosen.bit(1).select(right.high64(), right.low64())));
  },
});

const signs = (name: string, opcode: string, feature: string, operation: string): Instruction =>
  instruction(name, {
    encodings: [[opcode, 'Gd', 'Ux', { vex: 'Gd Ux' }]],
    feature,
    unit: 'sse',
    whole: true,
    semantics(cpu, target, source) {
      target.write(signsOf(cpu, source, operation));
    },
  });

export const MOVMSKPS = signs('movmskps', 'np 0f 50', 'sse', 'i32x4.bitmask');
export const MOVMSKPD = signs('movmskpd', '66 0f 50', 'sse2', 'i64x2.bitmask');

const duplicate = (name: string, opcode: string, indices: readonly number[]): Instruction =>
  onSse(name, opcode, (_target, source) => shuffleLanes(source, source, 4, indices), {
    feature: 'sse3',
    wide: 'avx',
    single: true,
  });

export const MOVSLDUP = duplicate('movsldup', 'f3 0f 12', [0, 0, 2, 2]);
export const MOVSHDUP = duplicate('movshdup', 'f3 0f 16', [1, 1, 3, 3]);

export const MOVDDUP = instruction('movddup', {
  encodings: [
    ['f2 0f 12', 'Vdq', 'Wq', { vex: 'Vdq Wq' }],
    ['vex f2 0f 12', 'Vx', 'Wx', { l: 1, feature: 'avx' }],
  ],
  feature: 'sse3',
  unit: 'sse',
  semantics(_cpu, target, source) {
    const value = source.width === 128 ? source.read().low64() : source.read();
    target.write(value.join(value));
  },
});
