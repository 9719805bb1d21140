/** A hostile guest as a boot source. */
import { assemble } from '#core';
import type { BootSource } from '#machines';
import type { HostileGuest } from './guest.ts';
import { layout } from './layout.ts';
import { startup } from './startup.ts';

export function bootSource({ source, processors = 1 }: HostileGuest): BootSource {
  const others = /^others:/m.test(source) ? '' : 'others equ guest';
  const { bytes } = assemble(64, `${startup(processors)}\n${others}\n${source}`, { origin: layout.image });
  return { kind: 'raw', image: bytes, options: { address: layout.image, mode: 'long' } };
}
