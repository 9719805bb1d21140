/** What a machine boots, and how it gets into guest memory. */
import { type GuestMemory, MachineError } from '#core';
import type { Loaded, Placement } from './boot/boot-state.ts';
import { loadElf } from './boot/elf.ts';
import { loadLinux } from './boot/linux.ts';
import { probe } from './boot/probe.ts';
import { loadRaw, type RawOptions } from './boot/raw.ts';
import { putResetVector } from './boot/reset-vector.ts';

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

export function loadBootSource(memory: GuestMemory, source: BootSource, context: BootContext): Loaded {
  const { state, placements } = load(memory, source, context);
  const resetVector = putResetVector(memory, [...context.occupied, ...placements]);
  return { state, placements: resetVector ? [...placements, resetVector] : placements };
}

function load(memory: GuestMemory, source: BootSource, { acpiRsdp, occupied }: BootContext): Loaded {
  if (source.kind === 'raw') return loadRaw(memory, { occupied, ...source.options, image: source.image });
  const { kernel, initrd, commandLine, randomSeed } = source;
  if (initrd?.length === 0) {
    throw new MachineError('bad-initrd', 'the initrd file is empty', {
      path: 'boot.initrd',
      remedy: 'give an initramfs, or leave the initrd out',
    });
  }
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
      throw new MachineError('bad-kernel', `the kernel file ${foreign(kernel)}`, {
        path: 'boot.kernel',
        remedy: 'give a Linux bzImage or an ELF file, or load it as a raw image with its address',
      });
  }
}

/** What a file is that is no kernel, as far as its first bytes tell. */
function foreign(file: Uint8Array): string {
  const known = formats.find(({ magic }) => magic.every((byte, index) => file[index] === byte));
  if (file.length === 0) return 'is empty';
  return known ? `is ${known.name}` : `(${file.length} bytes) is neither a Linux bzImage nor an ELF file`;
}

const ascii = (text: string): number[] => Array.from(text, character => character.charCodeAt(0));
const formats = [
  { name: 'compressed with gzip; unpack it first', magic: [0x1f, 0x8b] },
  { name: 'compressed with xz; unpack it first', magic: [0xfd, ...ascii('7zXZ')] },
  { name: 'compressed with zstd; unpack it first', magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'an initramfs (a cpio archive)', magic: ascii('07070') },
] as const;
