/** PVH direct boot (Xen docs/misc/pvh.pandoc): the entry note and hvm_start_info version 1. Linux and NetBSD have it. */
import { type GuestMemory, MachineError } from '#core';
import { badElf } from './bad-elf.ts';
import type { Placement } from './boot-state.ts';
import { encodeCommandLine } from './command-line.ts';
import { type ElfImage, SegmentType } from './elf-header.ts';
import { findNote } from './elf-notes.ts';
import { memoryMap as defaultMemoryMap, type MemoryRange } from './memory-map.ts';
import { alignUp, place, placeHigh } from './placement.ts';

export interface StartInfoOptions {
  readonly commandLine?: string;
  readonly initrd?: Uint8Array;
  readonly memoryMap?: readonly MemoryRange[];
  readonly acpiRsdp?: number;
  readonly occupied?: readonly Placement[];
}

const physical32Entry = 18;
const magic = 0x336e_c578;
const startInfoSize = 56;
const moduleSize = 32;
const mapEntrySize = 24;
const preferred = 0x6000;
const megabyte = 0x10_0000;

/**
 * The protocol names no limit. Linux copies COMMAND_LINE_SIZE bytes, which is 2,048 on x86, and does not survive a line without its NUL
 * among them. Its PVH entry cannot say so as the header of a bzImage does, so this holds for every kernel.
 */
const commandLineLimit = 2047;

/** The 32-bit physical entry of an image that has one. Linux up to 6.10 gives it eight bytes. */
export function pvhEntryOf(file: Uint8Array, elf: ElfImage): number | undefined {
  const note = findNote(file, elf, ({ name, type }) => name === 'Xen' && type === physical32Entry);
  if (!note) return undefined;
  const { buffer, byteOffset, length } = note.description;
  if (length < 4) throw badElf(`has a PVH entry note of ${length} bytes; the entry has 4 or 8`);
  const view = new DataView(buffer, byteOffset, length);
  const entry = view.getUint32(0, true) + (length >= 8 ? view.getUint32(4, true) * 2 ** 32 : 0);
  const isLoaded = elf.segments.some(
    ({ type, physicalAddress, memorySize }) =>
      type === SegmentType.Load && entry >= physicalAddress && entry < physicalAddress + memorySize,
  );
  if (!isLoaded) throw badElf(`has its PVH entry 0x${entry.toString(16)} outside its segments`);
  return entry;
}

/** One block: start info, memory map, module, command line (always there: NetBSD reads it unasked). Returns its address. */
export function writeStartInfo(memory: GuestMemory, options: StartInfoOptions, placements: Placement[]): number {
  const map = options.memoryMap ?? defaultMemoryMap(memory.regions);
  const text = encodeCommandLine(options.commandLine ?? '', commandLineLimit);
  const initrd = options.initrd?.length ? options.initrd : undefined;
  const mapOffset = alignUp(startInfoSize, 8);
  const moduleOffset = mapOffset + map.length * mapEntrySize;
  const textOffset = moduleOffset + moduleSize;
  const block = new Uint8Array(textOffset + text.length);

  const occupied = [...(options.occupied ?? []), ...placements];
  const wanted = { name: 'PVH start info', size: block.length, above: megabyte };
  const startInfo = place(memory, occupied, preferred, wanted);
  const { base } = startInfo;
  placements.push(startInfo);
  const view = new DataView(block.buffer);
  const quad = (offset: number, value: number): void => view.setBigUint64(offset, BigInt(value), true);
  view.setUint32(0, magic, true);
  view.setUint32(4, 1, true);
  quad(24, base + textOffset);
  quad(32, options.acpiRsdp ?? 0);
  quad(40, base + mapOffset);
  view.setUint32(48, map.length, true);
  for (const [index, range] of map.entries()) {
    const at = mapOffset + index * mapEntrySize;
    quad(at, range.base);
    quad(at + 8, range.size);
    view.setUint32(at + 16, range.type, true);
  }
  if (initrd) {
    const module = placeInitrd(memory, initrd, [...occupied, startInfo]);
    placements.push(module);
    view.setUint32(12, 1, true);
    quad(16, base + moduleOffset);
    quad(moduleOffset, module.base);
    quad(moduleOffset + 8, module.size);
  }
  block.set(text, textOffset);
  memory.write(base, block);
  return base;
}

function placeInitrd(memory: GuestMemory, initrd: Uint8Array, occupied: readonly Placement[]): Placement {
  const module = placeHigh(memory, occupied, { name: 'initrd', size: initrd.length, above: megabyte });
  if (!module) {
    throw new MachineError('bad-initrd', `the initrd (${initrd.length} bytes) does not fit beside the kernel`, {
      path: 'boot.initrd',
      remedy: 'use a smaller initrd or give the machine more memory',
    });
  }
  memory.write(module.base, initrd);
  return module;
}
