/** A file that names its owner: the lock where the operating system's cannot be had. It is taken over only from one who is surely dead. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isSurelyDead, type Owner, parseOwner, thisProcess } from './owner.ts';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

let attempts = 0;

/** Who has it; a text that names nobody is somebody's, except for one that a crash of the computer left empty. */
export function holderOf(file: string): Owner | 'unknown' | undefined {
  const text = read(file);
  return text === undefined ? undefined : holderIn(text);
}

/** Takes it, or answers who has it. Throws if the folder cannot be written to. */
export function takeLockFile(file: string): Owner | 'unknown' | undefined {
  const named = `${file}.${process.pid}-${++attempts}`;
  const mine = ownerText('file');
  writeFileSync(named, mine, { flag: 'wx' });
  try {
    for (;;) {
      if (putThere(named, file, mine)) return undefined;
      const text = read(file);
      if (text === undefined) continue;
      const holder = holderIn(text);
      if (holder) return holder;
      takeAway(file, text, `${named}.old`);
    }
  } finally {
    rmSync(named, { force: true });
  }
}

export const releaseLockFile = (file: string): void => rmSync(file, { force: true });

export const ownerText = (by: Owner['by']): string => `${JSON.stringify(thisProcess(by))}\n`;

function holderIn(text: string): Owner | 'unknown' | undefined {
  if (/^[\0\s]*$/.test(text)) return undefined;
  const owner = parseOwner(text);
  if (!owner) return 'unknown';
  return isSurelyDead(owner) ? undefined : owner;
}

/** The file appears with its owner in it. Some file systems have no hard links; there a crash may leave an empty one. */
function putThere(named: string, file: string, mine: string): boolean {
  try {
    linkSync(named, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
  }
  try {
    writeFileSync(file, mine, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Of two who find a dead owner, one may be late and get hold of the other's lock: it goes back. */
function takeAway(file: string, dead: string, aside: string): void {
  try {
    renameSync(file, aside);
    if (readFileSync(aside, 'utf8') !== dead) linkSync(aside, file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
