/** Makes the cache's folder, or says at once why it cannot be used. */
import { existsSync, statSync } from 'node:fs';
import { access, constants, lstat, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The operating system said no. */
export const isRefusal = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error;

/** Whoever waits for a lock that is no file waits for ever: nobody can take it away. */
export async function openCache(folder: string, lock: string): Promise<void> {
  await makeFolder(folder);
  await access(folder, constants.W_OK | constants.X_OK);
  const inTheWay = await lstat(lock).catch(() => undefined);
  if (!inTheWay) return;
  if (!inTheWay.isFile()) throw refusal('EEXIST', `${lock} is no file`);
  // A lock that lasts only as long as this look at it is fine.
  await access(lock, constants.R_OK).catch(error => {
    if (existsSync(lock)) throw error;
  });
}

/** Node's own recursive mkdir tries for ever below /proc, where folders cannot be made. */
async function makeFolder(folder: string): Promise<void> {
  const parent = dirname(folder);
  if (parent !== folder && !existsSync(parent)) await makeFolder(parent);
  try {
    await mkdir(folder);
  } catch (error) {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

const refusal = (code: string, message: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: ${message}`), { code, syscall: 'open' });
