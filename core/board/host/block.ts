/** A disk as the host supplies it. Offsets and lengths are in bytes, inside `size`: devices check before they ask. */
export interface BlockBackend {
  readonly size: number;
  readonly readOnly: boolean;
  /** Each rejects with a BlockError when the medium fails. */
  read(at: number, into: Uint8Array): Promise<void>;
  write(at: number, from: Uint8Array): Promise<void>;
  /** Everything written before is durable when this resolves. */
  flush(): Promise<void>;
}

/** The medium failed; a device turns it into the status that its guest understands. */
export class BlockError extends Error {
  override readonly name = 'BlockError';
}
