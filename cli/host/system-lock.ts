/**
 * flock(2), which Node lacks. Such a lock belongs to the open file, not to a process: a child that inherits the descriptor takes it and
 * ends, and the lock stays with our descriptor. The kernel takes it back when that is closed, however we die, and it holds across
 * containers and for every name that the file has.
 */
import { spawnSync } from 'node:child_process';
import { MachineError } from '#core';

export type LockMode = 'shared' | 'exclusive';

const perl = `use Fcntl ':flock';
open my $file, '<&=', 3 or die "$!\\n";
exit 0 if flock $file, LOCK_NB | ($ARGV[0] eq '-x' ? LOCK_EX : LOCK_SH);
exit 1 if $!{EWOULDBLOCK};
die "$!\\n";`;

/** Each ends with 0 if descriptor 3 is locked now, with 1 and without a word if somebody else's lock is in the way. */
const programs: readonly (readonly [name: string, ...before: string[]])[] = [
  ['flock', '-n'],
  ['perl', '-e', perl],
];

/** Elsewhere perl makes do with locks of a process, which end with the child. */
const systems: readonly NodeJS.Platform[] = ['linux', 'android', 'darwin', 'freebsd', 'openbsd', 'netbsd'];

/** `unavailable`: neither program is here, or the file system knows no locks. */
export function lockDescriptor(fd: number, mode: LockMode): 'held' | 'refused' | 'unavailable' {
  if (!systems.includes(process.platform)) return 'unavailable';
  for (const [name, ...before] of programs) {
    const how = mode === 'exclusive' ? '-x' : '-s';
    const { status, stderr, error, signal } = spawnSync(
      name,
      name === 'perl' ? [...before, how] : [...before, how, '3'],
      { stdio: ['ignore', 'ignore', 'pipe', fd], encoding: 'utf8' },
    );
    const { code } = (error ?? {}) as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES') continue;
    if (status === 0) return 'held';
    if (status === 1 && stderr === '') return 'refused';
    if (status !== null) return 'unavailable';
    throw new MachineError('host-failure', `${name} could not lock a file: ${error?.message ?? signal}`, {
      remedy: 'try again when the host has more room',
      cause: error,
    });
  }
  return 'unavailable';
}
