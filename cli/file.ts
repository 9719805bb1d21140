/** Files that a user names. */
import { readFile } from 'node:fs/promises';
import { MachineError } from '#core';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a directory',
};

export async function readInput(option: string, path: string): Promise<Uint8Array> {
  let content: Uint8Array;
  try {
    content = await readFile(path);
  } catch (cause) {
    const why = reasons[(cause as NodeJS.ErrnoException).code ?? ''] ?? (cause as Error).message;
    throw new MachineError('file-not-found', `${path}: ${why}`, { path: option, remedy: 'check the name', cause });
  }
  if (content.length > 0) return content;
  throw new MachineError('bad-image', `${path} is empty`, { path: option, remedy: 'check how it was made' });
}
