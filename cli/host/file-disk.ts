import type { FileHandle } from 'node:fs/promises';
import { type BlockBackend, BlockError, type MachineError } from '#core';
import { diskFailure } from './disk-failure.ts';
import { openImage } from './open-image.ts';

export interface FileDiskOptions {
  readonly readOnly?: boolean;
  /** Called once, when the host fails to read or write the image for the first time. The guest gets an I/O error. */
  readonly onFailure?: (failure: MachineError) => void;
}

/** A raw disk image in a file of the host. */
export class FileDisk implements BlockBackend, AsyncDisposable {
  /** Throws a MachineError if the file cannot be a disk. */
  static async open(path: string, { readOnly = false, onFailure }: FileDiskOptions = {}): Promise<FileDisk> {
    const { handle, size, unlock } = await openImage(path, readOnly);
    return new FileDisk(path, handle, size, readOnly, unlock, onFailure);
  }

  #failure: MachineError | undefined;
  readonly #pending = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    readonly size: number,
    readonly readOnly: boolean,
    private readonly unlock: () => void,
    private readonly onFailure: FileDiskOptions['onFailure'],
  ) {}

  /** The first failure of the host. */
  get failure(): MachineError | undefined {
    return this.#failure;
  }

  read(at: number, into: Uint8Array): Promise<void> {
    return this.#do('reading', async () => {
      for (let done = 0; done < into.length; ) {
        const { bytesRead } = await this.handle.read(into, done, into.length - done, at + done);
        if (bytesRead === 0) throw new Error(`it ends at byte ${at + done}: it has become shorter`);
        done += bytesRead;
      }
    });
  }

  async write(at: number, from: Uint8Array): Promise<void> {
    if (this.readOnly) throw new BlockError(`${this.path} is read-only`);
    if (at + from.length > this.size) throw new BlockError(`${this.path} has no byte ${at + from.length - 1}`);
    await this.#do('writing', async () => {
      for (let done = 0; done < from.length; ) {
        const { bytesWritten } = await this.handle.write(from, done, from.length - done, at + done);
        if (bytesWritten === 0) throw new Error(`nothing can be written at byte ${at + done}`);
        done += bytesWritten;
      }
    });
  }

  /** Closing flushes, and tells whoever closes what became of it. */
  async flush(): Promise<void> {
    if (this.#closing) await this.#closing.catch(() => undefined);
    else if (!this.readOnly) await this.#do('flushing', () => this.handle.sync());
  }

  /** Waits for what is under way, and flushes. The image is free for others then, even if this rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      await Promise.allSettled(this.#pending);
      if (!this.readOnly) await this.handle.sync().catch(cause => this.#fail('flushing', cause));
    } finally {
      await this.handle.close();
      this.unlock();
    }
  }

  async #do(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#closing) throw new BlockError(`${this.path} is closed`);
    const done = work().catch(cause => this.#fail(what, cause));
    this.#pending.add(done);
    try {
      await done;
    } finally {
      this.#pending.delete(done);
    }
  }

  #fail(what: string, cause: unknown): never {
    const failure = diskFailure(this.path, what, cause);
    if (!this.#failure) {
      this.#failure = failure;
      this.onFailure?.(failure);
    }
    throw new BlockError(failure.message, { cause });
  }
}
