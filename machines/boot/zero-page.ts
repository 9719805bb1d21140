/** Linux's boot_params, "the zero page" (Documentation/arch/x86/zero-page.rst). */

import { setupHeaderStart } from './linux-header.ts';
import type { MemoryRange } from './memory-map.ts';

export const zeroPageSize = 0x1000;

const offset = {
  acpiRsdp: 0x070,
  memoryMapEntries: 0x1e8,
  typeOfLoader: 0x210,
  code32Start: 0x214,
  initrdImage: 0x218,
  initrdSize: 0x21c,
  commandLine: 0x228,
  setupData: 0x250,
  memoryMap: 0x2d0,
} as const;

const memoryMapEntrySize = 20;
export const memoryMapCapacity = 128;
const unknownLoader = 0xff;

export interface ZeroPage {
  /** The kernel file; its setup header is copied, and no byte before it: the sentinel at 0x1ef must stay zero. */
  readonly file: Uint8Array;
  readonly headerEnd: number;
  readonly loadAddress: number;
  readonly memoryMap: readonly MemoryRange[];
  readonly commandLine: number;
  readonly initrd: { readonly base: number; readonly size: number };
  readonly acpiRsdp: number;
  readonly setupData: number;
}

export function zeroPage(contents: ZeroPage): Uint8Array {
  const page = new Uint8Array(zeroPageSize);
  const view = new DataView(page.buffer);
  page.set(contents.file.subarray(setupHeaderStart, contents.headerEnd), setupHeaderStart);
  view.setBigUint64(offset.acpiRsdp, BigInt(contents.acpiRsdp), true);
  view.setUint8(offset.typeOfLoader, unknownLoader);
  view.setUint32(offset.code32Start, contents.loadAddress, true);
  view.setUint32(offset.initrdImage, contents.initrd.base, true);
  view.setUint32(offset.initrdSize, contents.initrd.size, true);
  view.setUint32(offset.commandLine, contents.commandLine, true);
  view.setBigUint64(offset.setupData, BigInt(contents.setupData), true);
  view.setUint8(offset.memoryMapEntries, contents.memoryMap.length);
  for (const [index, { base, size, type }] of contents.memoryMap.entries()) {
    const at = offset.memoryMap + index * memoryMapEntrySize;
    view.setBigUint64(at, BigInt(base), true);
    view.setBigUint64(at + 8, BigInt(size), true);
    view.setUint32(at + 16, type, true);
  }
  return page;
}
