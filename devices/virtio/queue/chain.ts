import type { GuestMemory } from '#core';

/** A piece of guest RAM, known to lie in it. */
export interface Segment {
  readonly address: number;
  readonly length: number;
}

/** The buffers of one request: what the driver gave to be read, and where it wants the answer. */
export class Chain {
  readonly readable: Segment[] = [];
  readonly writable: Segment[] = [];
  readableLength = 0;
  writableLength = 0;

  constructor(
    /** The descriptor by which the driver knows it. */
    readonly head: number,
    private readonly memory: GuestMemory,
  ) {}

  get length(): number {
    return this.readableLength + this.writableLength;
  }

  addReadable(segment: Segment): void {
    this.readable.push(segment);
    this.readableLength += segment.length;
  }

  addWritable(segment: Segment): void {
    this.writable.push(segment);
    this.writableLength += segment.length;
  }

  /** A copy of readable bytes, as far as there are any. */
  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.readableLength - offset)));
    each(this.readable, offset, bytes.length, (address, done, part) => {
      this.memory.read(address, bytes.subarray(done, done + part));
    });
    return bytes;
  }

  /** Fills writable bytes; what does not fit is dropped. Answers how many there were. */
  write(offset: number, bytes: Uint8Array): number {
    const length = Math.max(0, Math.min(bytes.length, this.writableLength - offset));
    each(this.writable, offset, length, (address, done, part) => {
      this.memory.write(address, bytes.subarray(done, done + part));
    });
    return length;
  }
}

/** Goes through a stretch of segments, piece by piece. */
function each(
  segments: readonly Segment[],
  offset: number,
  length: number,
  visit: (address: number, done: number, part: number) => void,
): void {
  let start = 0;
  let done = 0;
  for (const segment of segments) {
    const skip = Math.max(0, offset - start);
    start += segment.length;
    if (skip >= segment.length) continue;
    const part = Math.min(segment.length - skip, length - done);
    if (part <= 0) return;
    visit(segment.address + skip, done, part);
    done += part;
  }
}
