/** Kernels for tests: a synthetic bzImage of a few kilobytes, and the real one if somebody fetched it. */
import { existsSync, readFileSync } from 'node:fs';
import { guestPaths } from '../../cli/fetch/cache.ts';

export interface SyntheticKernel {
  readonly version?: number;
  readonly setupSectors?: number;
  readonly codeSize?: number;
  readonly initSize?: number;
  readonly preferredAddress?: number;
  readonly initrdLimit?: number;
  readonly commandLineSize?: number;
  readonly extendedFlags?: number;
  /** What stands at the 64-bit entry point. */
  readonly code?: Uint8Array;
}

/** A bzImage with a sound header, whose code is `code` or HLT. */
export function syntheticKernel({
  version = 0x020f,
  setupSectors = 4,
  codeSize = 0x1000,
  initSize = 0x10_0000,
  preferredAddress = 0x100_0000,
  initrdLimit = 0x7fff_ffff,
  commandLineSize = 2047,
  extendedFlags = 0x3f,
  code = new Uint8Array([0xf4]),
}: SyntheticKernel = {}): Uint8Array {
  const start = ((setupSectors || 4) + 1) * 512;
  const file = new Uint8Array(start + codeSize).fill(0xcc, 0, 0x1f1);
  const view = new DataView(file.buffer);
  view.setUint8(0x1f1, setupSectors);
  view.setUint32(0x1f4, codeSize / 16, true);
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint16(0x200, 0x6aeb, true);
  view.setUint32(0x202, 0x5372_6448, true);
  view.setUint16(0x206, version, true);
  view.setUint16(0x20e, 0x300, true);
  view.setUint8(0x211, 1);
  view.setUint32(0x22c, initrdLimit, true);
  view.setUint32(0x230, 0x20_0000, true);
  view.setUint8(0x234, 1);
  view.setUint16(0x236, extendedFlags, true);
  view.setUint32(0x238, commandLineSize, true);
  view.setBigUint64(0x258, BigInt(preferredAddress), true);
  view.setUint32(0x260, initSize, true);
  file.set(new TextEncoder().encode('6.1.0-synthetic (nobody@nowhere)\0'), 0x500);
  file.set(code, start + 0x200);
  return file;
}

export interface FetchedGuest {
  readonly kernel: Uint8Array;
  readonly busybox: Uint8Array;
}

/** What `virt64 fetch` left in the cache, or undefined: such tests skip themselves. */
export function fetchedGuest(): FetchedGuest | undefined {
  const paths = guestPaths();
  if (!existsSync(paths.kernel) || !existsSync(paths.busybox)) return undefined;
  return { kernel: readFileSync(paths.kernel), busybox: readFileSync(paths.busybox) };
}
