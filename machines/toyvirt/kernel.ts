/** The toy kernel, assembled: a raw image that starts in 32-bit protected mode. */
import { assemble } from '#core';
import type { BootSource } from '../boot-source.ts';
import { source } from './source.ts';

const address = 0x10_0000;

export function toyKernel(): BootSource {
  const { bytes } = assemble(32, source, { origin: address });
  return { kind: 'raw', image: bytes, options: { address, mode: 'protected', stack: 0x9_0000 } };
}
