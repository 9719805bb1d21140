/** Files that a user names. */
import { readFile } from 'node:fs/promises';
import { MachineError } from '#core';

export async function readInput(option: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'it may not be read' : (cause as Error).message;
    throw new MachineError('file-not-found', `${path}: ${why}`, { path: option, remedy: 'check the name', cause });
  }
}
