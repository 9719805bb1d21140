/** Conversions between integers and floating-point numbers, and between precisions (SDM vol. 2, CVTDQ2PD … CVTTSS2SI). */
import { constant, type Value, zero } from '../../ir/value.ts';
import { everywhere, simd } from '../../ir/vector.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';
import type { Operand } from '../operand.ts';
import type { Tracer } from '../tracer.ts';
import type { VectorHelp } from '../vex-run.ts';
import { comparable, defaultControls, factsOf, help, helpUnless, not } from './float-guard.ts';
import { SseConversion } from './operations.ts';
import { checkSse } from './register-file.ts';

type Meaning = Instruction['semantics'];
type More = Pick<Instruction, 'whole'>;

const sse = (name: string, feature: string, encoding: Encoding, semantics: Meaning, more: More = {}): Instruction =>
  instruction(name, {
    encodings: [encoding],
    feature,
    unit: 'sse',
    ...(encoding[2] === 'Wx' ? { aligned: true as const } : {}),
    ...more,
    semantics,
  });

/** What the helper is told. A scalar's target keeps the rest of its vector. */
const asked = (cpu: Tracer, source: Value, target: Operand, conversion: SseConversion): VectorHelp => ({
  helper: 'sseConvert',
  wide: 'sseConvertWide',
  inputs: [cpu.vex && target.form?.kind === 'xmm' && target.width < 128 ? target.whole() : zero(128), source],
  target,
  code: constant(32, conversion),
});

/** Which operands a VEX form has: as many as the legacy one, or with the register that the target's rest comes from. */
const plainVex = (opcode: string, target: string, source: string): Encoding => [
  opcode,
  target,
  source,
  { vex: `${target} ${source}` },
];
const mergingVex = (opcode: string, type: 'ss' | 'sd', source: string): Encoding => [
  opcode,
  `V${type}`,
  source,
  { vex: `V${type} H${type} ${source}` },
];

// Between precisions.

export const CVTSS2SD = sse('cvtss2sd', 'sse2', mergingVex('f3 0f 5a', 'sd', 'Wss'), (cpu, target, source) => {
  const value = source.read();
  helpUnless(cpu, comparable(32, value), asked(cpu, value, target, SseConversion.ss2sd));
  target.write(simd('f64.promote_f32', value));
});

const isNormal = (value: Value): Value => not(factsOf(32, 32).isAbnormal(value));

export const CVTSD2SS = sse('cvtsd2ss', 'sse2', mergingVex('f2 0f 5a', 'ss', 'Wsd'), (cpu, target, source) => {
  const value = source.read();
  const result = simd('f32.demote_f64', value);
  const exact = simd('f64.eq', simd('f64.promote_f32', result), value);
  const good = defaultControls(cpu, exact).and(isNormal(result));
  helpUnless(cpu, good, asked(cpu, value, target, SseConversion.sd2ss));
  target.write(result);
});

export const CVTPS2PD = sse('cvtps2pd', 'sse2', plainVex('np 0f 5a', 'Vx', 'Whx'), (cpu, target, source) => {
  const value = source.read().zeroExtend(128);
  helpUnless(cpu, comparable(32, value), asked(cpu, value, target, SseConversion.ps2pd));
  target.write(simd('f64x2.promote_low_f32x4', value));
});

/** Nothing to go wrong. */
export const CVTDQ2PD = sse('cvtdq2pd', 'sse2', plainVex('f3 0f e6', 'Vx', 'Whx'), (_cpu, target, source) => {
  target.write(simd('f64x2.convert_low_i32x4_s', source.read().zeroExtend(128)));
});

export const CVTDQ2PS = sse('cvtdq2ps', 'sse2', plainVex('np 0f 5b', 'Vx', 'Wx'), (cpu, target, source) => {
  const value = source.read();
  const result = simd('f32x4.convert_i32x4_s', value);
  const back = simd('i32x4.eq', simd('i32x4.trunc_sat_f32x4_s', result), value);
  const largest = simd('i32x4.eq', value, everywhere(32, 0x7fff_ffff));
  const exact = simd('i32x4.all_true', simd('v128.andnot', back, largest));
  helpUnless(cpu, defaultControls(cpu, exact), asked(cpu, value, target, SseConversion.dq2ps));
  target.write(result);
});

/** Exponent field from which on an integer of 32 or 64 bits may be too small. */
const limits = {
  32: { 32: (127n + 31n) << 23n, 64: (127n + 63n) << 23n },
  64: { 32: (1023n + 31n) << 52n, 64: (1023n + 63n) << 52n },
} as const;

const always = (name: string, opcode: string, conversion: SseConversion): Instruction =>
  sse(
    name,
    'sse2',
    plainVex(opcode, 'Vdq', 'Wx'),
    (cpu, target, source) => {
      for (let lane = 0; lane < cpu.lanes; lane++) help(cpu, asked(cpu, source.lane(lane).read(), target, conversion));
    },
    { whole: true },
  );

const singlesToIntegers = (name: string, opcode: string, conversion: SseConversion): Instruction =>
  sse(name, 'sse2', plainVex(opcode, 'Vx', 'Wx'), (cpu, target, source) => {
    const value = source.read();
    const whole = conversion === SseConversion.tps2dq ? value : simd('f32x4.nearest', value);
    const magnitudes = simd('v128.and', whole, everywhere(32, 0x7fff_ffff));
    const tooLarge = simd('v128.any_true', simd('i32x4.ge_s', magnitudes, everywhere(32, limits[32][32])));
    const result = simd('i32x4.trunc_sat_f32x4_s', whole);
    const exact = simd('i32x4.all_true', simd('f32x4.eq', simd('f32x4.convert_i32x4_s', result), value));
    const good = defaultControls(cpu, exact).and(not(tooLarge));
    helpUnless(cpu, good, asked(cpu, value, target, conversion));
    target.write(result);
  });

export const packedConversions: readonly Instruction[] = [
  always('cvtpd2ps', '66 0f 5a', SseConversion.pd2ps),
  singlesToIntegers('cvtps2dq', '66 0f 5b', SseConversion.ps2dq),
  singlesToIntegers('cvttps2dq', 'f3 0f 5b', SseConversion.tps2dq),
  always('cvtpd2dq', 'f2 0f e6', SseConversion.pd2dq),
  always('cvttpd2dq', '66 0f e6', SseConversion.tpd2dq),
];

// From general registers.

/** An integer that its conversion still is. The largest is none, though it comes back from the number above it. */
const survives = (integer: Value, converted: Value): Value => {
  const back = simd(`i${integer.width}.trunc_sat_f${converted.width}_s`, converted);
  const largest = constant(integer.width, (1n << BigInt(integer.width - 1)) - 1n);
  return back.eq(integer).and(integer.ne(largest));
};

export const CVTSI2SD = sse('cvtsi2sd', 'sse2', mergingVex('f2 0f 2a', 'sd', 'Ey'), (cpu, target, source) => {
  const value = source.read();
  // 32 bits always fit.
  const result = simd(`f64.convert_i${value.width}_s`, value);
  if (value.width === 64) {
    const good = defaultControls(cpu, survives(value, result));
    helpUnless(cpu, good, asked(cpu, value, target, SseConversion.si2sd64));
  }
  target.write(result);
});

export const CVTSI2SS = sse('cvtsi2ss', 'sse', mergingVex('f3 0f 2a', 'ss', 'Ey'), (cpu, target, source) => {
  const value = source.read();
  const conversion = value.width === 64 ? SseConversion.si2ss64 : SseConversion.si2ss32;
  const result = simd(`f32.convert_i${value.width}_s`, value);
  helpUnless(cpu, defaultControls(cpu, survives(value, result)), asked(cpu, value, target, conversion));
  target.write(result);
});

// To general registers.

const fits = (value: Value, width: 32 | 64): Value => {
  const from = value.width as 32 | 64;
  const magnitude = value.shl(1).shr(1);
  return magnitude.ltU(constant(from, limits[from][width]));
};

type Conversions = Readonly<Record<32 | 64, SseConversion>>;

/** Default controls round to the nearest integer. */
const toInteger = (name: string, opcode: string, type: 'ss' | 'sd', conversions: Conversions): Instruction =>
  sse(name, type === 'ss' ? 'sse' : 'sse2', plainVex(opcode, 'Gy', `W${type}`), (cpu, target, source) => {
    const value = source.read();
    const width = target.width as 32 | 64;
    const helped = asked(cpu, value, target, conversions[width]);
    const whole = name.startsWith('cvtt') ? value : simd(`f${value.width}.nearest`, value);
    const result = simd(`i${width}.trunc_sat_f${value.width}_s`, whole);
    const exact = simd(`f${value.width}.eq`, simd(`f${value.width}.convert_i${width}_s`, result), value);
    helpUnless(cpu, defaultControls(cpu, exact).and(fits(whole, width)), helped);
    target.write(result);
  });

const { ss2si32, ss2si64, tss2si32, tss2si64, sd2si32, sd2si64, tsd2si32, tsd2si64 } = SseConversion;
export const integerConversions: readonly Instruction[] = [
  toInteger('cvtss2si', 'f3 0f 2d', 'ss', { 32: ss2si32, 64: ss2si64 }),
  toInteger('cvttss2si', 'f3 0f 2c', 'ss', { 32: tss2si32, 64: tss2si64 }),
  toInteger('cvtsd2si', 'f2 0f 2d', 'sd', { 32: sd2si32, 64: sd2si64 }),
  toInteger('cvttsd2si', 'f2 0f 2c', 'sd', { 32: tsd2si32, 64: tsd2si64 }),
];

// Between XMM and MMX registers.

const mixed = (
  name: string,
  feature: string,
  unit: 'mmx' | 'sse',
  encodings: Encoding[],
  convert: (cpu: Tracer, target: Operand, source: Value) => void,
): Instruction =>
  instruction(name, {
    encodings,
    feature,
    unit,
    ...(encodings[0][2] === 'Wdq' ? { aligned: true as const } : {}),
    semantics(cpu, target, source) {
      if (unit === 'mmx') checkSse(cpu);
      convert(cpu, target, source.read());
    },
  });

const helped =
  (conversion: SseConversion) =>
  (cpu: Tracer, target: Operand, source: Value): void => {
    help(cpu, asked(cpu, source, target, conversion));
  };
const toDoubles = (_cpu: Tracer, target: Operand, source: Value): void =>
  target.write(simd('f64x2.convert_low_i32x4_s', source.zeroExtend(128)));

/** From memory, CVTPI2PD and (on AMD's processors, against SDM vol. 2) CVTPI2PS leave the x87 unit alone. */
export const mixedConversions: readonly Instruction[] = [
  mixed('cvtpi2ps', 'sse', 'mmx', [['np 0f 2a', 'Vq', 'Nq']], helped(SseConversion.pi2ps)),
  mixed('cvtpi2ps', 'sse', 'sse', [['np 0f 2a', 'Vq', 'Mq']], helped(SseConversion.pm2ps)),
  mixed('cvtpi2pd', 'sse2', 'mmx', [['66 0f 2a', 'Vdq', 'Nq']], toDoubles),
  mixed('cvtpi2pd', 'sse2', 'sse', [['66 0f 2a', 'Vdq', 'Mq']], toDoubles),
  mixed('cvtps2pi', 'sse', 'mmx', [['np 0f 2d', 'Pq', 'Wq']], helped(SseConversion.ps2pi)),
  mixed('cvttps2pi', 'sse', 'mmx', [['np 0f 2c', 'Pq', 'Wq']], helped(SseConversion.tps2pi)),
  mixed('cvtpd2pi', 'sse2', 'mmx', [['66 0f 2d', 'Pq', 'Wdq']], helped(SseConversion.pd2pi)),
  mixed('cvttpd2pi', 'sse2', 'mmx', [['66 0f 2c', 'Pq', 'Wdq']], helped(SseConversion.tpd2pi)),
];
