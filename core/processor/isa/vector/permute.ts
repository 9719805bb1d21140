/** Elements in another order, within 128 bits and across them (SDM vol. 2, VPERM2F128, VPERMILPS, VPERMD, VPERMQ and kin). */
import { constant, type Value, zero } from '../../ir/value.ts';
import { everywhere, lanesConstant, simd } from '../../ir/vector.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';
import { shuffled32 } from './integer-shuffle.ts';

const row = (opcode: string, operands: string, options: Encoding[number]): Encoding => [
  `vex 66 ${opcode}`,
  ...operands.split(' '),
  options,
];

/** One of four by two bits. */
const oneOfFour = (control: Value, at: number, [first, second, third, fourth]: readonly Value[]): Value =>
  control.bit(at + 1).select(control.bit(at).select(fourth!, third!), control.bit(at).select(second!, first!));

const permuteHalves = (name: string, opcode: string, feature: string): Instruction =>
  instruction(name, {
    encodings: [row(`0f 3a ${opcode}`, 'Vx Hx Wx Ib', { w: 0, l: 1, feature })],
    unit: 'avx',
    whole: true,
    semantics(_cpu, target, left, right, control) {
      const choices = [left, right].flatMap(operand => [operand.lane(0).read(), operand.lane(1).read()]);
      const chosen = control.read();
      for (const lane of [0, 1]) {
        const one = oneOfFour(chosen, lane * 4, choices);
        target.lane(lane).write(chosen.bit(lane * 4 + 3).select(zero(128), one));
      }
    },
  });

export const VPERM2F128 = permuteHalves('vperm2f128', '06', 'avx');
export const VPERM2I128 = permuteHalves('vperm2i128', '46', 'avx2');

/** Byte indices from the number of a lane in each lane, which has no other bits. */
const bytesOf = (lanes: Value, bytes: 4 | 8): Value =>
  bytes === 4
    ? simd('i32x4.add', simd('i32x4.mul', lanes, everywhere(32, 0x0404_0404)), everywhere(32, 0x0302_0100))
    : simd(
        'i64x2.add',
        simd('i64x2.mul', lanes, everywhere(64, 0x0808_0808_0808_0808n)),
        everywhere(64, 0x0706_0504_0302_0100n),
      );

const feature = 'avx';
export const VPERMILPS = instruction('vpermilps', {
  encodings: [row('0f 38 0c', 'Vx Hx Wx', { w: 0, feature }), row('0f 3a 04', 'Vx Wx Ib', { w: 0, feature })],
  unit: 'avx',
  semantics(_cpu, target, source, control) {
    const value = source.read();
    const chosen = control.read();
    if (control.form?.kind === 'immediate') target.write(shuffled32(value, chosen));
    else target.write(simd('i8x16.swizzle', value, bytesOf(simd('v128.and', chosen, everywhere(32, 3)), 4)));
  },
});

/** An immediate has a bit for each element; a vector bit 1 of each. */
export const VPERMILPD = instruction('vpermilpd', {
  encodings: [row('0f 38 0d', 'Vx Hx Wx', { w: 0, feature }), row('0f 3a 05', 'Vx Wx Ib', { w: 0, feature })],
  unit: 'avx',
  semantics(cpu, target, source, control) {
    const value = source.read();
    const chosen = control.read();
    if (control.form?.kind === 'immediate') {
      const [low, high] = [value.low64(), value.high64()];
      const at = cpu.lane * 2;
      target.write(
        chosen
          .bit(at)
          .select(high, low)
          .join(chosen.bit(at + 1).select(high, low)),
      );
      return;
    }
    const lanes = simd('v128.and', simd('i64x2.shr_u', chosen, constant(32, 1)), everywhere(64, 1));
    target.write(simd('i8x16.swizzle', value, bytesOf(lanes, 8)));
  },
});

/** Eight elements of 32 bits by three bits each: those of either half by two, then one of the two by the third. */
const permute32 = (name: string, opcode: string): Instruction =>
  instruction(name, {
    encodings: [row(`0f 38 ${opcode}`, 'Vx Hx Wx', { w: 0, l: 1, feature: 'avx2' })],
    unit: 'avx',
    whole: true,
    semantics(_cpu, target, indices, source) {
      const [low, high] = [source.lane(0).read(), source.lane(1).read()];
      for (const lane of [0, 1]) {
        const chosen = indices.lane(lane).read();
        const bytes = bytesOf(simd('v128.and', chosen, everywhere(32, 3)), 4);
        const upper = simd('i32x4.shr_s', simd('i32x4.shl', chosen, constant(32, 29)), constant(32, 31));
        const pick = (half: Value) => simd('i8x16.swizzle', half, bytes);
        target.lane(lane).write(simd('v128.bitselect', pick(high), pick(low), upper));
      }
    },
  });

export const VPERMD = permute32('vpermd', '36');
export const VPERMPS = permute32('vpermps', '16');

const permute64 = (name: string, opcode: string): Instruction =>
  instruction(name, {
    encodings: [row(`0f 3a ${opcode}`, 'Vx Wx Ib', { w: 1, l: 1, feature: 'avx2' })],
    unit: 'avx',
    whole: true,
    semantics(_cpu, target, source, control) {
      const quarters = [0, 1].flatMap(lane => {
        const half = source.lane(lane).read();
        return [half.low64(), half.high64()];
      });
      const chosen = control.read();
      for (const lane of [0, 1])
        target.lane(lane).write(oneOfFour(chosen, lane * 4, quarters).join(oneOfFour(chosen, lane * 4 + 2, quarters)));
    },
  });

export const VPERMQ = permute64('vpermq', '00');
export const VPERMPD = permute64('vpermpd', '01');

const oneBitEach = lanesConstant(32, [1, 2, 4, 8]);

/** Elements of 32 bits, each from the operand that its bit of the immediate names. */
export const VPBLENDD = instruction('vpblendd', {
  encodings: [row('0f 3a 02', 'Vx Hx Wx Ib', { w: 0, feature: 'avx2' })],
  unit: 'avx',
  semantics(cpu, target, left, right, control) {
    const places = simd(
      'i32x4.splat',
      control
        .read()
        .shr(cpu.lane * 4)
        .zeroExtend(32),
    );
    const bit = simd('v128.and', places, oneBitEach);
    target.write(simd('v128.bitselect', right.read(), left.read(), simd('i32x4.eq', bit, oneBitEach)));
  },
});
