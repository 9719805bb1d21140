/** Packed shifts (SDM vol. 2, PSLLW … PSRLDQ). Counts beyond the lane give zeros, or all sign bits. */
import { constant, type Value, zero } from '../../ir/value.ts';
import { lanesConstant, simd } from '../../ir/vector.ts';
import { type Instruction, instruction } from '../instruction.ts';
import { writeVector } from './register-file.ts';

type Shift = 'shl' | 'shr_u' | 'shr_s';

/** `count`: 64 bits, all of which matter. */
function shifted(value: Value, shift: Shift, lane: 16 | 32 | 64, count: Value): Value {
  const name = `i${lane}x${128 / lane}.${shift}`;
  const fits = count.ltU(lane);
  if (shift === 'shr_s') return simd(name, value, fits.select(count.truncate(32), constant(32, lane - 1)));
  return fits.select(simd(name, value, count.truncate(32)), zero(128));
}

type Row = readonly [name: string, opcode: string, immediate: string, shift: Shift, lane: 16 | 32 | 64];

const rows: readonly Row[] = [
  ['psllw', '0f f1', '0f 71 /6', 'shl', 16],
  ['pslld', '0f f2', '0f 72 /6', 'shl', 32],
  ['psllq', '0f f3', '0f 73 /6', 'shl', 64],
  ['psrlw', '0f d1', '0f 71 /2', 'shr_u', 16],
  ['psrld', '0f d2', '0f 72 /2', 'shr_u', 32],
  ['psrlq', '0f d3', '0f 73 /2', 'shr_u', 64],
  ['psraw', '0f e1', '0f 71 /4', 'shr_s', 16],
  ['psrad', '0f e2', '0f 72 /4', 'shr_s', 32],
];

export const packedShifts: readonly Instruction[] = rows.flatMap(([name, opcode, immediate, shift, lane]) => [
  instruction(name, {
    encodings: [
      [`np ${opcode}`, 'Pq', 'Qq'],
      [`np ${immediate}`, 'Nq', 'Ib'],
    ],
    feature: 'mmx',
    unit: 'mmx',
    semantics(cpu, target, source) {
      const count = source.read().zeroExtend(64);
      writeVector(cpu, target, shifted(target.read().zeroExtend(128), shift, lane, count));
    },
  }),
  instruction(name, {
    encodings: [
      [`66 ${opcode}`, 'Vx', 'Wdq', { vex: 'Vx Hx Wdq', wideFeature: 'avx2' }],
      [`66 ${immediate}`, 'Ux', 'Ib', { vex: 'Hx Ux Ib', wideFeature: 'avx2' }],
    ],
    feature: 'sse2',
    unit: 'sse',
    aligned: true,
    semantics(_cpu, target, source) {
      const count = source.width === 128 ? source.read().low64() : source.read().zeroExtend(64);
      target.write(shifted(target.read(), shift, lane, count));
    },
  }),
]);

const places = lanesConstant(
  8,
  Array.from({ length: 16 }, (_, n) => n),
);

/** Whole bytes, by looking them up: places outside of the register hold zeros. */
const byteShift = (name: string, opcode: string, direction: 'add' | 'sub'): Instruction =>
  instruction(name, {
    encodings: [[`66 ${opcode}`, 'Ux', 'Ib', { vex: 'Hx Ux Ib', wideFeature: 'avx2' }]],
    feature: 'sse2',
    unit: 'sse',
    semantics(_cpu, target, source) {
      const count = source.read();
      const bytes = constant(8, 16).ltU(count).select(constant(8, 16), count);
      const indices = simd(`i8x16.${direction}`, places, simd('i8x16.splat', bytes));
      target.write(simd('i8x16.swizzle', target.read(), indices));
    },
  });

export const PSLLDQ = byteShift('pslldq', '0f 73 /7', 'sub');
export const PSRLDQ = byteShift('psrldq', '0f 73 /3', 'add');
