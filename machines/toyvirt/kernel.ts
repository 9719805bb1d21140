/** The toy kernel, assembled: a raw image that starts in 32-bit protected mode. */
import { assemble } from '#core';
import type { BootSource } from '../boot-source.ts';
import { source } from './source.ts';

const address = 0x10_0000;

let image: Uint8Array | undefined;

/** Assembled when it is first wanted: an import of virt64 does not wait for it. */
export const toyKernel: BootSource = {
  kind: 'raw',
  get image() {
    return (image ??= assemble(32, source, { origin: address }).bytes);
  },
  options: { address, mode: 'protected', stack: 0x9_0000 },
};
