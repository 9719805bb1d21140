/** MOV of general registers, memory and immediates, MOVZX, MOVSX, MOVSXD, MOVNTI, LEA (SDM vol. 2). */
import { instruction } from '../instruction.ts';

export const MOV = instruction('mov', {
  encodings: [
    ['88', 'Eb', 'Gb'],
    ['89', 'Ev', 'Gv'],
    ['8a', 'Gb', 'Eb'],
    ['8b', 'Gv', 'Ev'],
    ['a0', 'AL', 'Ob'],
    ['a1', 'rAX', 'Ov'],
    ['a2', 'Ob', 'AL'],
    ['a3', 'Ov', 'rAX'],
    ['b0+r', 'Zb', 'Ib'],
    ['b8+r', 'Zv', 'Iv'],
    ['c6 /0', 'Eb', 'Ib'],
    ['c7 /0', 'Ev', 'Iz'],
  ],
  semantics(_cpu, target, source) {
    target!.write(source!.read());
  },
});

export const MOVZX = instruction('movzx', {
  encodings: [
    ['0f b6', 'Gv', 'Eb'],
    ['0f b7', 'Gv', 'Ew'],
  ],
  semantics(_cpu, target, source) {
    target!.write(source!.read().zeroExtend(target!.width));
  },
});

export const MOVSX = instruction('movsx', {
  encodings: [
    ['0f be', 'Gv', 'Eb'],
    ['0f bf', 'Gv', 'Ew'],
  ],
  semantics(_cpu, target, source) {
    target!.write(source!.read().signExtend(target!.width));
  },
});

export const MOVSXD = instruction('movsxd', {
  encodings: [['63', 'Gv', 'Ez', { only64: true }]],
  semantics(_cpu, target, source) {
    target!.write(source!.read().signExtend(target!.width));
  },
});

export const MOVNTI = instruction('movnti', {
  encodings: [['np 0f c3', 'My', 'Gy']],
  feature: 'sse2',
  semantics(_cpu, target, source) {
    target!.write(source!.read());
  },
});

export const LEA = instruction('lea', {
  encodings: [['8d', 'Gv', 'M']],
  semantics(_cpu, target, source) {
    target!.write(source!.offset().resize(target!.width));
  },
});
