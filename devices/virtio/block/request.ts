import type { Chain } from '../queue/chain.ts';
import { headerLength, RequestType } from './layout.ts';

/** A request with its header read. Framing is the driver's choice: only the order of bytes counts (virtio 1.2, 2.7.4.1). */
export interface BlockRequest {
  readonly type: number;
  /** As the driver says; may be far beyond any disk. */
  readonly sector: bigint;
  /** Bytes after the header: what is to be written, or the parameters of the request. */
  readonly given: number;
  /** How much room there is for data before the status byte. */
  readonly room: number;
}

/** undefined if the header or the status byte is missing, which breaks the rules. */
export function parseRequest(chain: Chain): BlockRequest | undefined {
  if (chain.readableLength < headerLength || chain.writableLength < 1) return undefined;
  const view = new DataView(chain.read(0, headerLength).buffer);
  return {
    type: view.getUint32(0, true),
    sector: view.getBigUint64(8, true),
    given: chain.readableLength - headerLength,
    room: chain.writableLength - 1,
  };
}

/** How many bytes go from or to the disk. */
export function dataLength({ type, given, room }: BlockRequest): number {
  if (type === RequestType.read) return room;
  return type === RequestType.write ? given : 0;
}
