/**
 * One writer per disk image. Node has no flock, so it is a file beside the image with the number of the process that writes; one that
 * was left behind by a process that is no more counts for nothing.
 */
import { readFileSync, realpathSync, unlinkSync, writeFileSync } from 'node:fs';
import { MachineError } from '#core';

const held = new Set<string>();

const lockOf = (path: string): string => `${realpathSync(path)}.lock`;

/** Throws a MachineError if somebody writes to the image. */
export function refuseIfLocked(path: string): void {
  const lock = lockOf(path);
  const owner = ownerOf(lock);
  if (owner === undefined) return;
  throw new MachineError('host-failure', `${path} is locked: process ${owner} writes to it`, {
    remedy: `end that machine first, or delete ${lock} if there is none`,
  });
}

/** Keeps others away until `unlock` or the end of this process. A directory that cannot be written to has no locks. */
export function lock(path: string): void {
  refuseIfLocked(path);
  const lock = lockOf(path);
  try {
    unlinkIfThere(lock);
    writeFileSync(lock, `${process.pid}\n`, { flag: 'wx' });
    if (held.size === 0) process.once('exit', unlockAll);
    held.add(lock);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') refuseIfLocked(path);
    else if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error;
  }
}

export function unlock(path: string): void {
  const lock = lockOf(path);
  if (held.delete(lock)) unlinkIfThere(lock);
  if (held.size === 0) process.removeListener('exit', unlockAll);
}

function unlockAll(): void {
  for (const lock of held) unlinkIfThere(lock);
}

/** The living process that holds a lock. */
function ownerOf(lock: string): number | undefined {
  try {
    const owner = Number(readFileSync(lock, 'utf8'));
    if (!Number.isInteger(owner) || owner <= 0) return undefined;
    process.kill(owner, 0);
    return owner;
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? Number(readFileSync(lock, 'utf8')) : undefined;
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
