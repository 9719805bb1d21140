/** Draws from a seed: the same seed draws the same. */
import { random } from '../kit/contract/random.ts';

export interface Draw {
  /** At least `low`, less than `high`; whole. */
  between(low: number, high: number): number;
  among<T>(choices: readonly T[]): T;
  /** True in `percent` of a hundred draws. */
  chance(percent: number): boolean;
}

/** What two numbers of a seed draw has nothing to do with each other, however close they are. */
export function drawOf(seed: number, number: number): Draw {
  const next = random(mix(mix(seed) ^ number));
  for (let n = 0; n < 8; n++) next();
  const between = (low: number, high: number): number => low + Math.floor((next() / 2 ** 32) * (high - low));
  return {
    between,
    among: choices => choices[between(0, choices.length)],
    chance: percent => between(0, 100) < percent,
  };
}

function mix(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) + 0x9e3779b9;
}
