/** Packed integer arithmetic, comparison and logic (SDM vol. 2, PADDB … PXOR). */
import { constant, type Value } from '../../ir/value.ts';
import { everywhere, shuffleLanes, simd } from '../../ir/vector.ts';
import type { Instruction } from '../instruction.ts';
import { onBoth, type VectorMeaning } from './register-file.ts';

const lanewise =
  (name: string): VectorMeaning =>
  (target, source) =>
    simd(name, target, source);

type Row = readonly [name: string, opcode: string, meaning: string, mmxFeature?: string];

const rows: readonly Row[] = [
  ['paddb', '0f fc', 'i8x16.add'],
  ['paddw', '0f fd', 'i16x8.add'],
  ['paddd', '0f fe', 'i32x4.add'],
  ['paddq', '0f d4', 'i64x2.add', 'sse2'],
  ['paddsb', '0f ec', 'i8x16.add_sat_s'],
  ['paddsw', '0f ed', 'i16x8.add_sat_s'],
  ['paddusb', '0f dc', 'i8x16.add_sat_u'],
  ['paddusw', '0f dd', 'i16x8.add_sat_u'],
  ['psubb', '0f f8', 'i8x16.sub'],
  ['psubw', '0f f9', 'i16x8.sub'],
  ['psubd', '0f fa', 'i32x4.sub'],
  ['psubq', '0f fb', 'i64x2.sub', 'sse2'],
  ['psubsb', '0f e8', 'i8x16.sub_sat_s'],
  ['psubsw', '0f e9', 'i16x8.sub_sat_s'],
  ['psubusb', '0f d8', 'i8x16.sub_sat_u'],
  ['psubusw', '0f d9', 'i16x8.sub_sat_u'],
  ['pmullw', '0f d5', 'i16x8.mul'],
  ['pmaddwd', '0f f5', 'i32x4.dot_i16x8_s'],
  ['pavgb', '0f e0', 'i8x16.avgr_u', 'sse'],
  ['pavgw', '0f e3', 'i16x8.avgr_u', 'sse'],
  ['pminub', '0f da', 'i8x16.min_u', 'sse'],
  ['pmaxub', '0f de', 'i8x16.max_u', 'sse'],
  ['pminsw', '0f ea', 'i16x8.min_s', 'sse'],
  ['pmaxsw', '0f ee', 'i16x8.max_s', 'sse'],
  ['pcmpeqb', '0f 74', 'i8x16.eq'],
  ['pcmpeqw', '0f 75', 'i16x8.eq'],
  ['pcmpeqd', '0f 76', 'i32x4.eq'],
  ['pcmpgtb', '0f 64', 'i8x16.gt_s'],
  ['pcmpgtw', '0f 65', 'i16x8.gt_s'],
  ['pcmpgtd', '0f 66', 'i32x4.gt_s'],
  ['pand', '0f db', 'v128.and'],
  ['por', '0f eb', 'v128.or'],
  ['pxor', '0f ef', 'v128.xor'],
];

export const packedIntegers: readonly Instruction[] = rows.flatMap(([name, opcode, meaning, feature]) =>
  onBoth(name, opcode, lanewise(meaning), feature),
);

export const PANDN = onBoth('pandn', '0f df', (target, source) => simd('v128.andnot', source, target));

/** Upper halves of the 32-bit products. */
const multiplyHigh =
  (sign: 's' | 'u'): VectorMeaning =>
  (target, source) =>
    shuffleLanes(
      simd(`i32x4.extmul_low_i16x8_${sign}`, target, source),
      simd(`i32x4.extmul_high_i16x8_${sign}`, target, source),
      2,
      [1, 3, 5, 7, 9, 11, 13, 15],
    );

export const PMULHW = onBoth('pmulhw', '0f e5', multiplyHigh('s'));
export const PMULHUW = onBoth('pmulhuw', '0f e4', multiplyHigh('u'), 'sse');

const evenLanes = (value: Value): Value => simd('v128.and', value, everywhere(64, 0xffff_ffff));

export const PMULUDQ = onBoth(
  'pmuludq',
  '0f f4',
  (target, source) => simd('i64x2.mul', evenLanes(target), evenLanes(source)),
  'sse2',
);

/** Of two saturated differences one is the distance and the other is zero. */
const distances = (left: Value, right: Value): Value =>
  simd('v128.or', simd('i8x16.sub_sat_u', left, right), simd('i8x16.sub_sat_u', right, left));

/** Sums of eight distances reach 11 bits: they are added up as 16, then 32, then 64 bits. */
export const PSADBW = onBoth(
  'psadbw',
  '0f f6',
  (target, source) => {
    const words = simd('i16x8.extadd_pairwise_i8x16_u', distances(target, source));
    const sums = simd('i32x4.extadd_pairwise_i16x8_u', words);
    return simd('i64x2.add', evenLanes(sums), simd('i64x2.shr_u', sums, constant(32, 32)));
  },
  'sse',
);
