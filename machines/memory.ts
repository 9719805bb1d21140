/** Where a machine's RAM is: below the PCI hole, and the rest from 4 GiB on. */
import { MachineError } from '#core';
import type { Profile } from './profile.ts';

const units: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
const minimum = 2 ** 20;
/** What one linear memory of 4 GiB leaves to a guest. */
const maximum = 3.5 * 2 ** 30;
const page = 4096;

/** RAM below this, devices above it up to 4 GiB. */
export const lowMemoryLimit = 3 * 2 ** 30;
export const highMemoryBase = 2 ** 32;

/** `512 MiB`, `512M`, `1G` or a number of bytes. */
export function parseSize(size: number | string, path: string): number {
  const match = typeof size === 'string' ? /^(\d+(?:\.\d+)?)\s*([KMG]?)(i?B)?$/i.exec(size.trim()) : null;
  const bytes = typeof size === 'number' ? size : match ? Number(match[1]) * units[match[2].toUpperCase()] : Number.NaN;
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new MachineError('bad-option', `${typeof size === 'number' ? size : JSON.stringify(size)} is no size`, {
    path,
    remedy: "write it as 512M or '512 MiB'",
  });
}

export function memorySize({ memory }: Pick<Profile, 'memory'>): number {
  const bytes = parseSize(memory, 'memory');
  if (bytes >= minimum && bytes <= maximum && bytes % page === 0) return bytes;
  throw new MachineError('bad-option', `${bytes} bytes of memory are not possible`, {
    path: 'memory',
    remedy: 'give 1 MiB to 3.5 GiB in whole pages of 4 KiB',
  });
}

export interface RamRange {
  readonly base: number;
  readonly size: number;
}

export function ramRanges(size: number): readonly RamRange[] {
  const low = Math.min(size, lowMemoryLimit);
  return size > low
    ? [
        { base: 0, size: low },
        { base: highMemoryBase, size: size - low },
      ]
    : [{ base: 0, size: low }];
}
