/** What decides a boot under the virtual clock: everything here, and nothing else. */
import type { Draw } from './draw.ts';

export type Work = 'sums' | 'forks' | 'dates' | 'disk';

export interface Configuration {
  readonly profile: 'pc' | 'microvm';
  readonly processors: number;
  readonly memory: string;
  readonly cpu: 'amd' | 'intel';
  readonly work: Work;
  /** `reboot`: by the guest, once; `reset`: from outside at `resetAt`. Afterwards it boots once more. */
  readonly ending: 'powerOff' | 'reboot' | 'reset';
  /** Nanoseconds of guest time. */
  readonly resetAt: number;
}

/** Few, so that each of them runs often and its logs can be compared. By its number each has another work and ending. */
export const configurations = 8;
const works: readonly Work[] = ['disk', 'sums', 'forks', 'dates', 'disk', 'forks', 'dates', 'sums'];
const endings = ['powerOff', 'reset', 'reboot'] as const;

export function configurationOf(number: number, draw: Draw): Configuration {
  const work = works[number];
  return {
    // Only pc has a bus for disks.
    profile: work === 'disk' ? 'pc' : draw.among(['pc', 'microvm'] as const),
    processors: draw.among([1, 1, 2, 2, 3, 4]),
    memory: `${draw.among([128, 160, 256, 384])} MiB`,
    cpu: draw.among(['amd', 'intel'] as const),
    work,
    ending: endings[number % endings.length],
    resetAt: draw.between(200, 2_600) * 1e6 + draw.between(0, 1e6),
  };
}

export const nameOf = ({ profile, processors, memory, cpu, work, ending, resetAt }: Configuration): string =>
  [
    profile,
    `${processors}p`,
    memory.replace(' MiB', 'M'),
    cpu,
    work,
    ending === 'reset' ? `reset@${resetAt}` : ending,
  ].join(' ');
