import { type BlockBackend, BlockError } from './block.ts';

/** A disk in memory, for tests, scratch space and browsers. */
export class MemoryDisk implements BlockBackend {
  readonly readOnly: boolean;

  constructor(
    readonly bytes: Uint8Array,
    { readOnly = false }: { readonly readOnly?: boolean } = {},
  ) {
    this.readOnly = readOnly;
  }

  get size(): number {
    return this.bytes.length;
  }

  async read(at: number, into: Uint8Array): Promise<void> {
    this.#check(at, into.length);
    into.set(this.bytes.subarray(at, at + into.length));
  }

  async write(at: number, from: Uint8Array): Promise<void> {
    if (this.readOnly) throw new BlockError('the disk is read-only');
    this.#check(at, from.length);
    this.bytes.set(from, at);
  }

  async flush(): Promise<void> {}

  #check(at: number, length: number): void {
    if (!(at >= 0 && at + length <= this.size)) throw new BlockError(`no byte ${at + length - 1} on this disk`);
  }
}
