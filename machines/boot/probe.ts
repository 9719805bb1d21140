/** Tells by its first bytes which loader an image wants. */
import { isElf } from './elf-header.ts';
import { isLinux } from './linux-header.ts';

export type ImageKind = 'linux' | 'elf' | 'raw';

export function probe(image: Uint8Array): ImageKind {
  if (isLinux(image)) return 'linux';
  return isElf(image) ? 'elf' : 'raw';
}
