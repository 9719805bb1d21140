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
    this.readSync(at, into);
  }

  async write(at: number, from: Uint8Array): Promise<void> {
    this.writeSync(at, from);
  }

  async flush(): Promise<void> {}

  readSync(at: number, into: Uint8Array): void {
    this.#check(at, into.length);
    into.set(this.bytes.subarray(at, at + into.length));
  }

  writeSync(at: number, from: Uint8Array): void {
    if (this.readOnly) throw new BlockError('the disk is read-only');
    this.#check(at, from.length);
    this.bytes.set(from, at);
  }

  #check(at: number, length: number): void {
    if (!(at >= 0 && at + length <= this.size)) throw new BlockError(`no byte ${at + length - 1} on this disk`);
  }
}
