/** The sixteen condition codes (SDM vol. 1, appendix B). Odd codes are the negations of even ones. */
import { type Value, yes } from '../ir/value.ts';
import type { Tracer } from './tracer.ts';

export const conditionNames = [
  'o',
  'no',
  'b',
  'ae',
  'e',
  'ne',
  'be',
  'a',
  's',
  'ns',
  'p',
  'np',
  'l',
  'ge',
  'le',
  'g',
] as const;

type Condition = (cpu: Tracer) => Value;

const positive: readonly Condition[] = [
  cpu => cpu.flag('of'),
  cpu => cpu.flag('cf'),
  cpu => cpu.flag('zf'),
  cpu => cpu.flag('cf').or(cpu.flag('zf')),
  cpu => cpu.flag('sf'),
  cpu => cpu.flag('pf'),
  cpu => cpu.flag('sf').xor(cpu.flag('of')),
  cpu => cpu.flag('sf').xor(cpu.flag('of')).or(cpu.flag('zf')),
];

export const conditions: readonly Condition[] = positive.flatMap(condition => [
  condition,
  (cpu: Tracer) => condition(cpu).xor(yes),
]);
