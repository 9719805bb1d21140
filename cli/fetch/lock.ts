/** One process at a time: the operating system's lock on a file, or else the file itself. A process that died has no lock. */
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { holderOf, ownerText, releaseLockFile, takeLockFile } from '../host/lock-file.ts';
import { describeOwner, type Owner, parseOwner } from '../host/owner.ts';
import { lockDescriptor } from '../host/system-lock.ts';

const pollInterval = 200;

/** `onWait` is told, once, which process it waits for. */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  onWait: (owner: string) => void = () => {},
): Promise<T> {
  let isWaiting = false;
  let taken = take(file);
  for (; 'holder' in taken; taken = take(file)) {
    const { holder } = taken;
    if (holder && !isWaiting) {
      isWaiting = true;
      onWait(holder === 'unknown' ? 'that is not known' : describeOwner(holder));
    }
    await delay(pollInterval);
  }
  const { release } = taken;
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

/** How to give it back; or who has it, if that can be told. */
type Taken = { readonly release: () => void } | { readonly holder: Owner | 'unknown' | undefined };

function take(file: string): Taken {
  const fd = openSync(file, 'a+');
  const result = lockDescriptor(fd, 'exclusive');
  const holder = result === 'held' ? holderOf(file) : parseOwner(readFileSync(fd, 'utf8'));
  const isFree = holder === undefined || holder === 'unknown' || holder.by === 'flock';
  if (result === 'held' && isFree && isStillThere(file, fd)) {
    ftruncateSync(fd);
    writeSync(fd, ownerText('flock'));
    return { release: () => release(file, fd) };
  }
  closeSync(fd);
  if (result === 'held') return { holder: isFree ? undefined : holder };
  if (result === 'refused') return { holder };
  const other = takeLockFile(file);
  return other === undefined ? { release: () => releaseLockFile(file) } : { holder: other };
}

/** Deleted while it is locked: who has opened it meanwhile finds that it is gone when he gets the lock. */
function release(file: string, fd: number): void {
  releaseLockFile(file);
  closeSync(fd);
}

/** Its last owner may have deleted it while we waited. */
function isStillThere(file: string, fd: number): boolean {
  try {
    const [ours, there] = [fstatSync(fd, { bigint: true }), statSync(file, { bigint: true })];
    return ours.ino === there.ino && ours.dev === there.dev;
  } catch {
    return false;
  }
}
