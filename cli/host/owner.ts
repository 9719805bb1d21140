/** Who has a lock file: a process, told from others of its number in other containers, on other computers and at other times. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface Owner {
  readonly process: number;
  /** What holds the lock besides the file: then the file alone means nothing. */
  readonly by: 'flock' | 'file';
  /** In clock ticks since the computer's start, if the system tells. */
  readonly started?: string | undefined;
  /** Of process numbers: a container has its own. */
  readonly namespace?: string | undefined;
  readonly boot?: string | undefined;
  readonly host: string;
}

export const thisProcess = (by: Owner['by']): Owner => ({
  process: process.pid,
  by,
  started: startOf('self'),
  namespace: namespace(),
  boot: tell(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
  host: host(),
});

/** undefined if the text names nobody: it is of an older version, or not ours. */
export function parseOwner(text: string): Owner | undefined {
  const value: unknown = tell(() => JSON.parse(text));
  if (typeof value !== 'object' || value === null) return undefined;
  const { process, by, host } = value as Partial<Owner>;
  const isOwner = Number.isInteger(process) && (by === 'flock' || by === 'file') && typeof host === 'string';
  return isOwner ? (value as Owner) : undefined;
}

/** Only what cannot be otherwise: a process that cannot be seen from here may live. */
export function isSurelyDead(owner: Owner): boolean {
  const us = thisProcess('file');
  if (owner.host !== us.host) return false;
  // The same computer has been started anew.
  if (owner.boot !== us.boot) return owner.boot !== undefined && us.boot !== undefined;
  if (owner.namespace !== us.namespace) return false;
  if (!exists(owner.process)) return true;
  const started = owner.process === us.process ? us.started : seesOurs() ? startOf(owner.process) : undefined;
  return started !== undefined && owner.started !== undefined && started !== owner.started;
}

/** "12", and where, if that is not here. */
export function describeOwner(owner: Owner): string {
  const us = thisProcess('file');
  const [name] = owner.host.split('/');
  if (owner.host !== us.host) return `${owner.process} of ${name}`;
  return owner.namespace === us.namespace ? `${owner.process}` : `${owner.process} of another container`;
}

/** Containers may have the same name, and computers the same image. */
const host = (): string => {
  const id = tell(() => readFileSync('/etc/machine-id', 'utf8').trim());
  return id ? `${hostname()}/${id}` : hostname();
};

const namespace = (): string | undefined => tell(() => readlinkSync('/proc/self/ns/pid'));

/** /proc may be that of another namespace. */
const seesOurs = (): boolean => tell(() => readlinkSync('/proc/self')) === `${process.pid}`;

/** Field 22; the second is the program's name in parentheses, whatever is in it. */
const startOf = (pid: number | 'self'): string | undefined =>
  tell(() => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ')[19]);

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function tell<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
