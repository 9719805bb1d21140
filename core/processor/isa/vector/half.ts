/** F16C: VCVTPH2PS, VCVTPS2PH (SDM vol. 2). */
import { constant, type Value, zero } from '../../ir/value.ts';
import { everywhere, simd } from '../../ir/vector.ts';
import { instruction } from '../instruction.ts';
import { helpUnless } from './float-guard.ts';
import { SseConversion } from './operations.ts';

const and = (left: Value, right: Value): Value => simd('v128.and', left, right);
const or = (left: Value, right: Value): Value => simd('v128.or', left, right);

/** Fraction and exponent at their new places are a number that is 2^112 too small. Only NaNs and infinities have a fixed exponent. */
function widened(halves: Value): { result: Value; signals: Value } {
  const magnitude = simd('i32x4.shl', and(halves, everywhere(32, 0x7fff)), constant(32, 13));
  const sign = simd('i32x4.shl', and(halves, everywhere(32, 0x8000)), constant(32, 16));
  const finite = simd('f32x4.mul', magnitude, everywhere(32, 0x7780_0000));
  const special = simd('i32x4.ge_s', magnitude, everywhere(32, 0x0f80_0000));
  const result = or(sign, simd('v128.bitselect', or(magnitude, everywhere(32, 0x7f80_0000)), finite, special));
  const unordered = simd('i32x4.gt_s', magnitude, everywhere(32, 0x0f80_0000));
  const quiet = everywhere(32, 0x0040_0000);
  return { result, signals: and(unordered, simd('i32x4.ne', and(magnitude, quiet), quiet)) };
}

export const VCVTPH2PS = instruction('vcvtph2ps', {
  encodings: [['vex 66 0f 38 13', 'Vx', 'Whx', { w: 0, feature: 'f16c' }]],
  unit: 'avx',
  semantics(cpu, target, source) {
    const halves = simd('i32x4.extend_low_i16x8_u', source.read().zeroExtend(128));
    const { result, signals } = widened(halves);
    helpUnless(cpu, simd('v128.any_true', signals).eq(0), {
      helper: 'sseConvert',
      wide: 'sseConvertWide',
      inputs: [zero(128), halves],
      target,
      code: constant(32, SseConversion.ph2ps),
    });
    target.write(result);
  },
});

export const VCVTPS2PH = instruction('vcvtps2ph', {
  encodings: [['vex 66 0f 3a 1d', 'Whx', 'Vx', 'Ib', { w: 0, feature: 'f16c' }]],
  unit: 'avx',
  whole: true,
  semantics(cpu, target, source, control) {
    const high = cpu.lanes === 2 ? source.lane(1).read() : zero(128);
    const rounding = control.read().and(7).zeroExtend(32);
    if (target.isMemory) target.probeAt(0, cpu.lanes === 2 ? 128 : 64);
    const halves = cpu.call('singlesToHalves', source.lane(0).read(), high, rounding);
    if (cpu.lanes === 2) for (const lane of [0, 1]) target.lane(lane).write(halves[lane]);
    else target.write(target.isMemory ? halves[0] : halves[0].zeroExtend(128));
  },
});
