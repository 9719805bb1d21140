/**
 * Moves of the elements whose mask has its sign set, and gathers (SDM vol. 2, VMASKMOV, VPMASKMOV, VPGATHERDD and kin). Other elements are not looked at in
 * memory, so they do not fault.
 */
import { constant, type Value } from '../../ir/value.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';
import type { Operand } from '../operand.ts';
import type { Tracer } from '../tracer.ts';
import { GatherCode } from './operations.ts';
import { signsOf } from './register-file.ts';

const shapes = { 4: 'i32x4', 8: 'i64x2' } as const;

/** Where elements are, which of them, and how many of what size there are. */
function elements(cpu: Tracer, memory: Operand, mask: Operand, bytes: 4 | 8): [Value, Value, Value, Value] {
  const chosen = signsOf(cpu, mask, `${shapes[bytes]}.bitmask`);
  return [memory.segment(), memory.offset(), chosen, constant(32, bytes | ((cpu.lanes * 16) << 8))];
}

interface Codes {
  readonly load: string;
  readonly store: string;
  readonly w: 0 | 1;
  readonly feature: string;
}

function maskedMoves(name: string, { load, store, w, feature }: Codes, bytes: 4 | 8): Instruction[] {
  const row = (opcode: string, operands: string): Encoding => [
    `vex 66 0f 38 ${opcode}`,
    ...operands.split(' '),
    { w, feature },
  ];
  return [
    instruction(name, {
      encodings: [row(load, 'Vx Hx Mx')],
      unit: 'avx',
      whole: true,
      semantics(cpu, target, mask, source) {
        cpu.call('maskedLoad', ...elements(cpu, source, mask, bytes), target.number());
      },
    }),
    instruction(name, {
      encodings: [row(store, 'Mx Hx Vx')],
      unit: 'avx',
      whole: true,
      semantics(cpu, target, mask, source) {
        cpu.call('maskedElements', ...elements(cpu, target, mask, bytes), source.number());
      },
    }),
  ];
}

export const vectorMaskedMoves: readonly Instruction[] = [
  ...maskedMoves('vmaskmovps', { load: '2c', store: '2e', w: 0, feature: 'avx' }, 4),
  ...maskedMoves('vmaskmovpd', { load: '2d', store: '2f', w: 0, feature: 'avx' }, 8),
  ...maskedMoves('vpmaskmovd', { load: '8c', store: '8e', w: 0, feature: 'avx2' }, 4),
  ...maskedMoves('vpmaskmovq', { load: '8c', store: '8e', w: 1, feature: 'avx2' }, 8),
];

/** How much of the vector a register with elements of so many bytes uses, where the wider of elements and indices fill it. */
const share = (bytes: number, other: number): 'x' | 'hx' => (bytes < other ? 'hx' : 'x');

const gather = (name: string, opcode: string, element: 4 | 8, index: 4 | 8): Instruction => {
  const data = share(element, index);
  const encoding: Encoding = [
    `vex 66 0f 38 ${opcode}`,
    `V${data}`,
    element === 4 ? 'Md' : 'Mq',
    `X${share(index, element)}`,
    `H${data}`,
    { w: element === 8 ? 1 : 0, feature: 'avx2' },
  ];
  return instruction(name, {
    encodings: [encoding],
    unit: 'avx',
    varies: ['address'],
    whole: true,
    semantics(cpu, target, source, indices, mask) {
      const count = (cpu.lanes * 16) / Math.max(element, index);
      const code = GatherCode.of({ element, index, count, address: cpu.addressWidth });
      cpu.call(
        'gather',
        source.segment(),
        source.offset(),
        cpu.scale(1).or(code),
        target.number(),
        indices.number(),
        mask.number(),
      );
    },
  });
};

export const gathers: readonly Instruction[] = [
  gather('vpgatherdd', '90', 4, 4),
  gather('vpgatherdq', '90', 8, 4),
  gather('vpgatherqd', '91', 4, 8),
  gather('vpgatherqq', '91', 8, 8),
  gather('vgatherdps', '92', 4, 4),
  gather('vgatherdpd', '92', 8, 4),
  gather('vgatherqps', '93', 4, 8),
  gather('vgatherqpd', '93', 8, 8),
];
