/** One process at a time: a file that names its owner. The lock of a process that died is taken over. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const pollInterval = 200;

export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  while (!(await acquired(file))) await delay(pollInterval);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function acquired(file: string): Promise<boolean> {
  try {
    await writeFile(file, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const owner = Number((await readFile(file, 'utf8').catch(() => '')).trim());
  if (owner > 0 && !isAlive(owner)) await rm(file, { force: true });
  return false;
}

function isAlive(owner: number): boolean {
  try {
    process.kill(owner, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
