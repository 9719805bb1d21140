/** What MMX and SSE integer rows have in common: one operation, two register files (SDM vol. 1, chapters 9 and 11). */
import { constant, type Value } from '../../ir/value.ts';
import { simd } from '../../ir/vector.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Operand } from '../operand.ts';
import type { Tracer } from '../tracer.ts';

/** MM registers are the significands of x87's; a write sets sign and exponent to ones. */
export function writeMmx(cpu: Tracer, operand: number, value: Value): void {
  cpu.effects.push({
    kind: 'set',
    place: { kind: 'register', operand, width: 128, file: 'plain' },
    value: value.join(constant(64, 0xffff)),
  });
}

/** Writes operand 0, whichever kind it is. */
export function writeVector(cpu: Tracer, target: Operand, value: Value): void {
  if (target.form?.kind === 'mmx') writeMmx(cpu, 0, value.width === 128 ? value.low64() : value);
  else target.write(value.resize(target.width));
}

/** Also #UD and #NM as SSE instructions do: for those that are of both worlds. */
export function checkSse(cpu: Tracer): void {
  cpu.callIf(cpu.state('sseBlocked').read().ne(0), 'checkSse');
}

export type VectorMeaning = (target: Value, source: Value) => Value;

/** `mm, mm/m64` and `xmm, xmm/m128` of one opcode. Vectors are 128 bits wide for the meaning; of MMX the low half counts. */
export const onBoth = (name: string, opcode: string, meaning: VectorMeaning, mmxFeature = 'mmx'): Instruction[] => [
  instruction(name, {
    encodings: [[`np ${opcode}`, 'Pq', 'Qq']],
    feature: mmxFeature,
    unit: 'mmx',
    semantics(cpu, target, source) {
      const right = source.read().zeroExtend(128);
      writeVector(cpu, target, meaning(target.read().zeroExtend(128), right));
    },
  }),
  onSse(name, `66 ${opcode}`, meaning),
];

/** The signs of all lanes, a bit each, as a vector operation tells them of 128 bits. */
export function signsOf(cpu: Tracer, source: Operand, operation: string): Value {
  const lanes = Number(operation.slice(operation.indexOf('x') + 1, operation.indexOf('.')));
  const signs = Array.from({ length: cpu.lanes }, (_, n) => simd(operation, source.lane(n).read()).shl(n * lanes));
  return signs.reduce((all, some) => all.or(some));
}

export interface OnSse {
  /** Of the legacy form. */
  readonly feature?: string;
  /** Of the VEX form with 256 bits: AVX2, or AVX for floating point. */
  readonly wide?: string;
  /** The target is not read: the VEX form has two operands as well. */
  readonly single?: true;
}

/** `xmm, xmm/m128`, `xmm, xmm, xmm/m128` and `ymm, ymm, ymm/m256`. */
export const onSse = (
  name: string,
  opcode: string,
  meaning: VectorMeaning,
  { feature = 'sse2', wide = 'avx2', single }: OnSse = {},
): Instruction =>
  instruction(name, {
    encodings: [[opcode, 'Vx', 'Wx', { vex: single ? 'Vx Wx' : 'Vx Hx Wx', wideFeature: wide }]],
    feature,
    unit: 'sse',
    aligned: true,
    semantics(_cpu, target, source) {
      const right = source.read();
      target.write(meaning(target.read(), right));
    },
  });
