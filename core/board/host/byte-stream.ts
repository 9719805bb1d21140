/** A terminal, a pipe, a recorder: where bytes go and whence they come. */
export interface ByteStream {
  write(data: number | Uint8Array): void;
  /**
   * There is one listener, the device; a later one replaces it. Input that arrives before there is one is kept. A device that knows
   * says by `receiver` how far the guest is.
   */
  onInput(listener: (data: Uint8Array) => void, receiver?: Receiver): void;
}

/** What a device knows of the guest that is to read its input. */
export interface Receiver {
  /** Bytes that the device was given and that still wait for room in it. */
  readonly waiting: number;
  /** The guest has begun to listen. A driver empties the receiver when it opens a port, so what comes earlier may be lost. */
  readonly listens: boolean;
}

/** A stream in memory: keeps what was written, and feeds what a test or a program types. */
export class MemoryStream implements ByteStream {
  #listener: ((data: Uint8Array) => void) | undefined;
  #early: Uint8Array[] = [];
  readonly #output: number[] = [];

  write(data: number | Uint8Array): void {
    if (typeof data === 'number') this.#output.push(data);
    else for (const byte of data) this.#output.push(byte);
  }

  onInput(listener: (data: Uint8Array) => void): void {
    this.#listener = listener;
    const early = this.#early;
    this.#early = [];
    for (const data of early) listener(data);
  }

  type(text: string | Uint8Array): void {
    const data = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    if (this.#listener) this.#listener(data);
    else this.#early.push(data);
  }

  get bytes(): Uint8Array {
    return Uint8Array.from(this.#output);
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }
}
