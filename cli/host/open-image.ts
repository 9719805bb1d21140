/** Opens a raw image and locks it, or says why the file cannot be a disk and what to do, which never changes the file. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { MachineError } from '#core';
import { lockImage } from './file-lock.ts';
import { formatOf, headLength, mayBeDisk, newFileBeside, quoted } from './image-format.ts';

export interface OpenImage {
  readonly handle: FileHandle;
  readonly size: number;
  /** To be called once the handle is closed. */
  readonly unlock: () => void;
}

export const sectorSize = 512;

export async function openImage(path: string, readOnly: boolean): Promise<OpenImage> {
  // Opening alone may block (a pipe) or do something (a tape).
  const status = await knowing(path, stat(path));
  if (status.isDirectory()) throw cannotOpen(path, { code: 'EISDIR' });
  if (!status.isFile()) throw unusable(path, 'is not a file', 'name a raw disk image');
  const handle = await knowing(path, open(path, readOnly ? 'r' : 'r+'));
  let unlock = (): void => {};
  try {
    unlock = lockImage(path, handle.fd, readOnly ? 'shared' : 'exclusive');
    return { handle, size: await sizeOf(path, handle), unlock };
  } catch (error) {
    await handle.close();
    unlock();
    throw error;
  }
}

async function sizeOf(path: string, handle: FileHandle): Promise<number> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(headLength), 0, headLength, 0);
  const head = buffer.subarray(0, bytesRead);
  const format = formatOf(head);
  if (format) throw unusable(path, `is ${format.name}`, format.remedy(path));
  const { size } = await handle.stat();
  if (size === 0 && bytesRead > 0) throw unusable(path, 'has no size of its own', 'name a raw disk image');
  if (size === 0) {
    const remedy = `name a raw disk image, or make this one as long as the disk is to be: truncate -s 1G ${quoted(path)}`;
    throw unusable(path, 'is empty', remedy);
  }
  if (size % sectorSize !== 0) {
    const what = `has ${size} bytes, which are no whole sectors of ${sectorSize}`;
    throw unusable(path, what, mayBeDisk(head) ? wholeCopy(path, size) : 'name a raw disk image');
  }
  return size;
}

function wholeCopy(path: string, size: number): string {
  const whole = Math.ceil(size / sectorSize) * sectorSize;
  const copy = newFileBeside(path);
  return `it may have been cut off; a copy of whole sectors can be used: cp ${quoted(path)} ${copy} && truncate -s ${whole} ${copy}`;
}

const reasons: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  ENOENT: ['there is no such file', 'check the name, or make a disk: truncate -s 1G FILE'],
  EACCES: ['it may not be opened', 'change its permissions, or open it read-only'],
  EPERM: ['it may not be opened', 'change its permissions, or open it read-only'],
  EROFS: ['its file system is read-only', 'open it read-only'],
  EISDIR: ['it is a directory', 'name a raw disk image'],
};

async function knowing<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw cannotOpen(path, cause as NodeJS.ErrnoException);
  }
}

function cannotOpen(path: string, cause: Partial<NodeJS.ErrnoException>): MachineError {
  const [why, remedy] = reasons[cause.code ?? ''] ?? [cause.message, 'check the file'];
  return new MachineError('file-not-found', `${path} cannot be opened: ${why}`, { remedy, cause });
}

const unusable = (path: string, what: string, remedy: string): MachineError =>
  new MachineError('bad-image', `${path} ${what}`, { remedy });
