/** VZEROUPPER, VZEROALL, VTESTPS, VTESTPD (SDM vol. 2). */
import { no, type Value, zero } from '../../ir/value.ts';
import { simd } from '../../ir/vector.ts';
import { xmmOffset, ymmHighOffset } from '../../state/layout.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Tracer } from '../tracer.ts';

/** Outside of 64-bit mode there are eight registers. */
const registers = (cpu: Tracer): number[] => Array.from({ length: cpu.is64 ? 16 : 8 }, (_, n) => n);

export const VZEROUPPER = instruction('vzeroupper', {
  encodings: [['vex np 0f 77', { l: 0, feature: 'avx' }]],
  unit: 'avx',
  varies: ['code'],
  semantics(cpu) {
    for (const n of registers(cpu)) cpu.field(ymmHighOffset(n), 128).write(zero(128));
  },
});

export const VZEROALL = instruction('vzeroall', {
  encodings: [['vex np 0f 77', { l: 1, feature: 'avx' }]],
  unit: 'avx',
  varies: ['code'],
  semantics(cpu) {
    for (const n of registers(cpu))
      for (const offset of [xmmOffset(n), ymmHighOffset(n)]) cpu.field(offset, 128).write(zero(128));
  },
});

/** ZF: no sign that both have; CF: no sign that the second has alone. */
const testSigns = (name: string, opcode: string, shape: string): Instruction =>
  instruction(name, {
    encodings: [[`vex 66 0f 38 ${opcode}`, 'Vx', 'Wx', { w: 0, feature: 'avx' }]],
    unit: 'avx',
    whole: true,
    semantics(cpu, left, right) {
      const anywhere = (operation: string): Value =>
        Array.from({ length: cpu.lanes }, (_, lane) => {
          const [second, first] = [right.lane(lane).read(), left.lane(lane).read()];
          return simd(`${shape}.bitmask`, simd(operation, second, first));
        }).reduce((all, some) => all.or(some));
      const both = anywhere('v128.and');
      const alone = anywhere('v128.andnot');
      cpu.setFlags({ zf: both.eq(0), cf: alone.eq(0), of: no, sf: no, af: no, pf: no });
    },
  });

export const VTESTPS = testSigns('vtestps', '0e', 'i32x4');
export const VTESTPD = testSigns('vtestpd', '0f', 'i64x2');
