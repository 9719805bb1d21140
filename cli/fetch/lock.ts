/** One process at a time: a file that names its owner. The lock of a process that died is taken over. */
import { rmSync } from 'node:fs';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const pollInterval = 200;

/** `onWait` is told, once, which process it waits for. */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  onWait: (owner: number) => void = () => {},
): Promise<T> {
  let isWaiting = false;
  for (let owner: number | undefined; (owner = await acquire(file)) !== undefined; await delay(pollInterval)) {
    if (owner === 0 || isWaiting) continue;
    isWaiting = true;
    onWait(owner);
  }
  const release = (): void => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

let attempts = 0;

/**
 * Takes the lock, or answers the process that has it; 0 if there is none any more. The file appears with its owner in it: one without is what a
 * crash of the computer left.
 */
async function acquire(file: string): Promise<number | undefined> {
  const named = `${file}.${process.pid}-${++attempts}`;
  const mine = `${process.pid}\n`;
  try {
    await writeFile(named, mine);
    // Some file systems have no hard links; there a crash may leave an empty file after all.
    await link(named, file).catch(error => {
      if (codeOf(error) === 'EEXIST') throw error;
      return writeFile(file, mine, { flag: 'wx' });
    });
    return undefined;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(named, { force: true });
  }
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return 0;
  const owner = Number(text);
  if (owner > 0 && isAlive(owner)) return owner;
  await rm(file, { force: true });
  return 0;
}

function isAlive(owner: number): boolean {
  try {
    process.kill(owner, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
