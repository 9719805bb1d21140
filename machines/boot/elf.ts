/** Loads an ELF executable by physical addresses and enters it as it wishes: by PVH note, or at its entry in 32- or 64-bit mode. */
import { type GuestMemory, MachineError } from '#core';
import { badElf } from './bad-elf.ts';
import type { Loaded, Placement } from './boot-state.ts';
import { type ElfImage, type ElfSegment, parseElf, SegmentType } from './elf-header.ts';
import { enterLongMode, enterProtectedMode, gdtSize, identityMapSize } from './entry.ts';
import type { MemoryRange } from './memory-map.ts';
import { overlaps, place } from './placement.ts';
import { pvhEntryOf, writeStartInfo } from './pvh.ts';

export interface ElfOptions {
  readonly image: Uint8Array;
  /** `pvh` wherever the image has the note, else the mode of its class. */
  readonly entry?: 'pvh' | 'protected' | 'long';
  readonly commandLine?: string;
  readonly initrd?: Uint8Array;
  readonly memoryMap?: readonly MemoryRange[];
  readonly acpiRsdp?: number;
  readonly occupied?: readonly Placement[];
  /** Initial stack pointer; default: the end of the free memory below 512 KiB. Programs under PVH bring their own. */
  readonly stack?: number;
}

const preferred = { gdt: 0x2000, pageTables: 0x9000 };
const defaultStack = 0x8_0000;
const highestAddress = 2 ** 32;

export function loadElf(memory: GuestMemory, options: ElfOptions): Loaded {
  const elf = parseElf(options.image);
  const occupied = options.occupied ?? [];
  const placements = elf.segments.flatMap((segment, index) =>
    segment.type === SegmentType.Load && segment.memorySize > 0 ? [checkedRange(memory, segment, index, occupied)] : [],
  );
  if (placements.length === 0) throw bad('has nothing to load');
  for (const segment of elf.segments)
    if (segment.type === SegmentType.Load) loadSegment(memory, options.image, segment);

  const find = (at: number, name: string, size: number, alignment: number): number => {
    const placement = place(memory, [...occupied, ...placements], at, { name, size, alignment });
    placements.push(placement);
    return placement.base;
  };
  const isPvhPossible = options.entry === undefined || options.entry === 'pvh';
  const pvh = isPvhPossible ? pvhEntryOf(options.image, elf) : undefined;
  const entry = options.entry ?? (pvh === undefined ? (elf.bits === 64 ? 'long' : 'protected') : 'pvh');
  const gdt = find(preferred.gdt, 'GDT', gdtSize, 16);
  if (entry === 'pvh') {
    if (pvh === undefined) throw badElf('has no PVH entry note', 'use a kernel built with CONFIG_PVH');
    const startInfo = writeStartInfo(memory, options, placements);
    const state = enterProtectedMode(memory, { rip: pvh, registers: { rbx: startInfo }, gdt });
    return { state, placements };
  }
  if (options.initrd?.length) {
    throw new MachineError('bad-initrd', 'this ELF image cannot be told of an initrd: it has no PVH entry note', {
      path: 'boot.initrd',
      remedy: 'leave the initrd out, or use a kernel built with CONFIG_PVH',
    });
  }
  const rip = physicalEntry(elf);
  const registers = { rsp: options.stack ?? defaultStack };
  if (entry === 'protected') return { state: enterProtectedMode(memory, { rip, registers, gdt }), placements };
  const pageTables = find(preferred.pageTables, 'page tables', identityMapSize, 0x1000);
  return { state: enterLongMode(memory, { rip, registers, gdt, pageTables }), placements };
}

const bad = (problem: string): MachineError =>
  badElf(problem, 'link it for physical addresses inside the memory of the machine');

function checkedRange(
  memory: GuestMemory,
  { physicalAddress: base, memorySize: size }: ElfSegment,
  index: number,
  occupied: readonly Placement[],
): Placement {
  const range = { name: `segment ${index}`, base, size };
  const at = `0x${base.toString(16)}`;
  if (base + size > highestAddress || !memory.contains(base, size)) {
    throw bad(`wants segment ${index} (${size} bytes) at ${at}, where there is no RAM`);
  }
  const other = occupied.find(candidate => overlaps(candidate, range));
  if (other) throw bad(`wants segment ${index} at ${at}, where the ${other.name} is`);
  return range;
}

export function loadSegment(memory: GuestMemory, image: Uint8Array, segment: ElfSegment): void {
  const { physicalAddress: base, offset, fileSize, memorySize } = segment;
  memory.write(base, image.subarray(offset, offset + fileSize));
  if (memorySize > fileSize) memory.fill(base + fileSize, memorySize - fileSize, 0);
}

/** The entry is a virtual address and paging is not yet what the program expects, so its physical twin is meant. Linux gives a physical one. */
export function physicalEntry({ entry, segments }: ElfImage): number {
  const loaded = segments.filter(segment => segment.type === SegmentType.Load);
  for (const { virtualAddress, physicalAddress, memorySize } of loaded) {
    const offset = entry - virtualAddress;
    if (offset >= 0n && offset < memorySize) return physicalAddress + Number(offset);
  }
  const address = Number(entry);
  const isPhysical = loaded.some(
    ({ physicalAddress, memorySize }) => address >= physicalAddress && address < physicalAddress + memorySize,
  );
  if (isPhysical) return address;
  throw bad(`has its entry 0x${entry.toString(16)} outside its segments`);
}
