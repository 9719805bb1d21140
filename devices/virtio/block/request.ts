import type { Chain } from '../queue/chain.ts';
import { headerLength } from './layout.ts';

/** A request with its header read. Framing is the driver's choice: only the order of bytes counts (virtio 1.2, 2.7.4.1). */
export interface BlockRequest {
  readonly chain: Chain;
  readonly type: number;
  /** As the driver says; may be far beyond any disk. */
  readonly sector: bigint;
  /** What is to be written, or the parameters of the request. */
  readonly data: Uint8Array;
  /** How much room there is for data before the status byte. */
  readonly room: number;
}

/** undefined if the header or the status byte is missing, which breaks the rules. */
export function parseRequest(chain: Chain): BlockRequest | undefined {
  if (chain.readableLength < headerLength || chain.writableLength < 1) return undefined;
  const header = chain.read(0, headerLength);
  const view = new DataView(header.buffer);
  return {
    chain,
    type: view.getUint32(0, true),
    sector: view.getBigUint64(8, true),
    data: chain.read(headerLength, chain.readableLength - headerLength),
    room: chain.writableLength - 1,
  };
}
