/** What a machine boots, and how it gets into guest memory. */
import { type GuestMemory, MachineError } from '#core';
import type { Loaded, Placement } from './boot/boot-state.ts';
import { loadElf } from './boot/elf.ts';
import { loadLinux } from './boot/linux.ts';
import { probe } from './boot/probe.ts';
import { loadRaw, type RawOptions } from './boot/raw.ts';

export type BootSource =
  /** A kernel of whatever kind `probe` recognises: bzImage or ELF. */
  | {
      readonly kind: 'kernel';
      readonly kernel: Uint8Array;
      readonly initrd?: Uint8Array;
      readonly commandLine?: string;
      readonly randomSeed?: Uint8Array;
    }
  /** Bytes at an address. */
  | { readonly kind: 'raw'; readonly image: Uint8Array; readonly options: Omit<RawOptions, 'image'> };

export interface BootContext {
  readonly acpiRsdp: number;
  readonly occupied: readonly Placement[];
}

export function loadBootSource(memory: GuestMemory, source: BootSource, { acpiRsdp, occupied }: BootContext): Loaded {
  if (source.kind === 'raw') return loadRaw(memory, { occupied, ...source.options, image: source.image });
  const { kernel, initrd, commandLine, randomSeed } = source;
  const common = {
    acpiRsdp,
    occupied,
    ...(initrd ? { initrd } : {}),
    ...(commandLine === undefined ? {} : { commandLine }),
  };
  switch (probe(kernel)) {
    case 'linux':
      return loadLinux(memory, { kernel, ...common, ...(randomSeed ? { randomSeed } : {}) });
    case 'elf':
      return loadElf(memory, { image: kernel, ...common });
    default:
      throw new MachineError('bad-kernel', 'this is neither a Linux bzImage nor an ELF file', {
        path: 'boot.kernel',
        remedy: 'give a kernel image, or load it as a raw image with its address',
      });
  }
}
