/** The kernel proper inside a bzImage: an ELF image whose entry takes over where the kernel's own decompressor would jump to it. */
import { type GuestMemory, MachineError } from '#core';
import { loadSegment, physicalEntry } from './elf.ts';
import { type ElfImage, parseElf, SegmentType } from './elf-header.ts';
import type { LinuxHeader } from './linux-header.ts';
import { unpackLz4 } from './lz4.ts';

/** Its physical entry once it is in memory, or undefined if we cannot unpack it: the guest will, or will complain. */
export function loadUnpacked(memory: GuestMemory, file: Uint8Array, header: LinuxHeader): number | undefined {
  const { start, end } = header.payload;
  if (end > file.length || end - start < 8) return undefined;
  const payload = file.subarray(start, end);
  // The kernel's build appends the unpacked size to the payload.
  const size = new DataView(file.buffer, file.byteOffset).getUint32(end - 4, true);
  if (size > header.initSize) return undefined;
  const image = unpackLz4(payload, size);
  const elf = image && parsed(image);
  if (!image || elf?.bits !== 64) return undefined;
  const segments = elf.segments.filter(({ type }) => type === SegmentType.Load);
  const limit = header.preferredAddress + header.initSize;
  const areInside = segments.every(
    ({ physicalAddress, memorySize }) =>
      physicalAddress >= header.preferredAddress && physicalAddress + memorySize <= limit,
  );
  const entry = entryOf(elf);
  if (!areInside || entry === undefined) return undefined;
  for (const segment of segments) loadSegment(memory, image, segment);
  return entry;
}

const parsed = (image: Uint8Array): ElfImage | undefined => orUndefined(() => parseElf(image));
const entryOf = (elf: ElfImage): number | undefined => orUndefined(() => physicalEntry(elf));

function orUndefined<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof MachineError) return undefined;
    throw error;
  }
}
