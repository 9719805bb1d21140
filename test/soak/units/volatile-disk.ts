/** A disk with a cache of its own: what has not been flushed is lost with the process, as in a power failure. */
import type { BlockBackend } from '#core';

const sectorSize = 512;

export class VolatileDisk implements BlockBackend {
  #cache = new Map<number, Uint8Array>();
  /** On their way to the medium: still to be read from here. */
  #leaving = new Map<number, Uint8Array>();
  #flushing: Promise<void> = Promise.resolve();

  constructor(private readonly medium: BlockBackend) {}

  get size(): number {
    return this.medium.size;
  }

  get readOnly(): boolean {
    return this.medium.readOnly;
  }

  async read(at: number, into: Uint8Array): Promise<void> {
    // First what is cached now: the medium may catch up in the meantime, never fall back.
    const cached = new Map([...this.#leaving, ...this.#cache]);
    await this.medium.read(at, into);
    for (let offset = 0; offset < into.length; offset += sectorSize) {
      const sector = cached.get(at + offset);
      if (sector) into.set(sector.subarray(0, into.length - offset), offset);
    }
  }

  async write(at: number, from: Uint8Array): Promise<void> {
    for (let offset = 0; offset < from.length; offset += sectorSize)
      this.#cache.set(at + offset, from.slice(offset, offset + sectorSize));
  }

  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(async () => {
      this.#leaving = this.#cache;
      this.#cache = new Map();
      for (const [at, sector] of this.#leaving) await this.medium.write(at, sector);
      await this.medium.flush();
      this.#leaving = new Map();
    });
    return this.#flushing;
  }
}
