import type { Buffer, Guest, Queue } from './driver.ts';

export const Type = { read: 0, write: 1, flush: 4, getId: 8, discard: 11, writeZeroes: 13 } as const;
export const Outcome = { ok: 0, ioError: 1, unsupported: 2 } as const;

/** Where a request's pieces lie in guest RAM. */
export const place = { header: 0x4_0000, data: 0x5_0000, status: 0x4_8000 } as const;

const untouched = 0xee;

export function writeHeader(bench: Guest, type: number, sector: bigint | number, at: number = place.header): void {
  bench.memory.write32(at, type);
  bench.memory.write32(at + 4, 0);
  bench.memory.write64(at + 8, BigInt(sector));
}

/** Header, data, status, as drivers frame them. */
export function buffers(type: number, length: number): Buffer[] {
  const writable = type === Type.read || type === Type.getId;
  return [
    { at: place.header, length: 16 },
    ...(length > 0 ? [{ at: place.data, length, writable }] : []),
    { at: place.status, length: 1, writable: true },
  ];
}

/** Performs a request to its end and answers the status byte. */
export async function request(queue: Queue, type: number, sector: bigint | number, length = 512): Promise<number> {
  const { bench } = queue.owner;
  writeHeader(bench, type, sector);
  bench.memory.write8(place.status, untouched);
  queue.submit(...buffers(type, length));
  await bench.advance(1_000_000, () => bench.memory.read8(place.status) !== untouched);
  return bench.memory.read8(place.status);
}
