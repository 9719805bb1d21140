const smallest = 64;

/** Bytes in the order they came. Putting in and taking out cost the same however many wait. */
export class ByteQueue {
  #bytes = new Uint8Array(smallest);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  push(data: ArrayLike<number>): void {
    if (this.#end + data.length > this.#bytes.length) this.#makeRoom(data.length);
    this.#bytes.set(data, this.#end);
    this.#end += data.length;
  }

  /** The first one; there must be one. */
  shift(): number {
    const byte = this.#bytes[this.#start++];
    if (this.#start === this.#end) this.#start = this.#end = 0;
    return byte;
  }

  clear(): void {
    this.#bytes = new Uint8Array(smallest);
    this.#start = this.#end = 0;
  }

  toArray(): number[] {
    return [...this.#bytes.subarray(this.#start, this.#end)];
  }

  /** At least twice what is needed, so that the next copy is far away. */
  #makeRoom(count: number): void {
    const waiting = this.#bytes.subarray(this.#start, this.#end);
    const bytes = new Uint8Array(Math.max(2 * (waiting.length + count), smallest));
    bytes.set(waiting);
    this.#bytes = bytes;
    this.#end = waiting.length;
    this.#start = 0;
  }
}
