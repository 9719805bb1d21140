import { type FileHandle, open } from 'node:fs/promises';
import { type BlockBackend, BlockError, MachineError } from '#core';

export interface FileDiskOptions {
  readonly readOnly?: boolean;
}

/** A raw disk image in a file of the host. Sizes are whole sectors of 512 bytes. */
export class FileDisk implements BlockBackend {
  static async open(path: string, { readOnly = false }: FileDiskOptions = {}): Promise<FileDisk> {
    let handle: FileHandle;
    try {
      handle = await open(path, readOnly ? 'r' : 'r+');
    } catch (cause) {
      throw new MachineError('file-not-found', `${path}: cannot be opened`, { remedy: 'check the name', cause });
    }
    return new FileDisk(path, handle, (await handle.stat()).size, readOnly);
  }

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    readonly size: number,
    readonly readOnly: boolean,
  ) {}

  async read(at: number, into: Uint8Array): Promise<void> {
    const { bytesRead } = await this.handle.read(into, 0, into.length, at);
    if (bytesRead !== into.length) throw new BlockError(`${this.path}: read failed`);
  }

  async write(at: number, from: Uint8Array): Promise<void> {
    await this.handle.write(from, 0, from.length, at);
  }

  flush(): Promise<void> {
    return this.handle.sync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
