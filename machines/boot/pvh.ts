/** PVH direct boot (Xen docs/misc/pvh.pandoc): the entry note and hvm_start_info version 1. Linux and NetBSD have it. */
import { type GuestMemory, MachineError } from '#core';
import type { Placement } from './boot-state.ts';
import { type ElfImage, SegmentType } from './elf-header.ts';
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

/** The 32-bit physical entry of an image that has one. */
export function pvhEntryOf(file: Uint8Array, { segments }: ElfImage): number | undefined {
  for (const { type, offset, fileSize, alignment } of segments) {
    if (type !== SegmentType.Note) continue;
    const entry = entryInNotes(file.subarray(offset, offset + fileSize), alignment === 8 ? 8 : 4);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

function entryInNotes(notes: Uint8Array, alignment: number): number | undefined {
  const view = new DataView(notes.buffer, notes.byteOffset, notes.byteLength);
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameSize = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    const type = view.getUint32(at + 8, true);
    const description = alignUp(at + 12 + nameSize, alignment);
    if (description + size > notes.length) return undefined;
    const isXen = nameSize === 4 && view.getUint32(at + 12, true) === 0x006e_6558;
    if (isXen && type === physical32Entry && size >= 4) return view.getUint32(description, true);
    at = alignUp(description + size, alignment);
  }
  return undefined;
}

/** One block: start info, memory map, module, command line (always there: NetBSD reads it unasked). Returns its address. */
export function writeStartInfo(memory: GuestMemory, options: StartInfoOptions, placements: Placement[]): number {
  const map = options.memoryMap ?? defaultMemoryMap(memory.regions);
  const text = new TextEncoder().encode(`${options.commandLine ?? ''}\0`);
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
