/** What the host did to a disk, in words. */
import { MachineError } from '#core';

const reasons: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  ENOSPC: ['the file system is full', 'make room there'],
  EDQUOT: ['the quota is used up', 'make room there, or get a larger quota'],
  EFBIG: ['files may not become so large', 'raise the limit (ulimit -f), or use another file system'],
  EIO: ['the medium has failed', 'look into the log of the host’s kernel, and save what is there'],
  EROFS: ['the file system has become read-only', 'look into the log of the host’s kernel'],
  ESTALE: ['the file is no longer on its server', 'mount the file system again'],
};

export function diskFailure(path: string, what: string, cause: unknown): MachineError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const [why, remedy] = reasons[code] ?? [message, 'check the file'];
  return new MachineError('host-failure', `${path}: ${what} failed: ${why}`, {
    remedy: `${remedy}; the guest has been told of an I/O error and may not trust this disk any more`,
    cause,
  });
}
