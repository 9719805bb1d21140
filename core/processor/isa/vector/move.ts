/** Moves of whole vectors and scalars, to and from memory and general registers (SDM vol. 2, MOVAPS … MASKMOVDQU). */
import { constant, type Value, zero } from '../../ir/value.ts';
import { simd } from '../../ir/vector.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Encoding } from '../notation.ts';
import type { Tracer } from '../tracer.ts';
import { checkSse, writeVector } from './register-file.ts';

/** The VEX form has the same operands. */
const both = (opcode: string, target: string, source: string): Encoding => [
  opcode,
  target,
  source,
  { vex: `${target} ${source}` },
];

const vectorMove = (name: string, feature: string, aligned: boolean, ...encodings: Encoding[]): Instruction =>
  instruction(name, {
    encodings,
    feature,
    unit: 'sse',
    ...(aligned ? { aligned: 'always' as const } : {}),
    semantics(_cpu, target, source) {
      target.write(source.read());
    },
  });

const loadAndStore = (load: string, store: string): Encoding[] => [both(load, 'Vx', 'Wx'), both(store, 'Wx', 'Vx')];

export const vectorMoves: readonly Instruction[] = [
  vectorMove('movaps', 'sse', true, ...loadAndStore('np 0f 28', 'np 0f 29')),
  vectorMove('movapd', 'sse2', true, ...loadAndStore('66 0f 28', '66 0f 29')),
  vectorMove('movups', 'sse', false, ...loadAndStore('np 0f 10', 'np 0f 11')),
  vectorMove('movupd', 'sse2', false, ...loadAndStore('66 0f 10', '66 0f 11')),
  vectorMove('movdqa', 'sse2', true, ...loadAndStore('66 0f 6f', '66 0f 7f')),
  vectorMove('movdqu', 'sse2', false, ...loadAndStore('f3 0f 6f', 'f3 0f 7f')),
  vectorMove('movntps', 'sse', true, both('np 0f 2b', 'Mx', 'Vx')),
  vectorMove('movntpd', 'sse2', true, both('66 0f 2b', 'Mx', 'Vx')),
  vectorMove('movntdq', 'sse2', true, both('66 0f e7', 'Mx', 'Vx')),
  vectorMove('lddqu', 'sse3', false, both('f2 0f f0', 'Vx', 'Mx')),
];

/** A load clears the rest of the register; between registers the rest stays. */
const scalarMove = (name: string, feature: string, prefix: string, type: 'ss' | 'sd'): Instruction =>
  instruction(name, {
    encodings: [
      [`${prefix} 0f 10`, `V${type}`, `U${type}`, { vex: `V${type} H${type} U${type}` }],
      both(`${prefix} 0f 10`, 'Vdq', `M${type}`),
      [`${prefix} 0f 11`, `U${type}`, `V${type}`, { vex: `U${type} H${type} V${type}` }],
      both(`${prefix} 0f 11`, `M${type}`, `V${type}`),
    ],
    feature,
    unit: 'sse',
    semantics(_cpu, target, source) {
      target.write(source.read().resize(target.width));
    },
  });

export const MOVSS = scalarMove('movss', 'sse', 'f3', 'ss');
export const MOVSD = scalarMove('movsd', 'sse2', 'f2', 'sd');

/** What has happened to the unit when memory faults depends on the vendor. */
const storesMmx: Instruction['vendorDependent'] = ({ operands }) => operands[0].kind === 'memory';

export const MOVD = [
  instruction('movd', {
    encodings: [
      ['np 0f 6e', 'Pq', 'Ed', { w: 0 }],
      ['np 0f 7e', 'Ed', 'Pd', { w: 0 }],
    ],
    feature: 'mmx',
    unit: 'mmx',
    vendorDependent: storesMmx,
    semantics(cpu, target, source) {
      writeVector(cpu, target, source.read().zeroExtend(target.width));
    },
  }),
  instruction('movd', {
    encodings: [
      ['66 0f 6e', 'Vdq', 'Ed', { w: 0, vex: 'Vdq Ed' }],
      ['66 0f 7e', 'Ed', 'Vd', { w: 0, vex: 'Ed Vd' }],
    ],
    feature: 'sse2',
    unit: 'sse',
    semantics(_cpu, target, source) {
      target.write(source.read().zeroExtend(target.width));
    },
  }),
];

export const MOVQ = [
  instruction('movq', {
    encodings: [
      ['np 0f 6f', 'Pq', 'Qq'],
      ['np 0f 7f', 'Qq', 'Pq'],
      ['np 0f 6e', 'Pq', 'Eq', { w: 1 }],
      ['np 0f 7e', 'Eq', 'Pq', { w: 1 }],
    ],
    feature: 'mmx',
    unit: 'mmx',
    vendorDependent: storesMmx,
    semantics(cpu, target, source) {
      writeVector(cpu, target, source.read());
    },
  }),
  instruction('movq', {
    encodings: [
      both('f3 0f 7e', 'Vdq', 'Wq'),
      both('66 0f d6', 'Mq', 'Vq'),
      both('66 0f d6', 'Udq', 'Vq'),
      ['66 0f 6e', 'Vdq', 'Eq', { w: 1, vex: 'Vdq Eq' }],
      ['66 0f 7e', 'Eq', 'Vq', { w: 1, vex: 'Eq Vq' }],
    ],
    feature: 'sse2',
    unit: 'sse',
    semantics(_cpu, target, source) {
      target.write(source.read().zeroExtend(target.width));
    },
  }),
];

export const MOVNTQ = instruction('movntq', {
  encodings: [['np 0f e7', 'Mq', 'Pq']],
  feature: 'sse',
  unit: 'mmx',
  vendorDependent: storesMmx,
  semantics(_cpu, target, source) {
    target.write(source.read());
  },
});

export const MOVQ2DQ = instruction('movq2dq', {
  encodings: [['f3 0f d6', 'Vdq', 'Nq']],
  feature: 'sse2',
  unit: 'mmx',
  semantics(cpu, target, source) {
    checkSse(cpu);
    target.write(source.read().zeroExtend(128));
  },
});

export const MOVDQ2Q = instruction('movdq2q', {
  encodings: [['f2 0f d6', 'Pq', 'Uq']],
  feature: 'sse2',
  unit: 'mmx',
  semantics(cpu, target, source) {
    checkSse(cpu);
    writeVector(cpu, target, source.read());
  },
});

/** Halves of a register by loads and stores, and between registers (MOVHLPS, MOVLHPS). */
const lowHalf = (name: string, feature: string, prefix: string): Instruction =>
  instruction(name, {
    encodings: [[`${prefix} 0f 12`, 'Vq', 'Mq', { vex: 'Vq Hq Mq' }], both(`${prefix} 0f 13`, 'Mq', 'Vq')],
    feature,
    unit: 'sse',
    semantics(_cpu, target, source) {
      target.write(source.read());
    },
  });

const highHalf = (name: string, feature: string, prefix: string): Instruction =>
  instruction(name, {
    encodings: [[`${prefix} 0f 16`, 'Vdq', 'Mq', { vex: 'Vdq Hdq Mq' }], both(`${prefix} 0f 17`, 'Mq', 'Vdq')],
    feature,
    unit: 'sse',
    semantics(_cpu, target, source) {
      const value = source.read();
      target.write(target.isMemory ? value.high64() : target.read().low64().join(value));
    },
  });

export const halfMoves: readonly Instruction[] = [
  lowHalf('movlps', 'sse', 'np'),
  lowHalf('movlpd', 'sse2', '66'),
  highHalf('movhps', 'sse', 'np'),
  highHalf('movhpd', 'sse2', '66'),
];

export const MOVHLPS = instruction('movhlps', {
  encodings: [['np 0f 12', 'Vq', 'Udq', { vex: 'Vq Hq Udq' }]],
  feature: 'sse',
  unit: 'sse',
  semantics(_cpu, target, source) {
    target.write(source.read().high64());
  },
});

export const MOVLHPS = instruction('movlhps', {
  encodings: [['np 0f 16', 'Vdq', 'Uq', { vex: 'Vdq Hdq Uq' }]],
  feature: 'sse',
  unit: 'sse',
  semantics(_cpu, target, source) {
    target.write(target.read().low64().join(source.read()));
  },
});

/** Writes those bytes at DS:rDI whose mask byte has its top bit set. */
function maskedMove(cpu: Tracer, value: Value, mask: Value): void {
  const rdi = cpu.register(7, cpu.addressWidth).read().zeroExtend(64);
  const place = cpu.memory('source', rdi, value.width);
  const selected = simd('i8x16.bitmask', mask.zeroExtend(128));
  const bytes = constant(32, value.width / 8);
  cpu.call('maskedStore', place.segment(), rdi, value.zeroExtend(128), selected, bytes);
}

export const MASKMOVQ = instruction('maskmovq', {
  encodings: [['np 0f f7', 'Pq', 'Nq']],
  feature: 'sse',
  unit: 'mmx',
  vendorDependent: () => true,
  varies: ['address', 'code'],
  semantics: (cpu, value, mask) => maskedMove(cpu, value.read(), mask.read()),
});

export const MASKMOVDQU = instruction('maskmovdqu', {
  encodings: [both('66 0f f7', 'Vdq', 'Udq')],
  feature: 'sse2',
  unit: 'sse',
  varies: ['address', 'code'],
  semantics: (cpu, value, mask) => maskedMove(cpu, value.read(), mask.read()),
});

export const EMMS = instruction('emms', {
  encodings: [['np 0f 77']],
  feature: 'mmx',
  unit: 'mmx',
  semantics(cpu) {
    cpu.state('x87Top').write(zero(8));
    cpu.state('x87Tags').write(zero(8));
  },
});
