/** NOP, the hint space 0F 18…1F, prefetches, fences, UD (SDM vol. 2; APM vol. 3 for 0F 0D). */
import { Vector } from '../../state/registers.ts';
import { type Instruction, instruction } from '../instruction.ts';

const nothing = (): void => {};

/** 90 is NOP unless REX.B makes it XCHG. */
export const NOP = instruction('nop', {
  encodings: [
    ['90'],
    ['0f 1f', 'Ev'],
    ['0f 18 /4', 'Ev'],
    ['0f 18 /5', 'Ev'],
    ['0f 18 /6', 'Ev'],
    ['0f 18 /7', 'Ev'],
    ['0f 18 /0 reg', 'Ev'],
    ['0f 18 /1 reg', 'Ev'],
    ['0f 18 /2 reg', 'Ev'],
    ['0f 18 /3 reg', 'Ev'],
    ['0f 19', 'Ev', 'Gv'],
    ['0f 1a', 'Ev', 'Gv'],
    ['0f 1b', 'Ev', 'Gv'],
    ['0f 1c', 'Ev', 'Gv'],
    ['0f 1d', 'Ev', 'Gv'],
    ['0f 1e', 'Ev', 'Gv'],
    // A register is #UD on AMD's processors (seen on both).
    ['0f 0d reg', 'Ev', 'Gv', { feature: 'intel' }],
  ],
  semantics: nothing,
});

export const prefetches: readonly Instruction[] = [
  instruction('prefetchnta', { encodings: [['0f 18 /0 mem', 'Mb']], semantics: nothing }),
  instruction('prefetcht0', { encodings: [['0f 18 /1 mem', 'Mb']], semantics: nothing }),
  instruction('prefetcht1', { encodings: [['0f 18 /2 mem', 'Mb']], semantics: nothing }),
  instruction('prefetcht2', { encodings: [['0f 18 /3 mem', 'Mb']], semantics: nothing }),
  instruction('prefetch', {
    encodings: [0, 3, 4, 5, 6, 7].map(extension => [`0f 0d /${extension}`, 'Mb'] as const),
    semantics: nothing,
  }),
  instruction('prefetchw', { encodings: [['0f 0d /1', 'Mb']], semantics: nothing }),
  instruction('prefetchwt1', { encodings: [['0f 0d /2', 'Mb']], semantics: nothing }),
];

/** One processor at a time runs over memory, in order: fences have nothing to do. */
export const fences: readonly Instruction[] = [
  instruction('lfence', {
    encodings: [8, 9, 10, 11, 12, 13, 14, 15].map(low => [`np 0f ae e${low.toString(16)}`] as const),
    feature: 'sse2',
    semantics: nothing,
  }),
  instruction('mfence', {
    encodings: [0, 1, 2, 3, 4, 5, 6, 7].map(low => [`np 0f ae f${low}`] as const),
    feature: 'sse2',
    semantics: nothing,
  }),
  instruction('sfence', {
    encodings: [8, 9, 10, 11, 12, 13, 14, 15].map(low => [`np 0f ae f${low.toString(16)}`] as const),
    feature: 'sse',
    semantics: nothing,
  }),
];

/** Control-flow enforcement is not announced; its landing pads are hints. */
export const landingPads: readonly Instruction[] = [
  instruction('endbr64', { encodings: [['f3 0f 1e fa']], semantics: nothing }),
  instruction('endbr32', { encodings: [['f3 0f 1e fb']], semantics: nothing }),
];

/** #UD by intent. */
export const undefinedInstructions: readonly Instruction[] = [
  instruction('ud0', { encodings: [['0f ff', 'Gv', 'Ev']], semantics: cpu => cpu.raise(Vector.ud) }),
  instruction('ud1', { encodings: [['0f b9', 'Gv', 'Ev']], semantics: cpu => cpu.raise(Vector.ud) }),
  instruction('ud2', { encodings: [['0f 0b']], semantics: cpu => cpu.raise(Vector.ud) }),
];
