/** One element, or 128 bits, in all places of a vector (SDM vol. 2, VBROADCAST, VPBROADCAST). */
import type { Value } from '../../ir/value.ts';
import { simd } from '../../ir/vector.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';

const broadcast = (name: string, shape: string | undefined, ...encodings: Encoding[]): Instruction =>
  instruction(name, {
    encodings,
    unit: 'avx',
    semantics(_cpu, target, source) {
      const value = source.read();
      target.write(shape ? simd(`${shape}.splat`, value) : value);
    },
  });

const avx = { w: 0, feature: 'avx' } as const;
const avx2 = { w: 0, feature: 'avx2' } as const;

export const broadcasts: readonly Instruction[] = [
  broadcast('vbroadcastss', 'i32x4', ['vex 66 0f 38 18', 'Vx', 'Md', avx], ['vex 66 0f 38 18', 'Vx', 'Ud', avx2]),
  broadcast(
    'vbroadcastsd',
    'i64x2',
    ['vex 66 0f 38 19', 'Vx', 'Mq', { ...avx, l: 1 }],
    ['vex 66 0f 38 19', 'Vx', 'Uq', { ...avx2, l: 1 }],
  ),
  broadcast('vbroadcastf128', undefined, ['vex 66 0f 38 1a', 'Vx', 'Mdq', { ...avx, l: 1 }]),
  broadcast('vbroadcasti128', undefined, ['vex 66 0f 38 5a', 'Vx', 'Mdq', { ...avx2, l: 1 }]),
  broadcast('vpbroadcastb', 'i8x16', ['vex 66 0f 38 78', 'Vx', 'Wb', avx2]),
  broadcast('vpbroadcastw', 'i16x8', ['vex 66 0f 38 79', 'Vx', 'Ww', avx2]),
  broadcast('vpbroadcastd', 'i32x4', ['vex 66 0f 38 58', 'Vx', 'Wd', avx2]),
  broadcast('vpbroadcastq', 'i64x2', ['vex 66 0f 38 59', 'Vx', 'Wq', avx2]),
];

/** The 128 bits that an immediate's bit names are put in, or taken out. */
const insert = (name: string, opcode: string, feature: string): Instruction =>
  instruction(name, {
    encodings: [[`vex 66 0f 3a ${opcode}`, 'Vx', 'Hx', 'Wdq', 'Ib', { w: 0, l: 1, feature }]],
    unit: 'avx',
    semantics(cpu, target, source, part, control) {
      const [kept, put] = [source.read(), part.read()];
      const upper = control.read().bit(0);
      target.write(cpu.lane === 0 ? upper.select(kept, put) : upper.select(put, kept));
    },
  });

const extract = (name: string, opcode: string, feature: string): Instruction =>
  instruction(name, {
    encodings: [[`vex 66 0f 3a ${opcode}`, 'Wdq', 'Vx', 'Ib', { w: 0, l: 1, feature }]],
    unit: 'avx',
    whole: true,
    semantics(_cpu, target, source, control) {
      const upper: Value = control.read().bit(0);
      target.write(upper.select(source.lane(1).read(), source.lane(0).read()));
    },
  });

export const halves: readonly Instruction[] = [
  insert('vinsertf128', '18', 'avx'),
  insert('vinserti128', '38', 'avx2'),
  extract('vextractf128', '19', 'avx'),
  extract('vextracti128', '39', 'avx2'),
];
