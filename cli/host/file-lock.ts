/** One writer per disk image, or any number of readers: a lock on the image itself, whatever it is called and in whichever container. */
import { realpathSync } from 'node:fs';
import { MachineError } from '#core';
import { quoted } from './image-format.ts';
import { holderOf, releaseLockFile, takeLockFile } from './lock-file.ts';
import { describeOwner, type Owner } from './owner.ts';
import { type LockMode, lockDescriptor } from './system-lock.ts';

/** Lock files of this process. */
const held = new Set<string>();

/**
 * Throws a MachineError if somebody else's use of the image excludes ours. The lock lasts until the descriptor is closed and what
 * comes back has been called.
 */
export function lockImage(path: string, fd: number, mode: LockMode): () => void {
  const file = `${realpathSync(path)}.lock`;
  const result = lockDescriptor(fd, mode);
  if (result === 'refused') {
    const why = mode === 'exclusive' ? 'another machine uses it' : 'another machine writes to it';
    throw new MachineError('host-failure', `${path} is locked: ${why}`, {
      remedy: `end that machine first; fuser -v ${quoted(path)} tells which process has it`,
    });
  }
  if (result === 'held' || mode === 'shared') {
    refuse(path, file, holderOf(file), result === 'held');
    return () => {};
  }
  try {
    refuse(path, file, takeLockFile(file), false);
  } catch (cause) {
    if (cause instanceof MachineError) throw cause;
    throw new MachineError('host-failure', `${path} cannot be locked: ${(cause as Error).message}`, {
      remedy: 'install the program flock (of util-linux), let its folder be written to, or open it read-only',
      cause,
    });
  }
  if (held.size === 0) process.on('exit', releaseAll);
  held.add(file);
  return () => release(file);
}

/** What does not say who made it is of no weight where there are better locks: older versions left such files behind. */
function refuse(path: string, file: string, holder: Owner | 'unknown' | undefined, isHeld: boolean): void {
  if (holder === undefined || (isHeld && (holder === 'unknown' || holder.by === 'flock'))) return;
  const who = holder === 'unknown' ? 'a process that it does not name' : `process ${describeOwner(holder)}`;
  throw new MachineError('host-failure', `${path} is locked: ${file} belongs to ${who}`, {
    remedy: `end that machine first; if there is none any more, delete it: rm ${quoted(file)}`,
  });
}

function release(file: string): void {
  if (held.delete(file)) releaseLockFile(file);
  if (held.size === 0) process.off('exit', releaseAll);
}

function releaseAll(): void {
  for (const file of held) releaseLockFile(file);
}
