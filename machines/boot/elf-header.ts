/** ELF32 and ELF64 little-endian x86 executables (System V gABI, "ELF Header" and "Program Header"), parsed and checked. */
import { badElf } from './bad-elf.ts';

export interface ElfSegment {
  readonly type: number;
  readonly offset: number;
  readonly virtualAddress: bigint;
  readonly physicalAddress: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

export interface ElfImage {
  readonly bits: 32 | 64;
  /** As linked: usually a virtual address, past 2^53 in kernels. */
  readonly entry: bigint;
  readonly segments: readonly ElfSegment[];
}

export const SegmentType = { Load: 1, Note: 4 } as const;

const elfClass = { 1: 32, 2: 64 } as const;
const littleEndian = 1;
const executableTypes: readonly number[] = [2, 3];
const machines = { 32: 3, 64: 62 } as const;
const sizes = { 32: { header: 52, programHeader: 32 }, 64: { header: 64, programHeader: 56 } } as const;

const refuse = (problem: string): never => {
  throw badElf(problem, 'use a statically linked little-endian executable for x86 or x86-64');
};

const truncated = (part: string, needed: number, { length }: Uint8Array): never => {
  throw badElf(`is truncated: ${part} would end at byte ${needed}, and the file has ${length}`);
};

export const isElf = (file: Uint8Array): boolean =>
  file.length >= 4 && file[0] === 0x7f && file[1] === 0x45 && file[2] === 0x4c && file[3] === 0x46;

export function parseElf(file: Uint8Array): ElfImage {
  if (!isElf(file)) refuse('lacks its magic number');
  if (file.length < 20) truncated('its header', sizes[32].header, file);
  const bits = elfClass[file[4] as 1 | 2] ?? refuse(`has the unknown class ${file[4]}`);
  if (file[5] !== littleEndian) refuse('is not little-endian');
  const { header, programHeader } = sizes[bits];
  if (file.length < header) truncated('its header', header, file);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const type = view.getUint16(16, true);
  if (!executableTypes.includes(type)) refuse(`is not an executable (type ${type})`);
  const machine = view.getUint16(18, true);
  if (machine !== machines[bits] && !(bits === 32 && machine === machines[64])) {
    refuse(`is for another processor (machine ${machine})`);
  }
  const wide = bits === 64;
  const entry = wide ? view.getBigUint64(24, true) : BigInt(view.getUint32(24, true));
  const tableOffset = wide ? Number(view.getBigUint64(32, true)) : view.getUint32(28, true);
  const entrySize = view.getUint16(wide ? 54 : 42, true);
  const count = view.getUint16(wide ? 56 : 44, true);
  if (count === 0) refuse('has no program headers');
  if (entrySize < programHeader) refuse(`has program headers of ${entrySize} bytes`);
  const tableEnd = tableOffset + entrySize * count;
  if (tableEnd > file.length) truncated('its table of program headers', tableEnd, file);
  const segments = Array.from({ length: count }, (_, index) => {
    const at = tableOffset + index * entrySize;
    const segment = wide ? segment64(view, at) : segment32(view, at);
    const end = segment.offset + segment.fileSize;
    if (end > file.length) truncated(`segment ${index}`, end, file);
    if (segment.type === SegmentType.Load && segment.fileSize > segment.memorySize) {
      refuse(`has more bytes in segment ${index} than memory for them`);
    }
    return segment;
  });
  return { bits, entry, segments };
}

/** Values past 2^53 lose low bits here; they lie outside any file and any memory, and the bounds checks refuse them. */
function segment64(view: DataView, at: number): ElfSegment {
  const quad = (offset: number): number => Number(view.getBigUint64(at + offset, true));
  return {
    type: view.getUint32(at, true),
    offset: quad(8),
    virtualAddress: view.getBigUint64(at + 16, true),
    physicalAddress: quad(24),
    fileSize: quad(32),
    memorySize: quad(40),
    alignment: quad(48),
  };
}

function segment32(view: DataView, at: number): ElfSegment {
  const long = (offset: number): number => view.getUint32(at + offset, true);
  return {
    type: long(0),
    offset: long(4),
    virtualAddress: BigInt(long(8)),
    physicalAddress: long(12),
    fileSize: long(16),
    memorySize: long(20),
    alignment: long(28),
  };
}
