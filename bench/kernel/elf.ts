/**
 * A 64-bit ELF executable of one segment with a PVH entry note (Xen's docs/misc/pvh.pandoc). The note's description has eight
 * bytes: QEMU reads as many from a 64-bit file.
 */
export interface Executable {
  readonly address: number;
  readonly bytes: Uint8Array;
  /** In 32-bit protected mode, paging off. */
  readonly entry: number;
}

const headerSize = 64;
const programHeaderSize = 56;
const noteSize = 24;
const codeOffset = 0x1000;
const x8664 = 62;
const physical32Entry = 18;

const SegmentType = { load: 1, note: 4 } as const;
const readWriteExecute = 7;

export function elf({ address, bytes, entry }: Executable): Uint8Array {
  const file = new Uint8Array(codeOffset + bytes.length);
  const view = new DataView(file.buffer);
  const quad = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  const noteOffset = headerSize + 2 * programHeaderSize;

  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, x8664, true);
  view.setUint32(20, 1, true);
  quad(24, entry);
  quad(32, headerSize);
  view.setUint16(52, headerSize, true);
  view.setUint16(54, programHeaderSize, true);
  view.setUint16(56, 2, true);

  const programHeader = (
    index: number,
    type: number,
    offset: number,
    at: number,
    size: number,
    alignment: number,
  ): void => {
    const header = headerSize + index * programHeaderSize;
    view.setUint32(header, type, true);
    view.setUint32(header + 4, readWriteExecute, true);
    quad(header + 8, offset);
    quad(header + 16, at);
    quad(header + 24, at);
    quad(header + 32, size);
    quad(header + 40, size);
    quad(header + 48, alignment);
  };
  programHeader(0, SegmentType.load, codeOffset, address, bytes.length, 0x1000);
  programHeader(1, SegmentType.note, noteOffset, 0, noteSize, 4);

  view.setUint32(noteOffset, 4, true);
  view.setUint32(noteOffset + 4, 8, true);
  view.setUint32(noteOffset + 8, physical32Entry, true);
  file.set(new TextEncoder().encode('Xen\0'), noteOffset + 12);
  quad(noteOffset + 16, entry);
  file.set(bytes, codeOffset);
  return file;
}
