/** What drivers and disks write to each other (virtio 1.2, 5.2). */
export const sectorSize = 512;

export const BlockFeature = {
  sizeMax: 1,
  segmentMax: 2,
  readOnly: 5,
  blockSize: 6,
  flush: 9,
  writeZeroes: 14,
} as const;

export const RequestType = { read: 0, write: 1, flush: 4, getId: 8, writeZeroes: 13 } as const;

export const BlockStatus = { ok: 0, ioError: 1, unsupported: 2 } as const;

/** Type, reserved, sector. */
export const headerLength = 16;
export const serialLength = 20;

/** Sector, number of sectors, flags. */
export const zeroesLength = 16;
export const largestZeroes = 0x1000;

/** struct virtio_blk_config, as far as its features are offered (5.2.4). */
export function blockConfiguration(size: number): Uint8Array {
  const bytes = new Uint8Array(60);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(size / sectorSize), true);
  view.setUint32(8, 0x4_0000, true);
  view.setUint32(12, 126, true);
  view.setUint32(20, sectorSize, true);
  view.setUint32(48, largestZeroes, true);
  view.setUint32(52, 1, true);
  return bytes;
}
