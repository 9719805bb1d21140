/** All hostile guests, in the order of the table. */
import type { HostileGuest } from './guest.ts';
import { code } from './guests/code.ts';
import { exceptions } from './guests/exceptions.ts';
import { instructions } from './guests/instructions.ts';
import { interrupts } from './guests/interrupts.ts';
import { memory } from './guests/memory.ts';
import { mmio } from './guests/mmio.ts';
import { nested } from './guests/nested.ts';
import { ports } from './guests/ports.ts';
import { processors } from './guests/processors.ts';
import { resets } from './guests/resets.ts';
import { timers } from './guests/timers.ts';
import { virtio } from './guests/virtio.ts';

export const guests: readonly HostileGuest[] = [
  ...ports,
  ...mmio,
  ...virtio,
  ...interrupts,
  ...timers,
  ...exceptions,
  ...instructions,
  ...code,
  ...memory,
  ...processors,
  ...resets,
  ...nested,
];
