/** Bytes in the order in which they came, up to a limit. */
export class ByteQueue {
  #bytes = new Uint8Array(256);
  #start = 0;
  #end = 0;

  constructor(private readonly limit: number) {}

  get length(): number {
    return this.#end - this.#start;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** Answers how many bytes there was room for. */
  push(data: Uint8Array): number {
    const taken = Math.min(data.length, this.limit - this.length);
    if (this.#end + taken > this.#bytes.length) this.#makeRoom(taken);
    this.#bytes.set(data.subarray(0, taken), this.#end);
    this.#end += taken;
    return taken;
  }

  /** The first bytes, as a copy; fewer if there are no more. */
  shift(count: number): Uint8Array {
    const bytes = this.bytes.slice(0, count);
    this.#start += bytes.length;
    if (this.length === 0) this.clear();
    return bytes;
  }

  clear(): void {
    this.#bytes = new Uint8Array(256);
    this.#start = 0;
    this.#end = 0;
  }

  /** Twice what is needed, so that copying costs no more than the bytes themselves. */
  #makeRoom(count: number): void {
    const bytes = new Uint8Array(2 * (this.length + count));
    bytes.set(this.bytes);
    this.#end -= this.#start;
    this.#start = 0;
    this.#bytes = bytes;
  }
}
