/** The notes of an ELF file (System V gABI, "Note Section"), as linkers really lay them out. */
import { badElf } from './bad-elf.ts';
import { type ElfImage, type ElfSegment, SegmentType } from './elf-header.ts';

export interface ElfNote {
  readonly name: string;
  readonly type: number;
  readonly description: Uint8Array;
}

/** `mixed`: by 4, but sections of 8-byte alignment may be among them. */
type Padding = 4 | 8 | 'mixed';

/** A walk ends with what it was looking for, with the last note, or at the offset of the first damaged one. */
interface Walk {
  readonly found?: ElfNote;
  readonly damaged?: { readonly at: number; readonly problem: string };
}

const headerSize = 12;
const alignUp = (offset: number, alignment: number): number => Math.ceil(offset / alignment) * alignment;

/**
 * The first note that is `wanted`. Name and description are padded to the alignment of the segment: 8, which 64-bit GNU property
 * notes have, or 4, which all others have and which 0 and 1 mean too. Damaged notes before it are refused.
 */
export function findNote(
  file: Uint8Array,
  { segments }: ElfImage,
  wanted: (note: ElfNote) => boolean,
): ElfNote | undefined {
  for (const [index, segment] of segments.entries()) {
    if (segment.type !== SegmentType.Note) continue;
    const found = findInSegment(file, segment, index, wanted);
    if (found) return found;
  }
  return undefined;
}

/**
 * A linker script may collect sections of both alignments in one segment. It then says 8, while only some notes are padded so: if
 * nothing is found by 8, they are read by 4, where the padding between two sections is no note.
 */
function findInSegment(
  file: Uint8Array,
  { offset, fileSize, alignment }: ElfSegment,
  index: number,
  wanted: (note: ElfNote) => boolean,
): ElfNote | undefined {
  const notes = file.subarray(offset, offset + fileSize);
  const stated = walk(notes, alignment === 8 ? 8 : 4, wanted);
  if (stated.found) return stated.found;
  const mixed = alignment > 4 ? walk(notes, 'mixed', wanted) : stated;
  if (mixed.found || !stated.damaged || !mixed.damaged) return mixed.found;
  const { at, problem } = stated.damaged;
  throw badElf(`has a damaged note at offset 0x${(offset + at).toString(16)} (segment ${index}): ${problem}`);
}

function walk(notes: Uint8Array, padding: Padding, wanted: (note: ElfNote) => boolean): Walk {
  const view = new DataView(notes.buffer, notes.byteOffset, notes.byteLength);
  const damaged = (at: number, problem: string): Walk => ({ damaged: { at, problem } });
  const alignment = padding === 8 ? 8 : 4;
  let at = 0;
  while (at < notes.length) {
    const left = notes.length - at;
    if (isPadding(notes, at, padding)) {
      at += 4;
      continue;
    }
    if (left < headerSize) return damaged(at, `${left} bytes are left for its header of ${headerSize}`);
    const nameSize = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    const name = at + headerSize;
    if (name + nameSize > notes.length) return damaged(at, `its name of ${nameSize} bytes ends outside the segment`);
    const start = alignUp(name + nameSize, alignment);
    const end = size === 0 ? Math.min(start, notes.length) : start + size;
    if (end > notes.length) return damaged(at, `its description of ${size} bytes ends outside the segment`);
    const note = {
      name: textOf(notes.subarray(name, name + nameSize)),
      type: view.getUint32(at + 8, true),
      description: notes.subarray(start, end),
    };
    if (wanted(note)) return { found: note };
    at = alignUp(end, alignment);
  }
  return {};
}

/** Zeros to the end of the segment, or up to where a section of 8-byte alignment can begin. */
function isPadding(notes: Uint8Array, at: number, padding: Padding): boolean {
  const isZero = (byte: number): boolean => byte === 0;
  if (notes.length - at < headerSize) return notes.subarray(at).every(isZero);
  return padding === 'mixed' && at % 8 !== 0 && notes.subarray(at, at + 4).every(isZero);
}

/** Names end with a NUL, which counts. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Array.from(end < 0 ? bytes : bytes.subarray(0, end), byte => String.fromCharCode(byte)).join('');
}
