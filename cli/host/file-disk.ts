import { type FileHandle, open } from 'node:fs/promises';
import { type BlockBackend, BlockError, MachineError } from '#core';
import { lock, refuseIfLocked, unlock } from './file-lock.ts';

export interface FileDiskOptions {
  readonly readOnly?: boolean;
}

const sectorSize = 512;

/** A raw disk image in a file of the host. */
export class FileDisk implements BlockBackend {
  /** Throws a MachineError if the file cannot be a disk. */
  static async open(path: string, { readOnly = false }: FileDiskOptions = {}): Promise<FileDisk> {
    const handle = await openFile(path, readOnly);
    try {
      const status = await handle.stat();
      if (!status.isFile()) throw unusable(path, 'is not a file', 'name a raw disk image');
      if (status.size === 0)
        throw unusable(path, 'is empty', `make it as long as the disk is to be: truncate -s 1G ${path}`);
      if (status.size % sectorSize !== 0) {
        const whole = Math.ceil(status.size / sectorSize) * sectorSize;
        const remedy = `name a raw image; if it is one, make it whole: truncate -s ${whole} ${path}`;
        throw unusable(path, `has ${status.size} bytes, which are no whole sectors of ${sectorSize}`, remedy);
      }
      await refuseFormats(path, handle);
      if (readOnly) refuseIfLocked(path);
      else lock(path);
      return new FileDisk(path, handle, status.size, readOnly);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    readonly size: number,
    readonly readOnly: boolean,
  ) {}

  async read(at: number, into: Uint8Array): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const { bytesRead } = await this.#try('read', this.handle.read(into, done, into.length - done, at + done));
      if (bytesRead === 0) throw new BlockError(`${this.path} ends at byte ${at + done}: it has become shorter`);
      done += bytesRead;
    }
  }

  async write(at: number, from: Uint8Array): Promise<void> {
    if (this.readOnly) throw new BlockError(`${this.path} is read-only`);
    if (at + from.length > this.size) throw new BlockError(`${this.path} has no byte ${at + from.length - 1}`);
    for (let done = 0; done < from.length; ) {
      const { bytesWritten } = await this.#try('write', this.handle.write(from, done, from.length - done, at + done));
      done += bytesWritten;
    }
  }

  async flush(): Promise<void> {
    if (!this.readOnly) await this.#try('flush', this.handle.sync());
  }

  async close(): Promise<void> {
    await this.handle.close();
    if (!this.readOnly) unlock(this.path);
  }

  async #try<T>(what: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (cause) {
      throw new BlockError(`${this.path}: ${what} failed: ${(cause as Error).message}`, { cause });
    }
  }
}

const reasons: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  ENOENT: ['there is no such file', 'check the name, or make a disk: truncate -s 1G FILE'],
  EACCES: ['it may not be opened', 'change its permissions, or open it read-only'],
  EPERM: ['it may not be opened', 'change its permissions, or open it read-only'],
  EROFS: ['its file system is read-only', 'open it read-only'],
  EISDIR: ['it is a directory', 'name a raw disk image'],
};

async function openFile(path: string, readOnly: boolean): Promise<FileHandle> {
  try {
    return await open(path, readOnly ? 'r' : 'r+');
  } catch (cause) {
    const [why, remedy] = reasons[(cause as NodeJS.ErrnoException).code ?? ''] ?? [
      (cause as Error).message,
      'check the file',
    ];
    throw new MachineError('file-not-found', `${path} cannot be opened: ${why}`, { remedy, cause });
  }
}

/** First bytes of images that are not raw: a guest would see their headers as its disk, and destroy them. */
const formats: Readonly<Record<string, string>> = { 'QFI\xfb': 'qcow2', KDMV: 'vmdk', vhdx: 'vhdx', '<<< ': 'vdi' };

async function refuseFormats(path: string, handle: FileHandle): Promise<void> {
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  const format = formats[buffer.toString('latin1')];
  if (format) throw unusable(path, `is a ${format} image`, `convert it: qemu-img convert -O raw ${path} ${path}.raw`);
}

const unusable = (path: string, what: string, remedy: string): MachineError =>
  new MachineError('bad-image', `${path} ${what}`, { remedy });
